import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { PLANTED_BUGS } from "../planted_bugs/mod.ts";
import { FAILED_ONCE } from "./failed_once.ts";
import { main, readRequest } from "./main.ts";
import {
  commandText,
  explain,
  parseRanges,
  rangesText,
  runSeed,
  SimulationFailure,
  simulationOf,
} from "./runner.ts";
import { Totals } from "./totals.ts";

/** How many seeds the short form runs, in parts, so that each shows how long it takes. */
const SEEDS = 150;
const PART = 50;

/** Recovery takes far less than what is allowed; more than this would be news. */
const RECOVERY_MAX_ELECTION_TIMEOUTS = 10;

for (let first = 1; first <= SEEDS; first += PART) {
  const last = first + PART - 1;
  Deno.test(`seeds ${first} to ${last}: whole nodes survive, recover, and tell the truth`, async () => {
    const totals = new Totals();
    for (let seed = first; seed <= last; seed += 1) {
      const result = await runSeed(seed);
      assert(result.recoveryElectionTimeouts < RECOVERY_MAX_ELECTION_TIMEOUTS);
      totals.add(result);
    }
    // A simulation in which nothing happens proves nothing.
    assert(totals.steps > 500 * PART);
    for (const kind of ["cut", "partition", "pause", "hunt", "crash", "message", "stall"]) {
      assert(totals.faults(kind) > PART / 2, `few faults of kind ${kind}`);
    }
    for (
      const kind of [
        "diskFault",
        "fsmFault",
        "diskFull",
        "rot",
        "wipe",
        "shutdown",
        "wallJump",
        "move",
      ]
    ) {
      assert(totals.faults(kind) > 0, `no faults of kind ${kind}`);
    }
    for (const kind of ["leader elected", "snapshot stored", "log truncated"]) {
      assert(totals.events(kind) > PART, `${kind}: too seldom`);
    }
    assert(totals.events("configuration changed") > PART, "configuration changed: too seldom");
    // Between 6 and 28 in fifty seeds.
    assert(totals.events("snapshot installed") > PART / 12, "snapshot installed: too seldom");
    for (const kind of ["apply", "read linearizable", "read lease", "read local", "barrier"]) {
      assert(totals.calls(kind, "resolved") > PART, `few calls of kind ${kind} succeed`);
    }
    for (const kind of ["addVoter", "removeServer", "snapshot", "transferLeadership", "restore"]) {
      assert(totals.calls(kind, "resolved") > 0, `no calls of kind ${kind} succeed`);
    }
  });
}

for (const [seed, story] of Object.entries(FAILED_ONCE)) {
  Deno.test(`seed ${seed}: ${story}`, async () => {
    assert((await runSeed(Number(seed))).steps > 0);
  });
}

/** What nothing in a run may ask: it would differ from one run to the next. */
function poison(): Disposable {
  const thrower = (name: string) => () => {
    throw new Error(`${name} was asked in a simulation`);
  };
  const { now } = Date;
  const { random } = Math;
  const performanceNow = performance.now;
  const { randomUUID, getRandomValues } = crypto;
  Date.now = thrower("Date.now");
  Math.random = thrower("Math.random");
  performance.now = thrower("performance.now");
  crypto.randomUUID = thrower("crypto.randomUUID");
  crypto.getRandomValues = thrower("crypto.getRandomValues");
  return {
    [Symbol.dispose]: () => {
      Date.now = now;
      Math.random = random;
      performance.now = performanceNow;
      crypto.randomUUID = randomUUID;
      crypto.getRandomValues = getRandomValues;
    },
  };
}

Deno.test("a seed determines everything, and nothing else does", async () => {
  for (const seed of [11, 12, 13]) {
    const lines: string[] = [];
    const again: string[] = [];
    const one = await runSeed(seed);
    using _poison = poison();
    const other = await runSeed(seed, { trace: (line) => lines.push(line) });
    await runSeed(seed, { trace: (line) => again.push(line) });
    assertEquals(one, other);
    assertEquals(lines, again);
    assert(lines.length > one.steps);
  }
  assertNotEquals((await runSeed(11)).digest, (await runSeed(12)).digest);
});

Deno.test("seeds draw clusters of every size, and every kind of event is sometimes missing", () => {
  const sizes = new Set<number>();
  const present = new Map<string, number>();
  for (let seed = 1; seed <= 300; seed += 1) {
    const { scenario, script } = simulationOf(seed);
    sizes.add(scenario.voters);
    for (const kind of new Set(script.map((event) => event.kind))) {
      present.set(kind, (present.get(kind) ?? 0) + 1);
    }
  }
  assertEquals([...sizes].sort(), [1, 2, 3, 4, 5, 6, 7]);
  assertEquals(present.size, 25);
  for (const [kind, count] of present) {
    assert(
      kind === "visit" || (count > 20 && count < 280),
      `${kind} is in ${count} of 300 scripts`,
    );
  }
});

const BUG = PLANTED_BUGS.find(({ name }) => name === "commit-quorum-not-sorted")!;

Deno.test("a failure is made short and says how to see it again", async () => {
  const failure = await assertRejects(() => runSeed(1, { plant: BUG }), SimulationFailure);
  assert(failure.reason.startsWith("durability: "));
  const text = await explain(failure, 20_000);
  const command =
    /^replay: deno task sim --seed=1 --events=(\S*) .*--plant=commit-quorum-not-sorted --trace$/m
      .exec(text);
  assert(command !== null, text);
  const events = parseRanges(command[1]!)!;
  assert(events.length < simulationOf(1).script.length / 10, `${events.length} events are left`);
  const again = await assertRejects(() => runSeed(1, { plant: BUG, events }), SimulationFailure);
  assert(again.reason.startsWith("durability: "));
});

Deno.test("lists of events are written short", () => {
  for (const numbers of [[], [0], [1, 2, 3, 7, 9, 10]]) {
    assertEquals(parseRanges(rangesText(numbers)), numbers);
  }
  assertEquals(rangesText([1, 2, 3, 7, 9, 10]), "1-3,7,9-10");
  assertEquals(parseRanges("1-"), undefined);
  assertEquals(
    commandText(5, { events: [1, 2], calm: ["disks"] }),
    "deno task sim --seed=5 --events=1-2 --calm=disks",
  );
});

Deno.test("the command line says what is wrong with it", async () => {
  const wrong: [string[], string][] = [
    [["--sedes=3"], "--sedes=3 is not known; allowed are --seed=S --seeds=N"],
    [["7"], "7 is not known"],
    [["--seeds=many"], '--seeds is "many"; a whole number from 1'],
    [["--jobs=0"], '--jobs is "0"; a whole number from 1'],
    [["--plant=typo"], '--plant is "typo"; allowed is one of\n  vote-without-log-check: a vote'],
    [["--trace"], "--trace needs --seed=S, and no other seeds"],
    [["--seed=1", "--seeds=2", "--events=1"], "--events needs --seed=S, and no other seeds"],
    [["--seed=1", "--events=x"], '--events is "x"; a list of numbers and ranges'],
    [["--seed=1", "--calm=wind"], '--calm has "wind"; allowed are network, disks, clocks'],
  ];
  for (const [args, message] of wrong) assertThrows(() => readRequest(args), Error, message);
  assertEquals(readRequest(["--seed=5"]).seeds, 1);
  assertEquals(readRequest(["--seed=5", "--seeds=9"]).first, 5);
  assertEquals(readRequest([]).seeds, 1000);
  assertEquals(readRequest(["--minutes=2"]).durationMs, 120_000);
  assertEquals(await main(["--seeds=0"]), 2);
});

Deno.test("seeds are run by several workers", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-read",
      new URL("./main.ts", import.meta.url).pathname,
      "--seeds=4",
      "--jobs=2",
    ],
  }).output();
  assertEquals(code, 0);
  const text = new TextDecoder().decode(stdout);
  assert(
    /^4 seeds, \d+ steps in [\d.]+ s .*\n.*\nfaults: .*\nwhat came of it: .*\ncalls:\n( {2}.*\n)+$/
      .test(text),
    text,
  );
});
