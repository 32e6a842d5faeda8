import { assert, assertEquals } from "@std/assert";
import { PLANTED_BUGS, type PlantedBug } from "../planted_bugs/mod.ts";
import { runSeed, SimulationFailure } from "./runner.ts";

/** Within how many seeds the simulation must find each bug, and by which sentences. What is rare needs more. */
const FOUND: Record<string, { within: number; by: RegExp }> = {
  "vote-without-log-check": { within: 50, by: /leader completeness|committed/ },
  "vote-before-durable": { within: 20, by: /durable before acknowledged/ },
  "vote-not-written": { within: 20, by: /durable before acknowledged/ },
  "election-majority-off-by-one": { within: 1000, by: /election safety|both lead/ },
  "earlier-term-accepted": { within: 300, by: /committed|before it began|matching|durab/ },
  "commit-of-earlier-term-by-counting": { within: 2000, by: /leader completeness|committed/ },
  "leader-counts-itself-before-durable": { within: 20, by: /durability/ },
  "commit-quorum-not-sorted": { within: 20, by: /durability/ },
  "commit-beyond-compared": { within: 100, by: /committed/ },
  "place-not-compared": { within: 100, by: /log matching|durable|committed|safety/ },
  "truncation-without-conflict": { within: 20, by: /committed|durab|claims/ },
  "acknowledged-before-durable": { within: 20, by: /durable before acknowledged/ },
  "heartbeat-claims-too-much": { within: 100, by: /durable before acknowledged|beyond the leader/ },
  "applied-before-durable": { within: 20, by: /applied is committed and on this node's disk/ },
  "later-term-counts-as-contact": { within: 1000, by: /confirmed leadership|liveness/ },
  "nonvoters-count-for-commit": { within: 50, by: /durability/ },
  "stale-round-confirms": { within: 500, by: /confirmed leadership/ },
  "nonvoters-confirm": { within: 1000, by: /confirmed leadership/ },
  "refusal-carries-round": { within: 500, by: /before it began|confirmed leadership/ },
  "probe-moves-on": { within: 50, by: /liveness/ },
};

function firstFailure(bug: PlantedBug, within: number): SimulationFailure | undefined {
  for (let seed = 1; seed <= within; seed += 1) {
    try {
      runSeed(seed, bug);
    } catch (error) {
      if (error instanceof SimulationFailure) return error;
      throw error;
    }
  }
  return undefined;
}

for (const bug of PLANTED_BUGS) {
  const found = FOUND[bug.name];
  if (found === undefined) continue;
  Deno.test(`within ${found.within} seeds the simulation finds: ${bug.description}`, () => {
    const failure = firstFailure(bug, found.within);
    assert(failure !== undefined, `${found.within} seeds did not find ${bug.name}`);
    assert(found.by.test(failure.reason), `found by another sentence: ${failure.reason}`);
  });
}

Deno.test("every planted bug is looked for, here or by a script", () => {
  const looked = PLANTED_BUGS.filter(({ name, script }) => name in FOUND || script !== undefined);
  assertEquals(looked, [...PLANTED_BUGS]);
});
