/**
 * Files of a store that are missing, of another store, or of another version are refused; so is what was damaged after it was opened.
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
import { StorageError, toIndex } from "@coracle/core";
import { DamageError } from "./damage.ts";
import { FIRST, flipped, open, refusal, someStore } from "./_testing/damaged_stores.ts";
import { assertHolds } from "./_testing/logs.ts";
import { MemoryDisk } from "./_testing/memory_disk.ts";

Deno.test("segments that are missing, doubled or renamed are refused", async () => {
  const { disk } = await someStore(12);
  const log = disk.paths().filter((path) => path.startsWith("/d/log/"));
  assertEquals(log.length, 4);
  for (const missing of [1, 2]) {
    const bytes = disk.bytesOf(log[missing]!);
    disk.unplant(log[missing]!);
    const { damage } = await refusal(disk);
    assertEquals([damage.file, damage.found], ["/d/log", log[missing + 1]!]);
    disk.plant(log[missing]!, bytes);
  }
  const twin = "/d/log/00000002-00000000000000000099.log";
  disk.plant(twin, disk.bytesOf(log[1]!));
  assertEquals((await refusal(disk)).damage.file, "/d/log");
  disk.unplant(twin);
  const oldest = disk.bytesOf(log[0]!);
  for (const path of log) disk.unplant(path);
  assertEquals((await refusal(disk)).damage.expected, "at least one segment");
  disk.plant("/d/log/00000001-00000000000000000005.log", oldest);
  assertEquals(
    (await refusal(disk)).damage.expected.slice(0, 33),
    "00000001-00000000000000000005.log",
  );
});

Deno.test("B35: bytes of another store, or of another place, are never taken for this log's", async () => {
  const { disk, extents } = await someStore(3);
  const { disk: other } = await someStore(3);
  disk.plant(FIRST, other.bytesOf(FIRST));
  assertStringIncludes((await refusal(disk)).damage.found, "of store");

  // A batch that is intact, but was written elsewhere: it is a torn end, and no proof that it is
  // none.
  const { disk: own, extents: places, models } = await someStore(3);
  const bytes = own.bytesOf(FIRST);
  const { start, end } = places[1]!;
  const moved = new Uint8Array([...bytes, ...bytes.subarray(start, end)]);
  own.plant(FIRST, moved);
  const store = await open(own);
  assertHolds(store, models.at(-1)!);
  assertEquals(store.recovered.map(({ offset }) => offset), [extents.at(-1)!.end]);
  await store.close();
});

Deno.test("B04: without its identity, or with a damaged one, a log is refused", async () => {
  const { disk } = await someStore(2);
  const identity = disk.bytesOf("/d/identity.json");
  // The last byte only ends the line.
  for (let at = 0; at < identity.length - 1; at += 1) {
    disk.plant("/d/identity.json", flipped(identity, at, 0x02));
    const text = new TextDecoder().decode(disk.bytesOf("/d/identity.json"));
    await assertRejects(() => open(disk), StorageError, undefined, text);
    disk.plant("/d/identity.json", identity.slice(0, at));
    await refusal(disk);
  }
  disk.unplant("/d/identity.json");
  await assertRejects(() => open(disk), StorageError, "/d/identity.json is missing, but");
  disk.plant("/d/identity.json", identity);
  await (await open(disk)).close();
});

Deno.test("B04: a store whose creation was cut short is made again; it never promised anything", async () => {
  const disk = new MemoryDisk();
  const first = await open(disk);
  await first.close();
  disk.unplant("/d/identity.json");
  const second = await open(disk);
  assert(second.identity.storeId !== first.identity.storeId);
  await second.close();
});

Deno.test("a store of another format version is refused by name", async () => {
  const { disk } = await someStore(1);
  const text = new TextDecoder().decode(disk.bytesOf("/d/identity.json"));
  const later = text.replace('"formatVersion": 1', '"formatVersion": 2');
  disk.plant("/d/identity.json", new TextEncoder().encode(later));
  await assertRejects(
    () => open(disk),
    StorageError,
    "the store in /d has format version 2; this program reads format version 1",
  );
});

Deno.test("what was damaged since the store was opened is found when it is read", async () => {
  const { disk, extents } = await someStore(3);
  const { file, start, end } = extents[0]!;
  const bytes = disk.bytesOf(file);
  for (const wrong of [flipped(bytes, start), flipped(bytes, end - 10), bytes.slice(0, end)]) {
    disk.plant(file, bytes);
    const store = await open(disk);
    disk.plant(file, wrong);
    const { damage } = assertThrows(() => store.read(toIndex(1), 10), DamageError);
    assertEquals([damage.file, damage.offset], [file, start]);
    await store.close();
  }
  disk.plant(file, bytes);
  const store = await open(disk);
  disk.unplant(file);
  assertThrows(() => store.read(toIndex(1), 10), DamageError, "found no file");
  await store.close();
});
