/**
 * The simulator for everybody: your own state machine and your own clients, on a cluster whose disks, network and clocks fail.
 *
 * @module
 */
import type { Fsm } from "@coracle/core";
import { Simulation, type SimulationResult } from "./simulation.ts";
import type { Workload } from "./workload.ts";

/** What {@linkcode simulate} runs. */
export interface SimulateOptions<Machine extends Fsm<Response>, Response>
  extends Workload<Machine, Response> {
  /** Determines everything: the cluster, its settings, what goes wrong and when, and what clients do. */
  readonly seed: number;
  /** Is told everything that happens, a line at a time. */
  readonly trace?: (line: string) => void;
}

/** Runs one seed. Rejects with what is wrong. */
export function simulate<Machine extends Fsm<Response>, Response>(
  options: SimulateOptions<Machine, Response>,
): Promise<SimulationResult> {
  const { seed, trace } = options;
  const workload = options as unknown as Workload<Fsm, unknown>;
  return new Simulation({ seed, workload, trace }).run();
}
