/// <reference lib="deno.worker" />
/**
 * A worker that runs seeds: it is sent a request and answers with what the run was like, or what was wrong.
 *
 * @module
 */
import { ALL_MISTAKES } from "./planted_mistakes.ts";
import { runSeed, SimulationFailure } from "./runner.ts";
import type { SimulationResult } from "./simulation.ts";

/** What a worker is asked. */
export interface SeedRequest {
  /** The seed to run. */
  readonly seed: number;
  /** The name of a mistake that is planted. */
  readonly plant: string | undefined;
}

/** What it answers. */
export type SeedAnswer =
  & { readonly seed: number }
  & ({ readonly result: SimulationResult } | { readonly reason: string });

// Clients are told of thousands of errors, and nobody looks at where they were made: a failure is run again.
Error.stackTraceLimit = 0;

self.onmessage = async ({ data }: MessageEvent<SeedRequest>) => {
  const { seed } = data;
  const plant = ALL_MISTAKES.find(({ name }) => name === data.plant);
  let answer: SeedAnswer;
  try {
    answer = { seed, result: await runSeed(seed, { plant }) };
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    answer = { seed, reason: error.reason };
  }
  self.postMessage(answer);
};
