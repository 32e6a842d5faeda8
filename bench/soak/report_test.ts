import { assertEquals, assertMatch } from "@std/assert";
import { Book } from "./book.ts";
import { report, reportText } from "./report.ts";
import type { NodeSample, Sample } from "./samples.ts";

const MINUTE_MS = 60_000;

/** A sample of n1 alone, which is the one that is judged. */
function sample(of: Partial<NodeSample>): Sample {
  const node = {
    id: "n1",
    pid: 1,
    state: "leader",
    term: 2,
    rssMib: 100,
    handles: 40,
    cpuPercent: 10,
    answerMs: 1,
    diskMib: 3,
    snapshots: 1,
    snapshotsReceived: 0,
    ...of,
  };
  const times = { count: 1, p50Ms: 1, p99Ms: 1 };
  const nodes = [node];
  return { seconds: 1, wordsPerSecond: 1, all: times, undisturbed: times, othersPercent: 0, nodes };
}

/** The report of a soak of `minutes` with these samples and times. */
function of(minutes: number, samples: readonly Sample[], times: number[]) {
  const plan = {
    durationMs: minutes * MINUTE_MS,
    rate: 500,
    clients: 10,
    seed: 1,
    p99MaxMs: 100,
    sampleIntervalMs: 10_000,
    auditIntervalMs: 10_000,
    disturbances: { pauseMs: [1, 2], goneMs: [1, 2], longGoneMs: 3 },
    flags: [],
  } as const;
  const disturbances = { counts: (): [string, number][] => [["leader killed", 2]] };
  const book = new Book(3);
  return report({
    plan,
    book,
    disturbances,
    load: { heldBack: 0, givenUp: 0 },
    samples,
    times,
    best: [],
  });
}

Deno.test("a soak in which nothing grows and no word is slow is well", () => {
  const well = of(60, Array.from({ length: 8 }, () => sample({})), [1, 2, 3]);
  assertEquals(well.problems, []);
  assertMatch(reportText(well), /nothing is wrong$/);
});

Deno.test("handles that grow are wrong, in a soak that is long enough to tell", () => {
  const samples = Array.from({ length: 8 }, (_, at) => sample({ handles: 40 + 2 * at }));
  assertEquals(of(60, samples, [1]).problems, ["open handles of n1 grow from 46.0 to 54.0"]);
  assertEquals(of(5, samples, [1]).problems, []);
});

Deno.test("words that are slow are wrong; none to judge says so", () => {
  assertMatch(
    of(60, [sample({})], [500]).problems.join(),
    /took 500\.0 ms \(p99\); allowed are 100/,
  );
  const none = of(60, [sample({})], []);
  assertEquals(none.problems, []);
  assertMatch(reportText(none), /the machine was busy with other things/);
});
