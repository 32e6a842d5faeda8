import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { step } from "@coracle/core/consensus";
import { readRequest } from "./main.ts";
import { PLANTED_BUGS } from "../planted_bugs/mod.ts";
import { runSeed, SimulationFailure } from "./runner.ts";
import { Simulation, type SimulationResult } from "./simulation.ts";

/** How many seeds the short form runs, in parts, so that each shows how long it takes. */
const SEEDS = 400;
const PART = 100;

/** Recovery takes far less than what is allowed; more than this would be news. */
const RECOVERY_MAX_ELECTION_TIMEOUTS = 10;

for (let first = 1; first <= SEEDS; first += PART) {
  const last = first + PART - 1;
  Deno.test(`seeds ${first} to ${last}: all invariants hold, and everything recovers`, () => {
    const results: SimulationResult[] = [];
    for (let seed = first; seed <= last; seed += 1) results.push(runSeed(seed));
    const sum = (of: (result: SimulationResult) => number): number =>
      results.reduce((total, result) => total + of(result), 0);
    // A simulation in which nothing happens proves nothing.
    assert(sum(({ steps }) => steps) > 1000 * PART);
    assert(sum(({ committed }) => committed) > 20 * PART);
    assert(sum(({ terms }) => terms) > 4 * PART);
    for (const kind of ["crash", "partition", "cut", "disconnect", "stall", "pause"] as const) {
      assert(sum(({ faults }) => faults[kind]) > PART, `few faults of kind ${kind}`);
    }
    for (const kind of ["lost", "repeated", "reordered"] as const) {
      assert(sum(({ faults }) => faults[kind]) > 10 * PART, `few messages ${kind}`);
    }
    for (const { recoveryElectionTimeouts } of results) {
      assert(recoveryElectionTimeouts < RECOVERY_MAX_ELECTION_TIMEOUTS);
    }
  });
}

/** Seeds that failed once, and why. What a seed means changes with the scenario; then the story is all that is left. */
const FAILED_ONCE: Record<number, string> = {
  15:
    "a probe's rejection looked stale, and the search for agreement began anew with each heartbeat",
  107786: "each late acknowledgement sent the whole window again: a storm without end",
};

for (const [seed, story] of Object.entries(FAILED_ONCE)) {
  Deno.test(`seed ${seed}: ${story}`, () => {
    assert(runSeed(Number(seed)).steps < 1_000_000);
  });
}

Deno.test("a seed determines everything, traced or not", () => {
  const lines: string[] = [];
  const one = new Simulation({ seed: 17 }).run();
  const other = new Simulation({ seed: 17, trace: (line) => lines.push(line) }).run();
  assertEquals(one, other);
  assert(lines.length > one.steps);
  const again: string[] = [];
  new Simulation({ seed: 17, trace: (line) => again.push(line) }).run();
  assertEquals(lines.join("\n"), again.join("\n"));
  assertNotEquals(new Simulation({ seed: 18 }).run().digest, one.digest);
});

Deno.test("seeds draw clusters of every size, and every fault is sometimes off", () => {
  const sizes = new Set<number>();
  const off = new Set<string>();
  for (let seed = 1; seed <= 200; seed += 1) {
    const { scenario } = new Simulation({ seed });
    sizes.add(scenario.voters);
    for (const [kind, interval] of Object.entries(scenario.faults)) {
      if (interval === Infinity) off.add(kind);
    }
  }
  assertEquals([...sizes].sort(), [1, 2, 3, 4, 5]);
  assertEquals([...off].sort(), ["crash", "cut", "disconnect", "partition", "pause", "stall"]);
});

Deno.test("a failure says what, where, what happened last, and how to see it again", () => {
  const bug = PLANTED_BUGS.find(({ name }) => name === "applied-before-durable")!;
  const failure = assertThrows(() => runSeed(1, bug), SimulationFailure);
  assertStrictEquals(failure.seed, 1);
  assert(failure.reason.includes("what is applied is committed and on this node's disk"));
  assert(failure.message.startsWith(`seed 1, step ${failure.steps}: ${failure.reason}\n`));
  assert(failure.message.endsWith("replay: deno task sim --seed=1 --plant=applied-before-durable"));
  assert(failure.trace.length > 10 && failure.trace.some((line) => line.includes("apply up to")));
  assertStrictEquals(
    assertThrows(() => runSeed(1, bug), SimulationFailure).message,
    failure.message,
    "the same seed fails in the same way",
  );
});

Deno.test("an error of the step function itself is a failure as well", () => {
  let steps = 0;
  const bug = {
    name: "throws",
    description: "throws at the hundredth step",
    step: (...args: Parameters<typeof step>) => {
      steps += 1;
      if (steps === 100) throw new TypeError("undefined is not a function");
      return step(...args);
    },
  };
  const failure = assertThrows(() => runSeed(3, bug), SimulationFailure);
  assertStrictEquals(failure.reason, "undefined is not a function");
  assert(failure.cause instanceof TypeError);
});

Deno.test("the command line says what is wrong with it", () => {
  const wrong: [string[], string][] = [
    [["--sedes=3"], "--sedes=3 is not known; allowed are --seeds=N --minutes=M"],
    [["7"], "7 is not known"],
    [["--seeds=many"], '--seeds is "many"; a whole number'],
    [["--seed="], '--seed is ""; a whole number'],
    [["--plant=typo"], '--plant is "typo"; allowed is one of\n  vote-without-log-check: a vote'],
    [["--trace"], "--trace needs --seed=S"],
  ];
  for (const [args, message] of wrong) assertThrows(() => readRequest(args), Error, message);
  assertEquals(readRequest(["--seed=5"]).from, 5);
  assertEquals(readRequest(["--seed=5"]).seeds, 1);
  assertEquals(readRequest(["--seeds=9", "--from=3"]).seeds, 9);
  assertEquals(readRequest([]).seeds, 1000);
  assertEquals(readRequest(["--minutes=2"]).durationMs, 120_000);
});
