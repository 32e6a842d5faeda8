/**
 * A snapshot of which any byte is not as it was written is not listed, or is refused while it is
 * read, with file and offset.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { DamageError } from "./damage.ts";
import { inspectStore } from "./inspect.ts";
import type { FsSnapshotStore } from "./snapshot_store.ts";
import { MemoryDisk } from "./_testing/memory_disk.ts";
import { load, openSnapshots, point, save, someData } from "./_testing/snapshots.ts";

const FILE = "/d/snapshots/2-20-2.snap";
const HEADER_SIZE = 48;
const BLOCK_SIZE = 64 + 8;
const DATA = someData(3 * 64 + 10, 2);
const TRAILER_AT = HEADER_SIZE + 3 * BLOCK_SIZE + 10 + 8;

/** An older snapshot, and {@linkcode FILE} with three blocks and a part of one. */
async function someSnapshots(): Promise<{ disk: MemoryDisk; bytes: Uint8Array<ArrayBuffer> }> {
  const disk = new MemoryDisk();
  const store = await openSnapshots(disk);
  await save(store, point(1, 10), someData(100));
  await save(store, point(2, 20), DATA);
  await store.close();
  return { disk, bytes: disk.bytesOf(FILE) };
}

/** `bytes` with the one at `at` changed. */
function flipped(bytes: Uint8Array<ArrayBuffer>, at: number, mask = 0xff): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[at]! ^= mask;
  return copy;
}

/** Where the block begins that holds the byte at `at`. */
function blockOf(at: number): number {
  return HEADER_SIZE + BLOCK_SIZE * Math.floor((at - HEADER_SIZE) / BLOCK_SIZE);
}

/** The damage that reading {@linkcode FILE} meets. */
async function refusal(store: FsSnapshotStore): Promise<[string, number]> {
  const { damage, message } = await assertRejects(() => load(store, "2-20-2"), DamageError);
  assert(message.startsWith(`${damage.file} is damaged at offset ${damage.offset}: expected `));
  assert(damage.expected !== damage.found && damage.found !== "");
  return [damage.file, damage.offset];
}

/** What an inspection says of {@linkcode FILE}. */
async function verified(disk: MemoryDisk): Promise<[string, number]> {
  const { snapshots } = await inspectStore("/d", { fs: disk });
  const damage = await snapshots.find(({ file }) => file === FILE)!.verify();
  return [damage!.file, damage!.offset];
}

Deno.test("every byte of a snapshot is watched over: damaged, it is not listed or cannot be read", async () => {
  const { disk, bytes } = await someSnapshots();
  for (let at = 0; at < bytes.length; at += 1) {
    for (const mask of [0xff, 0x01]) {
      disk.plant(FILE, flipped(bytes, at, mask));
      const store = await openSnapshots(disk);
      const listed = store.list().map(({ id }) => id);
      if (at >= HEADER_SIZE && at < TRAILER_AT) {
        assertEquals(listed, ["2-20-2", "1-10-1"]);
        assertEquals(await refusal(store), [FILE, blockOf(at)]);
        assertEquals(await verified(disk), [FILE, blockOf(at)]);
      } else {
        assertEquals(listed, ["1-10-1"], `byte ${at}`);
        const [{ file, offset }] = store.damages as [DamageError["damage"]];
        // Where the trailer begins is what its own length says: if that is wrong, so is the place.
        const isLength = at >= bytes.length - 8 && at < bytes.length - 4;
        const from = at < HEADER_SIZE ? 0 : isLength ? HEADER_SIZE : TRAILER_AT;
        assert(file === FILE && offset >= from && offset <= bytes.length, `byte ${at}: ${offset}`);
        assertEquals(await verified(disk), [file, offset]);
      }
      assertEquals(await load(store, "1-10-1"), someData(100));
      await store.close();
    }
  }
  disk.plant(FILE, bytes);
  const store = await openSnapshots(disk);
  assertEquals(await load(store, "2-20-2"), DATA);
  await store.close();
  assertEquals(disk.openCount, 0);
});

Deno.test("cut off anywhere, or longer than it was, a snapshot is not listed", async () => {
  const { disk, bytes } = await someSnapshots();
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  const doubled = new Uint8Array([...bytes, ...bytes.subarray(TRAILER_AT)]);
  const cut = Array.from({ length: bytes.length }, (_, size) => bytes.slice(0, size));
  for (const wrong of [...cut, longer, doubled]) {
    disk.plant(FILE, wrong);
    const store = await openSnapshots(disk);
    assertEquals(store.list().map(({ id }) => id), ["1-10-1"], `${wrong.length} bytes`);
    const [{ file, offset }] = store.damages as [DamageError["damage"]];
    assert(file === FILE && offset <= wrong.length);
    assertEquals(disk.bytesOf(FILE), wrong, "left alone");
    await store.close();
  }
});

Deno.test("what is damaged or cut off since the store was opened is found when it is read", async () => {
  const { disk, bytes } = await someSnapshots();
  const store = await openSnapshots(disk);
  for (let at = 0; at < bytes.length; at += 1) {
    disk.plant(FILE, flipped(bytes, at));
    const [file, offset] = await refusal(store);
    assertEquals(file, FILE);
    if (at >= HEADER_SIZE && at < TRAILER_AT) assertEquals(offset, blockOf(at));
    disk.plant(FILE, bytes.slice(0, at));
    assertEquals((await refusal(store))[0], FILE);
  }
  await store.close();
});

Deno.test("what is damaged or cut off while it is read ends the reading there", async () => {
  const { disk, bytes } = await someSnapshots();
  const changes = [
    [(offset: number) => flipped(bytes, offset + 5), "checksum"],
    [(offset: number) => bytes.slice(0, offset + 5), "the file's end"],
  ] as const;
  for (const [change, found] of changes) {
    disk.plant(FILE, bytes);
    const store = await openSnapshots(disk);
    await using source = await store.open("2-20-2");
    const reading = source.read()[Symbol.asyncIterator]();
    for (let block = 0; block < 2; block += 1) {
      assertEquals((await reading.next()).value, DATA.slice(64 * block, 64 * (block + 1)));
    }
    const offset = HEADER_SIZE + 2 * BLOCK_SIZE;
    disk.overwrite(FILE, change(offset));
    const { damage } = await assertRejects(() => reading.next(), DamageError, found);
    assertEquals([damage.file, damage.offset], [FILE, offset]);
    await store.close();
  }
});

Deno.test("blocks that are exchanged, repeated or from another snapshot are found", async () => {
  const { disk, bytes } = await someSnapshots();
  const block = (from: Uint8Array, number: number): Uint8Array =>
    from.subarray(HEADER_SIZE + number * BLOCK_SIZE, HEADER_SIZE + (number + 1) * BLOCK_SIZE);
  // The same data at the same point, but the third snapshot of its store.
  const store = await openSnapshots(disk, { retain: 3 });
  await save(store, point(2, 20), DATA);
  await store.close();
  const twin = disk.bytesOf("/d/snapshots/2-20-3.snap");
  const cases: [number, Uint8Array][] = [
    [0, block(bytes, 1)],
    [1, block(bytes, 0)],
    [2, block(bytes, 1)],
    [0, block(twin, 0)],
    [1, block(twin, 1)],
  ];
  for (const [number, replacement] of cases) {
    const wrong = bytes.slice();
    wrong.set(replacement, HEADER_SIZE + number * BLOCK_SIZE);
    disk.plant(FILE, wrong);
    const opened = await openSnapshots(disk, { retain: 3 });
    assertEquals(await refusal(opened), [FILE, HEADER_SIZE + number * BLOCK_SIZE]);
    await opened.close();
  }
  // A trailer that is right in itself, for data of the same size.
  const wrong = bytes.slice();
  wrong.set(twin.subarray(TRAILER_AT), TRAILER_AT);
  disk.plant(FILE, wrong);
  const opened = await openSnapshots(disk, { retain: 3 });
  assertEquals(await refusal(opened), [FILE, TRAILER_AT]);
  await opened.close();
});

Deno.test("a snapshot under another name, or of another store, is not listed", async () => {
  const { disk, bytes } = await someSnapshots();
  const { bytes: foreign } = await someSnapshots();
  for (
    const [path, content, found] of [
      ["/d/snapshots/2-21-2.snap", bytes, "2-20-2.snap of store"],
      ["/d/snapshots/2-20-4.snap", bytes, "2-20-2.snap of store"],
      [FILE, foreign, "2-20-2.snap of store"],
    ] as const
  ) {
    const before = disk.bytesOf(FILE);
    disk.plant(path, content);
    const store = await openSnapshots(disk, { retain: 9 });
    assertEquals(store.damages.map(({ file, offset }) => [file, offset]), [[path, 0]]);
    assert(store.damages[0]!.found.startsWith(found));
    assertEquals(store.list().some(({ id }) => path.endsWith(`${id}.snap`)), false);
    await store.close();
    disk.unplant(path);
    disk.plant(FILE, before);
  }
});

Deno.test("B47: a damaged snapshot is not counted among those that are retained, and its number is not used again", async () => {
  const { disk, bytes } = await someSnapshots();
  disk.plant(FILE, flipped(bytes, 3));
  const store = await openSnapshots(disk, { retain: 1 });
  assertEquals(store.list().map(({ id }) => id), ["1-10-1"]);
  const { id } = await save(store, point(2, 20), DATA);
  assertEquals(id, "2-20-3");
  assertEquals(disk.bytesOf(FILE), flipped(bytes, 3), "evidence is not removed");
  await store.close();
});

Deno.test("a file that is gone or replaced since the store was opened is one clear error", async () => {
  const { disk, bytes } = await someSnapshots();
  const store = await openSnapshots(disk);
  disk.unplant(FILE);
  await assertRejects(() => store.open("2-20-2"), Error, `${FILE} cannot be opened: the file is`);
  await store.close();

  // Whole, under the right name, of the right store, and another one.
  disk.plant(FILE, bytes);
  const first = await openSnapshots(disk);
  const elsewhere = new MemoryDisk();
  for (const path of ["/d/identity.json", "/d/log/00000001-00000000000000000001.log"]) {
    elsewhere.makeDirectories(path);
    elsewhere.plant(path, disk.bytesOf(path));
  }
  const second = await openSnapshots(elsewhere);
  await save(second, point(1, 1));
  await save(second, point(2, 20), someData(DATA.length, 77));
  disk.plant(FILE, elsewhere.bytesOf(FILE));
  assertEquals(await refusal(first), [FILE, 0]);
  await first.close();
  await second.close();
});
