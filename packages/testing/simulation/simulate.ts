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

/** Runs one seed. Rejects with what is wrong, or with a `RangeError` for a seed that is no number. */
export function simulate<Machine extends Fsm<Response>, Response>(
  options: SimulateOptions<Machine, Response>,
): Promise<SimulationResult> {
  const { seed, trace } = options;
  if (!Number.isFinite(seed)) {
    // All of these would be one seed.
    return Promise.reject(new RangeError(`seed is ${seed}; allowed is a number`));
  }
  const workload = options as unknown as Workload<Fsm, unknown>;
  return new Simulation({ seed, workload, trace }).run();
}
