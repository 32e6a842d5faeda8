/**
 * A store of snapshots, beside a log, whose file operations fail, or end, one by one.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertInstanceOf } from "@std/assert";
import {
  newestFirst,
  silentLogger,
  type SnapshotPoint,
  type SnapshotSink,
  type SnapshotStore,
  StorageError,
} from "@coracle/core";
import { FsLogStore } from "./store.ts";
import { FsSnapshotStore } from "./snapshot_store.ts";
import { manyEntries, write } from "./_testing/logs.ts";
import { FORGET, InjectedFailure, MemoryDisk, scramble } from "./_testing/memory_disk.ts";
import { randomFrom } from "./_testing/random.ts";
import { collect, load, point, save, someData } from "./_testing/snapshots.ts";

const RETAIN = 2;

/** What a life has made, and what it was told. */
class Life {
  /** Commits that were acknowledged. */
  readonly acknowledged: Made[] = [];
  /** Commits that were tried and failed, or never ended. */
  readonly attempted: Made[] = [];
  /** The log's last entry that was acknowledged; a batch of three more may be there. */
  lastIndex = 0;
  /** What callers and the logger heard of. */
  readonly errors: unknown[] = [];
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  /** Does something; if it fails, that is heard of, and life goes on. */
  async try<Result>(act: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await act();
    } catch (error) {
      assertInstanceOf(error, StorageError);
      this.errors.push(error.cause instanceof StorageError ? error.cause.cause : error.cause);
      return undefined;
    }
  }

  async open(): Promise<{ log: FsLogStore; store: FsSnapshotStore } | undefined> {
    const log = await this.try(() =>
      FsLogStore.open({ directory: "/a/d", reserveSizeBytes: 1024, fs: this.#disk })
    );
    const store = await this.try(() => openLifeSnapshots(this.#disk, this.errors));
    if (log !== undefined && store !== undefined) return { log, store };
    await log?.close();
    await store?.close();
    return undefined;
  }

  async append(log: FsLogStore): Promise<void> {
    await this.try(async () => {
      await log.persist([write({ entries: manyEntries(log.lastIndex + 1, 1, 3) })]);
      this.lastIndex = log.lastIndex;
    });
  }

  /** Writes several snapshots at once, commits them in order, and gives up the one that fails. */
  async save(store: SnapshotStore, ...made: Made[]): Promise<void> {
    const sinks: (SnapshotSink | undefined)[] = [];
    for (const { data } of made) {
      const sink = await this.try(() => store.create());
      const first = sink && await this.try(() => sink.write(data.subarray(0, 50)).then(() => 0));
      sinks.push(first === undefined ? undefined : sink);
      if (first === undefined) await sink?.abort();
    }
    for (const [at, one] of made.entries()) {
      const sink = sinks[at];
      if (sink === undefined) continue;
      this.attempted.push(one);
      const meta = await this.try(async () => {
        await sink.write(one.data.subarray(50));
        return await sink.commit(one.at);
      });
      if (meta === undefined) {
        await sink.abort();
      } else {
        this.attempted.pop();
        this.acknowledged.push(one);
      }
    }
  }
}

/** A snapshot that was made. */
interface Made {
  readonly at: SnapshotPoint;
  readonly data: Uint8Array;
}

function made(term: number, index: number, size: number): Made {
  return { at: point(term, index), data: someData(size, index) };
}

function openLifeSnapshots(disk: MemoryDisk, heard: unknown[] = []): Promise<FsSnapshotStore> {
  const logger = {
    ...silentLogger,
    warn: (_message: string, properties?: Record<string, unknown>): void =>
      void heard.push(properties?.["error"]),
  };
  return FsSnapshotStore.open({
    directory: "/a/d",
    retain: RETAIN,
    blockSizeBytes: 64,
    logger,
    fs: disk,
  });
}

/** One life: everything that a store of snapshots can do, while a log is written beside it. */
async function live(disk: MemoryDisk): Promise<Life> {
  const life = new Life(disk);
  const first = await life.open();
  if (first !== undefined) {
    const { log, store } = first;
    await life.save(store, made(1, 10, 200));
    const [oldest] = store.list();
    const slow = oldest && await life.try(() => store.open(oldest.id));
    await life.append(log);
    await life.save(store, made(1, 20, 100), made(2, 30, 150));
    const givenUp = await life.try(() => store.create());
    await givenUp?.abort();
    // More blocks than are written without a sync.
    await life.save(store, made(2, 40, 70 * 64));
    if (slow !== undefined) {
      const data = await life.try(() => collect(slow.read()));
      if (data !== undefined) assertEquals(data, made(1, 10, 200).data);
      await slow.close();
    }
    await store.close();
    await life.append(log);
    await log.close();
  }
  const second = await life.open();
  if (second !== undefined) {
    const { log, store } = second;
    await life.append(log);
    await life.save(store, made(3, 50, 10));
    const sink = await life.try(() => store.create());
    if (sink !== undefined) await life.try(() => sink.write(someData(1000)));
    await Promise.all([store.close(), log.close()]);
  }
  const third = await life.open();
  await third?.store.close();
  await third?.log.close();
  return life;
}

/**
 * Opens what a life has left, holds it to what is legal, makes another snapshot, and does so again.
 */
async function assertRecovers(disk: MemoryDisk, life: Life): Promise<void> {
  const log = await FsLogStore.open({ directory: "/a/d", fs: disk });
  assert(
    log.lastIndex === life.lastIndex || log.lastIndex === life.lastIndex + 3,
    `the log ends with ${log.lastIndex}`,
  );
  const store = await openLifeSnapshots(disk);
  assertEquals(store.damages, []);
  assertEquals(disk.paths().filter((path) => path.endsWith(".tmp")), []);
  const listed = store.list();
  const isListed = ({ at }: Made): boolean => listed.some((meta) => newestFirst(meta, at) === 0);
  const legal = [...life.acknowledged, ...life.attempted.filter(isListed)]
    .sort((a, b) => newestFirst(a.at, b.at)).slice(0, RETAIN);
  assertEquals(
    listed.map(({ lastIncludedIndex, lastIncludedTerm, configuration }) => ({
      lastIncludedIndex,
      lastIncludedTerm,
      configuration,
    })),
    legal.map(({ at }) => at),
  );
  for (const [at, { id }] of listed.entries()) assertEquals(await load(store, id), legal[at]!.data);
  const { id } = await save(store, point(9, 99), someData(300));
  await store.close();
  await log.close();

  const again = await openLifeSnapshots(disk.afterPowerCut(FORGET));
  assertEquals(again.list()[0]?.id, id);
  assertEquals(again.list().length, Math.min(RETAIN, listed.length + 1));
  assertEquals(again.recovered, []);
  await again.close();
}

/** The operations of a life without failures. */
async function allOperations(): Promise<readonly string[]> {
  const disk = new MemoryDisk();
  const life = await live(disk);
  assertEquals([life.errors, life.acknowledged.length], [[], 5]);
  await assertRecovers(disk.afterProcessEnd(), life);
  return disk.operations;
}

Deno.test("the life makes snapshots, removes old ones, gives some up, and syncs while it writes", async () => {
  const operations = await allOperations();
  const count = (words: string): number =>
    operations.filter((operation) => operation.startsWith(words)).length;
  assertEquals(count("rename /a/d/snapshots/"), 5);
  assertEquals(count("remove /a/d/snapshots/"), 3 + 2);
  assertGreater(count("syncData /a/d/snapshots/"), 5);
  assertGreater(count("append /a/d/log/"), 3);
});

Deno.test("B41: every file operation fails once, in turn; that is heard of, and nothing acknowledged is lost", async () => {
  for (const [number, operation] of (await allOperations()).entries()) {
    const disk = new MemoryDisk();
    disk.failAt = number;
    const life = await live(disk);
    const name = `operation ${number}, ${operation}`;
    assertEquals(disk.openCount, 0, name);
    // Only tried: for what an earlier process may have left, and for room in the log.
    const isOptional = /^(syncDirectory \/a?$|reserve |truncate )/.test(operation);
    assert(isOptional || life.errors.some((error) => error instanceof InjectedFailure), name);
    await assertRecovers(disk.afterProcessEnd(), life);
    await assertRecovers(disk.afterPowerCut(FORGET), life);
  }
});

Deno.test("B19, B38: the process or the power stops between any two file operations", async () => {
  for (const number of (await allOperations()).keys()) {
    const disk = new MemoryDisk();
    disk.stopAt = number;
    const life = await live(disk);
    await assertRecovers(disk.afterProcessEnd(), life);
    await assertRecovers(disk.afterPowerCut(FORGET), life);
    for (let seed = 0; seed < 6; seed += 1) {
      await assertRecovers(disk.afterPowerCut(scramble(randomFrom(1000 * number + seed))), life);
    }
  }
});

Deno.test("an opening that stops between any two file operations is recovered from", async () => {
  const operations = await allOperations();
  for (let number = 0; number < operations.length; number += 3) {
    const disk = new MemoryDisk();
    disk.stopAt = number;
    const life = await live(disk);
    const crashed = disk.afterPowerCut(scramble(randomFrom(number)));
    for (let second = 0;; second += 1) {
      const recovering = crashed.afterProcessEnd();
      recovering.stopAt = second;
      const opened = await openLifeSnapshots(recovering).catch(() => undefined);
      await opened?.close();
      const done = recovering.operations.length <= second;
      await assertRecovers(recovering.afterProcessEnd(), life);
      await assertRecovers(recovering.afterPowerCut(scramble(randomFrom(second))), life);
      if (done) break;
    }
  }
});
