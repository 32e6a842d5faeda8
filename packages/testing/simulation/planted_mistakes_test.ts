import { assert } from "@std/assert";
import { ALL_MISTAKES, WHOLE_NODE_MISTAKES } from "./planted_mistakes.ts";
import { runSeed, SimulationFailure } from "./runner.ts";

/** Within how many seeds the simulation must find each mistake, and by which sentences. */
const FOUND: Record<string, { readonly within: number; readonly by: RegExp }> = {
  "sync-skipped": { within: 30, by: /^storage: |is damaged/ },
  "failed-sync-ignored": { within: 200, by: /^storage: |is damaged/ },
  "directory-sync-skipped": { within: 30, by: /^storage: |missing|is damaged/ },
  "short-write-ignored": { within: 30, by: /^storage: |is damaged|stopped disks/ },
  "state-machine-forgets": { within: 30, by: /^applied states: / },
};

async function firstFailure(
  name: string,
  within: number,
): Promise<SimulationFailure | undefined> {
  const plant = ALL_MISTAKES.find((one) => one.name === name)!;
  for (let seed = 1; seed <= within; seed += 1) {
    try {
      await runSeed(seed, { plant });
    } catch (error) {
      if (error instanceof SimulationFailure) return error;
      throw error;
    }
  }
  return undefined;
}

for (const { name, description } of WHOLE_NODE_MISTAKES) {
  const { within, by } = FOUND[name]!;
  Deno.test(`within ${within} seeds the simulation finds: ${description}`, async () => {
    const failure = await firstFailure(name, within);
    assert(failure !== undefined, `${within} seeds did not find ${name}`);
    assert(by.test(failure.reason), `found by another sentence: ${failure.reason}`);
  });
}
