import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  EntryRun,
  InvariantViolation,
  type LogWrite,
  NO_BYTES,
  toIndex,
  toTerm,
} from "@coracle/core";
import { LogImage } from "../log_image.ts";
import { MemoryLog } from "../memory_log.ts";
import { ExpectedLog, ObservedLog } from "./observed_log.ts";

function write(part: Partial<LogWrite>): LogWrite {
  return {
    hardState: undefined,
    reset: undefined,
    truncateFrom: undefined,
    entries: undefined,
    ...part,
  };
}

function entries(first: number, term: number, ...texts: string[]): EntryRun {
  const proposals = texts.map((text) => ({
    type: "command" as const,
    data: new TextEncoder().encode(text),
    extensions: NO_BYTES,
  }));
  return EntryRun.encode(toIndex(first), toTerm(term), 0, proposals);
}

/** A store that holds the given entries of term 1, and a vote. */
async function storeWith(votedFor: string, ...texts: string[]): Promise<MemoryLog> {
  const log = new MemoryLog();
  await log.persist([
    write({ hardState: { term: toTerm(1), votedFor }, entries: entries(1, 1, ...texts) }),
  ]);
  return log;
}

/** What is expected after the given entries were acknowledged. */
async function expecting(...texts: string[]): Promise<ExpectedLog> {
  const expected = new ExpectedLog();
  const log = new ObservedLog(new MemoryLog(), expected, () => true, () => {});
  await log.persist([
    write({ hardState: { term: toTerm(1), votedFor: "n1" }, entries: entries(1, 1, ...texts) }),
  ]);
  return expected;
}

function violation(message: string, action: () => void): void {
  assertThrows(action, InvariantViolation, message);
}

Deno.test("what was acknowledged must be there", async () => {
  const store = await storeWith("n1", "a", "b");
  assertStrictEquals((await expecting("a", "b")).reopened("n1", store, false), true);
  const longer = await expecting("a", "b", "c");
  violation(
    "storage: n1 finds on its disk a log up to 2 in the place of one up to 3",
    () => longer.reopened("n1", store, false),
  );
  const other = await expecting("a", "x");
  violation("another entry 2 than it has acknowledged", () => other.reopened("n1", store, false));
  const voted = await storeWith("n2", "a", "b");
  const expected = await expecting("a", "b");
  violation("term 1, vote n2 in the place of term 1, vote n1", () => {
    expected.reopened("n1", voted, false);
  });
});

Deno.test("a write that was under way is there as a whole, or not at all", async () => {
  const more = [write({ entries: entries(3, 1, "c", "d") })];
  for (const texts of [["a", "b"], ["a", "b", "c", "d"]]) {
    const expected = await expecting("a", "b");
    expected.underWay = more;
    const store = await storeWith("n1", ...texts);
    assertStrictEquals(expected.reopened("n1", store, false), true);
    assertEquals([expected.image.lastIndex, expected.underWay], [store.lastIndex, []]);
  }
  const expected = await expecting("a", "b");
  expected.underWay = more;
  const half = await storeWith("n1", "a", "b", "c");
  violation("a log up to 3", () => expected.reopened("n1", half, false));
});

Deno.test("a disk on which a bit has flipped may have lost something, but shows nothing wrong", async () => {
  const expected = await expecting("a", "b");
  assertStrictEquals(expected.reopened("n1", await storeWith("n1", "a"), true), false);
  const store = await storeWith("n1", "x");
  violation("another entry 1", () => expected.reopened("n1", store, true));
});

Deno.test("a disk that has lost the write that took entries away has these again", async () => {
  const expected = await expecting("a", "b");
  expected.acknowledged(write({ truncateFrom: toIndex(2), entries: entries(2, 2, "x", "y") }));
  const store = await storeWith("n1", "a", "b");
  assertStrictEquals(expected.reopened("n1", store, true), false);
  violation("another entry 2", () => expected.reopened("n1", store, false));
  const mixed = await storeWith("n1", "a", "c");
  violation("another entry 2", () => expected.reopened("n1", mixed, true));
});

Deno.test("a process that is dead changes nothing of what is expected", async () => {
  const expected = await expecting("a");
  const log = new ObservedLog(await storeWith("n1", "a"), expected, () => false, () => {});
  await log.persist([write({ entries: entries(2, 1, "b") })]);
  assertEquals(expected.image.lastIndex, toIndex(1));
  assertEquals(expected.image instanceof LogImage, true);
});
