import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  EntryRun,
  InvariantViolation,
  type LogWrite,
  NO_BYTES,
  StorageError,
  toIndex,
  toTerm,
} from "@coracle/core";
import { MemoryLog } from "./memory_log.ts";

function write(index: number): LogWrite {
  const noop = { type: "noop", data: NO_BYTES, extensions: NO_BYTES } as const;
  return {
    hardState: undefined,
    reset: undefined,
    truncateFrom: undefined,
    entries: EntryRun.encode(toIndex(index), toTerm(1), 0, [noop]),
  };
}

Deno.test("writes complete at once, or when the test says so", async () => {
  const log = new MemoryLog();
  await log.persist([write(1)]);
  assertStrictEquals(log.lastIndex, toIndex(1));
  log.completion = "manual";
  let isDone = false;
  const done = log.persist([write(2), write(3)]).then(() => isDone = true);
  assertStrictEquals(log.waitingWrites, 2);
  await Promise.resolve();
  assertStrictEquals(isDone, false);
  assertStrictEquals(log.lastIndex, toIndex(1), "reads show what is durable");
  log.complete();
  await done;
  assertStrictEquals(log.lastIndex, toIndex(3));
  log.complete();
  await log.close();
});

Deno.test("a failed write fails every further one", async () => {
  const log = new MemoryLog({ completion: "manual" });
  const failed = log.persist([write(1)]);
  log.fail("no space left");
  await assertRejects(() => failed, StorageError, "no space left");
  await assertRejects(() => log.persist([write(1)]), StorageError, "no space left");
  await assertRejects(() => log.truncatePrefix(toIndex(0)), StorageError, "no space left");
  assertStrictEquals(log.reopen().lastIndex, toIndex(0));
});

Deno.test("a crash drops what is not durable, or keeps whole writes in their order", async () => {
  for (const kept of [0, 1, 2]) {
    const log = new MemoryLog({ completion: "manual" });
    const lost = log.persist([write(1), write(2)]);
    const found = log.crash(kept);
    await assertRejects(() => lost, StorageError, "the power failed");
    await assertRejects(() => log.persist([write(1)]), StorageError);
    assertStrictEquals(found.lastIndex, toIndex(kept));
    const more = found.persist([write(kept + 1)]);
    found.complete();
    await more;
    assertStrictEquals(found.lastIndex, toIndex(kept + 1));
    assertStrictEquals(log.lastIndex, toIndex(kept), "the old store does not see the new one's");
  }
});

Deno.test("close completes what waits, and refuses what comes", async () => {
  const log = new MemoryLog({ completion: "manual" });
  const done = log.persist([write(1)]);
  await log.close();
  await done;
  await log.close();
  await assertRejects(() => log.persist([write(2)]), StorageError, "closed");
  assertEquals(log.reopen().lastIndex, toIndex(1));
});

Deno.test("two calls of persist at a time are a mistake of the caller", async () => {
  const log = new MemoryLog({ completion: "manual" });
  const done = log.persist([write(1)]);
  await assertRejects(() => log.persist([write(2)]), InvariantViolation, "under way");
  log.complete();
  await done;
});

Deno.test("what no node may ask for rejects at once, and nothing of what came with it is written", async () => {
  for (const completion of ["immediate", "manual"] as const) {
    const log = new MemoryLog({ completion });
    const gap = () => log.persist([write(1), write(3)]);
    await assertRejects(gap, InvariantViolation, "entries from 3 do not follow 1");
    assertEquals([log.lastIndex, log.waitingWrites], [toIndex(0), 0]);
  }
});
