import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import type { Index } from "../model/numbers.ts";
import { Progress } from "./progress.ts";

function index(value: number): Index {
  return value as Index;
}

function flights(progress: Progress): [number, number] {
  return [progress.inflightMessages, progress.inflightSizeBytes];
}

Deno.test("a probe stays where it is and pauses until it is answered", () => {
  const progress = new Progress(index(10), 0);
  progress.sent(index(14), 100);
  assertStrictEquals(progress.nextIndex, index(10));
  assertStrictEquals(progress.paused, true);
  progress.accepted(index(14), 1);
  assertEquals([progress.mode, progress.matchIndex, progress.nextIndex], [
    "replicate",
    index(14),
    index(15),
  ]);
  assertStrictEquals(progress.paused, false);
  assertEquals(flights(progress), [0, 0]);
});

Deno.test("a heartbeat's answer ends probing without acknowledging what the probe carried", () => {
  const progress = new Progress(index(10), 0);
  progress.sent(index(14), 100);
  progress.accepted(index(9), 1);
  assertEquals([progress.mode, progress.matchIndex, progress.nextIndex, progress.paused], [
    "replicate",
    index(9),
    index(15),
    false,
  ]);
  assertEquals(flights(progress), [1, 100]);
});

Deno.test("the late answer to an earlier message ends no probe", () => {
  const progress = new Progress(index(10), 0);
  progress.sent(index(14), 100);
  progress.accepted(index(8), 1);
  assertEquals([progress.mode, progress.matchIndex, progress.nextIndex, progress.paused], [
    "probe",
    index(8),
    index(10),
    true,
  ]);
  assertEquals(flights(progress), [1, 100]);
});

Deno.test("what agrees is known as of the latest round that has said so, until it is forgotten", () => {
  const progress = new Progress(index(10), 0);
  progress.accepted(index(9), 3);
  progress.accepted(index(8), 4);
  assertEquals([progress.matchIndex, progress.matchRound], [index(9), 3]);
  progress.accepted(index(9), 5);
  progress.accepted(index(9), 4);
  assertEquals([progress.matchIndex, progress.matchRound], [index(9), 5]);
  progress.forget();
  progress.probe(index(4));
  assertEquals([progress.matchIndex, progress.nextIndex, progress.mode], [
    index(0),
    index(4),
    "probe",
  ]);
});

Deno.test("messages in flight land in order, and only those that are acknowledged whole (B70)", () => {
  const progress = new Progress(index(1), 0);
  progress.accepted(index(0), 1);
  progress.sent(index(3), 30);
  progress.sent(index(6), 31);
  progress.sent(index(9), 32);
  assertStrictEquals(progress.nextIndex, index(10));
  assertEquals(flights(progress), [3, 93]);
  progress.accepted(index(5), 1);
  assertEquals(flights(progress), [2, 63]);
  progress.accepted(index(4), 1);
  assertEquals([progress.matchIndex, ...flights(progress)], [index(5), 2, 63]);
  progress.accepted(index(9), 1);
  assertEquals(flights(progress), [0, 0]);
});

Deno.test("looking again never goes back behind what is known to agree (B64)", () => {
  const progress = new Progress(index(1), 0);
  progress.accepted(index(5), 1);
  progress.sent(index(8), 30);
  progress.probe(index(2));
  assertEquals([progress.mode, progress.nextIndex, ...flights(progress)], [
    "probe",
    index(6),
    0,
    0,
  ]);
  assertStrictEquals(progress.paused, false);
});

Deno.test("whatever happens: match grows, stays before next, and what is in flight adds up (B70)", () => {
  const happening = fc.oneof(
    fc.record({ type: fc.constant("sent" as const), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ type: fc.constant("accepted" as const), at: fc.nat(60) }),
    fc.record({ type: fc.constant("probe" as const), at: fc.integer({ min: 1, max: 60 }) }),
  );
  fc.assert(fc.property(fc.array(happening, { maxLength: 60 }), (plan) => {
    const progress = new Progress(index(5), 0);
    let sent: { last: number; size: number }[] = [];
    let highest = 4;
    for (const one of plan) {
      const before = progress.matchIndex;
      if (one.type === "sent") {
        if (progress.paused) continue;
        const last = progress.nextIndex + one.count - 1;
        progress.sent(index(last), one.count * 10);
        sent.push({ last, size: one.count * 10 });
        highest = Math.max(highest, last);
      } else if (one.type === "accepted") {
        // A follower has nothing that it was not sent.
        const match = Math.min(one.at, highest);
        progress.accepted(index(match), 1);
        sent = sent.filter(({ last }) => last > progress.matchIndex);
      } else {
        progress.probe(index(Math.min(one.at, highest + 1)));
        sent = [];
      }
      assert(progress.matchIndex >= before && progress.matchIndex < progress.nextIndex);
      assertStrictEquals(progress.inflightMessages, sent.length);
      assertStrictEquals(progress.inflightSizeBytes, sent.reduce((sum, { size }) => sum + size, 0));
      assertStrictEquals(progress.paused, progress.mode === "probe" && sent.length > 0);
    }
  }));
});
