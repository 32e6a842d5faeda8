import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InvariantViolation, NotLeaderError } from "@coracle/core";
import { Calls, NodeCrashedError, type ProcessCalls } from "./calls.ts";

function calls(): { calls: Calls; settled: string[] } {
  const settled: string[] = [];
  return { calls: new Calls(() => 7, (...args) => settled.push(args.join(" "))), settled };
}

Deno.test("calls are counted by kind and outcome", async () => {
  const { calls: all, settled } = calls();
  const mine: ProcessCalls = new Set();
  assertEquals(await all.make("apply", "n1", mine, () => Promise.resolve(5)), 5);
  const refused = () => Promise.reject(new NotLeaderError(undefined));
  await assertRejects(() => all.make("apply", "n1", mine, refused), NotLeaderError);
  assertEquals(all.counts.get("apply"), new Map([["resolved", 1], ["not-leader", 1]]));
  assertEquals(settled, ["apply n1 resolved", "apply n1 not-leader"]);
  assertEquals([mine.size, all.open], [0, []]);
});

Deno.test("calls to a node that crashes are lost; what comes of them later is not heard", async () => {
  const { calls: all } = calls();
  const mine: ProcessCalls = new Set();
  const { promise, resolve } = Promise.withResolvers<number>();
  const call = all.make("barrier", "n1", mine, () => promise);
  assertEquals(all.open, ["barrier to n1 at 7.000 ms"]);
  all.crash(mine);
  resolve(3);
  const error = await assertRejects(() => call, NodeCrashedError, "n1 has crashed");
  assert(error instanceof NodeCrashedError && error.outcome === "unknown");
  assertEquals(all.counts.get("barrier"), new Map([["crashed", 1]]));
});

Deno.test("more open calls than are allowed are found", () => {
  const { calls: all } = calls();
  const mine: ProcessCalls = new Set();
  const never = () => new Promise<never>(() => {});
  for (const kind of ["apply", "barrier", "read local", "snapshot", "snapshot"]) {
    all.make(kind, "n1", mine, never);
  }
  all.make("apply", "n2", new Set(), never);
  all.checkBounds(2);
  all.make("apply", "n1", mine, never);
  assertThrows(() => all.checkBounds(2), InvariantViolation, "bounded: 3 writes at n1 are open");
});
