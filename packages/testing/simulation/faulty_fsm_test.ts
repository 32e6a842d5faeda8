import { assertEquals, assertThrows } from "@std/assert";
import { type Entry, type Fsm, NO_BYTES, toIndex, toTerm } from "@coracle/core";
import { faultyFsm, FsmFault } from "./faulty_fsm.ts";

const ENTRY: Entry = {
  index: toIndex(1),
  term: toTerm(1),
  type: "command",
  data: NO_BYTES,
  extensions: NO_BYTES,
  appendedAtMs: 0,
};

Deno.test("a state machine that fails has done nothing, and has the methods that it had", async () => {
  const done: string[] = [];
  let fails = "";
  const inner: Fsm = {
    apply: () => done.push("apply"),
    snapshot: () => [],
    restore: () => {
      done.push("restore");
      return Promise.resolve();
    },
  };
  const machine = faultyFsm(inner, (operation) => {
    if (operation === fails) throw new FsmFault(`no ${operation}`);
  });
  assertEquals(machine.applyBatch, undefined);
  machine.apply(ENTRY);
  await machine.restore!((async function* () {})(), toIndex(0));
  fails = "apply";
  assertThrows(() => machine.apply(ENTRY), FsmFault, "no apply");
  fails = "snapshot";
  assertThrows(() => machine.snapshot!(), FsmFault, "no snapshot");
  assertEquals(done, ["apply", "restore"]);
});

Deno.test("a batch fails as one", () => {
  const machine = faultyFsm<number>(
    { apply: () => 1, applyBatch: (entries) => entries.map(() => 1) },
    () => {
      throw new FsmFault("no");
    },
  );
  assertThrows(() => machine.applyBatch!([ENTRY]), FsmFault);
  assertEquals(machine.snapshot, undefined);
});
