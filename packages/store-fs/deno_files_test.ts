/**
 * The store on the machine's own file system.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { StorageError, StoreLockedError, toIndex } from "@coracle/core";
import { joined } from "@coracle/testing";
import { denoFileSystem } from "./deno_files.ts";
import { appendAll, appendAllSync, readAll, readAllSync } from "./files.ts";
import { inspectStore } from "./inspect.ts";
import { FsSnapshotStore } from "./snapshot_store.ts";
import { FsLogStore } from "./store.ts";
import { assertHolds, LogModel, manyEntries, plain, vote, write } from "./_testing/logs.ts";
import { collect, load, point, save, someData } from "./_testing/snapshots.ts";

async function inTemporaryDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "coracle-store-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("stores that are opened at once may be the first below a directory that none of them finds", async () => {
  await inTemporaryDirectory(async (parent) => {
    const stores = await Promise.all(
      ["n1", "n2", "n3"].map((nodeId) =>
        FsLogStore.open({ directory: `${parent}/not/yet/there/${nodeId}`, nodeId })
      ),
    );
    assertEquals(stores.map(({ identity }) => identity.nodeId), ["n1", "n2", "n3"]);
    for (const store of stores) await store.close();
  });
});

Deno.test("a store on disk is there again when it is opened again", async () => {
  await inTemporaryDirectory(async (parent) => {
    const directory = `${parent}/made/on/the/way`;
    const options = { directory, nodeId: "n1", segmentSizeBytes: 4096, cacheSizeBytes: 0 };
    const model = new LogModel();
    let store = await FsLogStore.open(options);
    for (let batch = 0; batch < 40; batch += 1) {
      const change = write({
        hardState: vote(batch + 1, "n1"),
        entries: manyEntries(5 * batch + 1, batch + 1, 5, 50),
      });
      await store.persist([change]);
      model.apply(change);
    }
    const back = write({ truncateFrom: 150, entries: manyEntries(150, 41, 9) });
    await store.persist([back]);
    model.apply(back);
    await store.truncatePrefix(toIndex(80));
    model.truncatePrefix(80);
    assertHolds(store, model);
    const { identity, firstIndex } = store;
    await store.close();

    store = await FsLogStore.open(options);
    assertHolds(store, model);
    assertEquals([store.identity, store.firstIndex], [identity, firstIndex]);
    assertEquals(store.recovered, []);
    const { entries, findings } = await inspectStore(directory);
    assertEquals([...entries()].map(plain), model.entries.filter((e) => e.index >= firstIndex));
    assertEquals(findings, []);
    await store.close();
  });
});

Deno.test("a torn file is cut on disk, too", async () => {
  await inTemporaryDirectory(async (directory) => {
    const store = await FsLogStore.open({ directory });
    await store.persist([write({ entries: manyEntries(1, 1, 3) })]);
    await store.close();
    const [name] = await denoFileSystem.list(`${directory}/log`) ?? [];
    const path = `${directory}/log/${name}`;
    const { size } = await Deno.stat(path);
    await Deno.writeFile(path, new Uint8Array(1000).fill(1), { append: true });
    const again = await FsLogStore.open({ directory });
    assertEquals(again.recovered.map(({ offset, sizeBytes }) => [offset, sizeBytes]), [[
      size,
      1000,
    ]]);
    assertEquals([again.lastIndex, (await Deno.stat(path)).size], [toIndex(3), size]);
    await again.close();
  });
});

Deno.test("room is made ahead, written to without the file growing, and given back in the end", async () => {
  await inTemporaryDirectory(async (directory) => {
    const options = { directory, reserveSizeBytes: 100_000 };
    const store = await FsLogStore.open(options);
    const [name] = await denoFileSystem.list(`${directory}/log`) ?? [];
    const path = `${directory}/log/${name}`;
    const sizes: number[] = [];
    const model = new LogModel();
    for (let index = 1; index <= 100; index += 1) {
      const change = write({ entries: manyEntries(index, 1, 1, 2000) });
      await store.persist([change]);
      model.apply(change);
      sizes.push((await Deno.stat(path)).size);
    }
    // Pieces of 64 KiB and 100,000 bytes: three or four times in 210,000 bytes.
    const grown = sizes.filter((size, at) => size !== sizes[at - 1]).length;
    assert(grown >= 3 && grown <= 4, `${grown}`);
    assertHolds(store, model);

    // The process ends without closing anything: what it leaves is whole, and the next goes on.
    const copy = `${directory}/copy`;
    await Deno.mkdir(`${copy}/log`, { recursive: true });
    await Deno.copyFile(path, `${copy}/log/${name}`);
    await Deno.copyFile(`${directory}/identity.json`, `${copy}/identity.json`);
    const next = await FsLogStore.open({ ...options, directory: copy });
    assertEquals(next.recovered, []);
    assertHolds(next, model);
    await next.close();

    await store.close();
    const [last] = (await inspectStore(directory)).segments;
    assertEquals((await Deno.stat(path)).size, last!.sizeBytes);
    assert(last!.sizeBytes < sizes.at(-1)!);
    assertEquals((await Deno.stat(`${copy}/log/${name}`)).size, last!.sizeBytes);
  });
});

Deno.test("B43: another process does not open a store that is open", async () => {
  await inTemporaryDirectory(async (directory) => {
    const store = await FsLogStore.open({ directory });
    await assertRejects(() => FsLogStore.open({ directory }), StoreLockedError, directory);
    const snapshots = await FsSnapshotStore.open({ directory });
    const program = `
      import { FsLogStore, FsSnapshotStore } from ${
      JSON.stringify(import.meta.resolve("./mod.ts"))
    };
      for (const Store of [FsLogStore, FsSnapshotStore]) {
        try {
          await (await Store.open({ directory: ${JSON.stringify(directory)} })).close();
          console.log("opened");
        } catch (error) {
          console.log(error.code);
        }
      }`;
    const elsewhere = async (): Promise<string[]> => {
      const args = ["eval", "--no-check", "--quiet", program];
      // Where the workspace is found that the program imports from.
      const cwd = import.meta.dirname!;
      const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd }).output();
      return new TextDecoder().decode(stdout).trim().split("\n");
    };
    assertEquals(await elsewhere(), ["store-locked", "store-locked"]);
    await store.close();
    assertEquals(await elsewhere(), ["store-locked", "store-locked"], "one of them is open");
    await snapshots.close();
    assertEquals(await elsewhere(), ["opened", "opened"]);
  });
});

Deno.test("a snapshot on disk is there again when it is opened again, beside the log", async () => {
  await inTemporaryDirectory(async (directory) => {
    const log = await FsLogStore.open({ directory, nodeId: "n1" });
    const store = await FsSnapshotStore.open({ directory, nodeId: "n1", retain: 1 });
    const data = someData(700_000);
    const old = await save(store, point(1, 5), data.subarray(0, 10));
    const slow = await store.open(old.id);
    const meta = await save(store, point(1, 9), data.subarray(0, 1000), data.subarray(1000));
    assertEquals(await collect(slow.read()), data.slice(0, 10));
    await slow.close();
    const unfinished = await store.create();
    await unfinished.write(data);
    assertEquals(await load(store, meta.id), data);
    const names = async (): Promise<string[]> =>
      [...await denoFileSystem.list(`${directory}/snapshots`) ?? []].sort();
    assertEquals(await names(), ["1-9-2.snap", "3.snap.tmp"]);
    await store.close();
    assertEquals(await names(), ["1-9-2.snap"]);

    const again = await FsSnapshotStore.open({ directory, nodeId: "n1" });
    assertEquals(again.list(), [meta]);
    assertEquals(await load(again, meta.id), data);
    await again.close();
    await log.close();
    const { snapshots, findings } = await inspectStore(directory);
    assertEquals([snapshots.map((one) => one.meta), findings], [[meta], []]);
    assertEquals(await snapshots[0]!.verify(), undefined);
  });
});

Deno.test("what the file system refuses is one clear error", async () => {
  await inTemporaryDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/file`, "");
    const error = await assertRejects(
      () => FsLogStore.open({ directory: `${directory}/file` }),
      StorageError,
      `cannot open the store in ${directory}/file: `,
    );
    assertStringIncludes(error.message, "Not a directory");
    await Deno.writeTextFile(`${directory}/log`, "");
    await assertRejects(() => FsLogStore.open({ directory }), StorageError);
  });
});

Deno.test("files are read and appended to at any pace, with and without waiting", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = `${directory}/file`;
    const file = await denoFileSystem.create(path);
    await appendAll(file, someData(100, 1));
    appendAllSync(file, someData(100, 2));
    await appendAll(file, someData(100, 3));
    await appendAll(file, new Uint8Array(0));
    file.close();
    const expected = joined([someData(100, 1), someData(100, 2), someData(100, 3)]);
    const reader = denoFileSystem.openReadSync(path)!;
    // From where the last read ended, from elsewhere, and beyond the end.
    for (const [offset, size] of [[0, 50], [50, 100], [10, 20], [250, 100], [300, 1], [400, 1]]) {
      const target = new Uint8Array(size!);
      const count = await readAll(reader, offset!, target);
      assertEquals(target.subarray(0, count), expected.subarray(offset, offset! + size!));
      const again = new Uint8Array(size!);
      assertEquals(readAllSync(reader, offset!, again), count);
      assertEquals(again, target);
      await readAll(reader, offset! + count, new Uint8Array(0));
    }
    reader.close();
  });
});

Deno.test("a sync of room is not waited for in line, however quick the disk is", async () => {
  const { syncDataSync } = Deno.FsFile.prototype;
  const { now } = performance;
  await inTemporaryDirectory(async (directory) => {
    const file = await denoFileSystem.create(`${directory}/x`);
    let inLine = 0;
    try {
      Deno.FsFile.prototype.syncDataSync = function (this: Deno.FsFile) {
        inLine += 1;
        syncDataSync.call(this);
      };
      // A disk whose syncs take no time.
      performance.now = () => 0;
      const syncOf = async (sizeBytes: number): Promise<number> => {
        const before = inLine;
        appendAllSync(file, new Uint8Array(10));
        file.reserveSync(sizeBytes);
        await file.syncData();
        return inLine - before;
      };
      for (let count = 0; count < 50; count += 1) await syncOf(0);
      assertEquals(await syncOf(0), 1);
      assertEquals(await syncOf(100_000), 0);
      assertEquals(await syncOf(0), 1);
      // What is there already is not written again.
      assertEquals(await syncOf(99_000), 1);
    } finally {
      Deno.FsFile.prototype.syncDataSync = syncDataSync;
      performance.now = now;
      file.close();
    }
  });
});

Deno.test("paths that do not exist are told from those that cannot be read", async () => {
  await inTemporaryDirectory(async (directory) => {
    assertEquals(await denoFileSystem.list(`${directory}/none`), undefined);
    assertEquals(denoFileSystem.openReadSync(`${directory}/none`), undefined);
    await (await FsLogStore.open({ directory })).close();
    await assertRejects(() => denoFileSystem.create(`${directory}/identity.json`));
    await assertRejects(() => denoFileSystem.openAppend(`${directory}/none`));
  });
});

Deno.test("B85: a directory is synced, and one that is not there is an error", async () => {
  await inTemporaryDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/name`, "");
    await denoFileSystem.syncDirectory(directory);
    await assertRejects(
      () => denoFileSystem.syncDirectory(`${directory}/missing`),
      Deno.errors.NotFound,
    );
  });
});

Deno.test("a path that cannot be is an error, and not a file that is missing", () => {
  assertThrows(() => denoFileSystem.openReadSync("/no\0name"));
  assertEquals(denoFileSystem.openReadSync("/no/such/file"), undefined);
});
