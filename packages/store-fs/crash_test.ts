/**
 * A store whose file operations fail, or end, one by one.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertInstanceOf, assertRejects } from "@std/assert";
import { StorageError, toIndex } from "@coracle/core";
import { manyEntries, write } from "./_testing/logs.ts";
import { FORGET, InjectedFailure, MemoryDisk, scramble } from "./_testing/memory_disk.ts";
import { randomFrom } from "./_testing/random.ts";
import { assertLegal, live, openScenarioStore, type Outcome, ROOMS } from "./_testing/scenario.ts";

/** The operations of a life without failures. */
async function allOperations(room: number): Promise<readonly string[]> {
  const disk = new MemoryDisk();
  const { complete } = await live(disk, room);
  assert(complete);
  return disk.operations;
}

/** Opens a store after a failure, holds it to what is legal, writes to it, and does so again. */
async function assertRecovers(disk: MemoryDisk, outcome: Outcome, room: number): Promise<void> {
  let store = await openScenarioStore(disk, room);
  assertLegal(store, outcome);
  const last = toIndex(store.lastIndex + 1);
  await store.persist([write({ entries: manyEntries(last, 9, 1) })]);
  await store.close();
  store = await openScenarioStore(disk.afterPowerCut(FORGET), room);
  assertEquals([store.lastIndex, store.term(last)], [last, 9]);
  assertEquals(store.recovered, []);
  await store.close();
}

Deno.test("the scenario begins segments, removes them, and drops entries at both ends", async () => {
  const operations = await allOperations(0);
  const count = (word: string): number =>
    operations.filter((operation) => operation.startsWith(word)).length;
  assertGreater(count("create /a/d/log/"), 5);
  assertGreater(count("remove /a/d/log/"), 4);
  assertEquals(count("rename"), 1);
});

Deno.test("B32, B41: every file operation fails once, in turn; the error is reported, and nothing acknowledged is lost", async () => {
  for (const room of ROOMS) {
    const operations = await allOperations(room);
    for (const [number, operation] of operations.entries()) {
      const disk = new MemoryDisk();
      disk.failAt = number;
      const outcome = await live(disk, room, async (store) => {
        // Fails for good: the disk works again, but nobody knows what is on it.
        await assertRejects(
          () => store.persist([write({ entries: manyEntries(store.lastIndex + 1, 9, 1) })]),
          StorageError,
          "until it is opened again",
        );
        await assertRejects(() => store.truncatePrefix(toIndex(1)), StorageError);
      });
      const name = `operation ${number}, ${operation}`;
      assertEquals(disk.openCount, 0, name);
      // The names of the directories above are synced twice when the store has made them itself; the
      // second time is for what an earlier process may have left, and only tried. So is making room, and
      // giving it up when the store is closed.
      if (outcome.complete && /^(syncDirectory \/a?$|reserve |truncate )/.test(operation)) continue;
      assert(!outcome.complete, name);
      assertInstanceOf(outcome.error, StorageError, name);
      // What fails while the store removes segments by itself, after a reset, is what the next act
      // hears of.
      const { cause } = outcome.error;
      const injected = cause instanceof StorageError ? cause.cause : cause;
      assertInstanceOf(injected, InjectedFailure, name);
      await assertRecovers(disk.afterProcessEnd(), outcome, room);
      await assertRecovers(disk.afterPowerCut(FORGET), outcome, room);
    }
  }
});

Deno.test("B19, B34, B35, B38: the process or the power stops between any two file operations", async () => {
  for (const room of ROOMS) {
    const operations = await allOperations(room);
    for (const number of operations.keys()) {
      const disk = new MemoryDisk();
      disk.stopAt = number;
      const outcome = await live(disk, room);
      assert(!outcome.complete);
      await assertRecovers(disk.afterProcessEnd(), outcome, room);
      await assertRecovers(disk.afterPowerCut(FORGET), outcome, room);
      for (let seed = 0; seed < 12; seed += 1) {
        await assertRecovers(
          disk.afterPowerCut(scramble(randomFrom(1000 * number + seed))),
          outcome,
          room,
        );
      }
    }
  }
});

Deno.test("B35: a recovery that stops between any two file operations is recovered from", async () => {
  for (const room of ROOMS) {
    const operations = await allOperations(room);
    for (const number of operations.keys()) {
      const disk = new MemoryDisk();
      disk.stopAt = number;
      const outcome = await live(disk, room);
      const crashed = disk.afterPowerCut(scramble(randomFrom(number)));
      for (let second = 0;; second += 1) {
        const recovering = crashed.afterProcessEnd();
        recovering.stopAt = second;
        const opened = await openScenarioStore(recovering, room).catch(() => undefined);
        await opened?.close();
        if (opened !== undefined) break;
        await assertRecovers(recovering.afterProcessEnd(), outcome, room);
        await assertRecovers(recovering.afterPowerCut(scramble(randomFrom(second))), outcome, room);
      }
    }
  }
});

Deno.test("B86: a disk that takes a few bytes at a time gets all of them", async () => {
  const disk = new MemoryDisk();
  disk.appendMaxBytes = 7;
  const outcome = await live(disk);
  assert(outcome.complete);
  disk.appendMaxBytes = Infinity;
  await assertRecovers(disk, outcome, 0);
});
