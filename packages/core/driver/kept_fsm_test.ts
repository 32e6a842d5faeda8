import { assertEquals, assertRejects } from "@std/assert";
import { type Entry, NO_BYTES } from "../model/entry.ts";
import { InvalidConfigError } from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";
import { askKept } from "./kept_fsm.ts";

function entry(index: number): Entry {
  const bytes = { data: NO_BYTES, extensions: NO_BYTES };
  return { index: toIndex(index), term: toTerm(1), type: "command", ...bytes, appendedAtMs: 0 };
}

/** A state machine that says what it is given, and holds what came up to `keptIndex`. */
function told(keptIndex: number): { fsm: Fsm<string>; calls: unknown[] } {
  const calls: unknown[] = [];
  const fsm: Fsm<string> = {
    apply: ({ index }) => (calls.push(index), `r${index}`),
    applyBatch: (entries) => {
      calls.push(entries.map(({ index }) => index));
      return entries.map(({ index }) => `r${index}`);
    },
    storeConfiguration: ({ index }) => void calls.push(`members ${index}`),
    snapshot: () => [],
    restore: (_, lastIncludedIndex) => {
      calls.push(`restored to ${lastIncludedIndex}`);
      return Promise.resolve();
    },
    keptIndex: () => keptIndex,
  };
  return { fsm, calls };
}

Deno.test("what a state machine holds is not given to it again", async () => {
  const { fsm, calls } = told(3);
  const { fsm: after } = await askKept(fsm);
  assertEquals([2, 3, 4].map((index) => after.apply(entry(index))), [undefined, undefined, "r4"]);
  assertEquals(calls, [4]);
});

Deno.test("of a batch it is given the rest, and every command has its own answer", async () => {
  const { fsm, calls } = told(3);
  const later: Fsm<string> = {
    ...fsm,
    applyBatch: (entries) => Promise.resolve(fsm.applyBatch!(entries)),
  };
  for (const one of [fsm, later]) {
    const { fsm: after } = await askKept(one);
    assertEquals(await after.applyBatch!([1, 2].map(entry)), [undefined, undefined]);
    assertEquals(await after.applyBatch!([3, 4, 5].map(entry)), [undefined, "r4", "r5"]);
    assertEquals(await after.applyBatch!([6].map(entry)), ["r6"]);
    assertEquals(calls.splice(0), [[4, 5], [6]]);
  }
});

Deno.test("nor are members that it holds", async () => {
  const { fsm, calls } = told(3);
  const { fsm: after } = await askKept(fsm);
  for (const index of [3, 5]) {
    after.storeConfiguration!({ index: toIndex(index), configuration: { servers: [] } });
  }
  assertEquals(calls, ["members 5"]);
});

Deno.test("once restored it holds what the snapshot contains, be that more or less than before", async () => {
  for (const lastIncluded of [2, 9]) {
    const { fsm, calls } = told(5);
    const { fsm: after, heldIndex } = await askKept(fsm);
    await after.restore!((async function* () {})(), toIndex(lastIncluded));
    assertEquals(heldIndex(), toIndex(lastIncluded));
    after.apply(entry(lastIncluded + 1));
    assertEquals(calls, [`restored to ${lastIncluded}`, lastIncluded + 1]);
  }
});

Deno.test("it has the methods of the state machine, and no others", async () => {
  const { fsm: after } = await askKept({ apply: () => {}, keptIndex: () => 0 });
  assertEquals(Object.keys(after), ["apply"]);
});

Deno.test("an index that cannot be is refused", async () => {
  const fsm: Fsm = { apply: () => {}, keptIndex: () => Promise.resolve(7) };
  assertEquals((await askKept(fsm)).heldIndex(), toIndex(7));
  for (const given of [-1, 1.5, NaN, 2 ** 53]) {
    const error = await assertRejects(
      () => askKept({ ...fsm, keptIndex: () => given }),
      InvalidConfigError,
    );
    assertEquals(
      error.message,
      `fsm.keptIndex() is ${given}; allowed is a whole number from 0 on`,
    );
  }
});
