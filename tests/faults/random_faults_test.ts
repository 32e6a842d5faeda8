/**
 * All kinds of faults by chance: a short form of `deno task faults`.
 *
 * @module
 */
import { laboratoryTest, report } from "./lab/laboratory.ts";
import { runRound } from "./random/round.ts";

const DURATION_MS = 30_000;
const SEEDS = 2 ** 32;

laboratoryTest(import.meta.url, "random faults for a while", [], async (laboratory) => {
  for (const [means, reason] of Object.entries(laboratory.machine.missing)) {
    report(`no faults that need ${means}: ${reason}`);
  }
  // Another one each time: a seed that fails is found sooner or later, and is printed.
  const seed = Math.floor(Math.random() * SEEDS);
  report(`seed ${seed}; again, for a minute: deno task faults --seed=${seed}`);
  report(await runRound(laboratory, seed, DURATION_MS));
});
