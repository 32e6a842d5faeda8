import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Prng } from "../prng.ts";
import { DirectoryImage, DiskImage, FileImage } from "./disk_image.ts";

function bytes(length: number, value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(value);
}

/** A file of `synced` ones that are on the platter and `dirty` twos that may not be. */
function fileOf(synced: number, dirty: number): FileImage {
  const file = new FileImage();
  file.append(bytes(synced, 1));
  file.sync(file.sizeBytes);
  file.append(bytes(dirty, 2));
  return file;
}

Deno.test("what was synced survives a power failure; of the rest any part may", () => {
  const sizes = new Set<number>();
  const kinds = new Set<string>();
  for (let seed = 1; seed <= 300; seed += 1) {
    const file = fileOf(100, 200);
    file.losePower(new Prng(seed));
    assertEquals(file.bytes.subarray(0, 100), bytes(100, 1));
    sizes.add(file.sizeBytes);
    const rest = file.bytes.subarray(100);
    if (rest.length === 200) {
      const kept = rest.filter((byte) => byte === 2).length;
      kinds.add(kept === 200 ? "whole" : kept === 0 ? "lost" : "torn");
    }
  }
  assertEquals(kinds, new Set(["whole", "lost", "torn"]));
  assert(sizes.has(100) && sizes.has(300) && sizes.size > 20);
});

Deno.test("a truncation is certain once it is synced", () => {
  const outcomes = new Set<number>();
  for (let seed = 1; seed <= 50; seed += 1) {
    const file = fileOf(100, 0);
    file.truncate(40);
    file.losePower(new Prng(seed));
    assertEquals(file.bytes.subarray(0, 40), bytes(40, 1));
    outcomes.add(file.sizeBytes);
  }
  assert(outcomes.has(40) && outcomes.has(100));
  const file = fileOf(100, 0);
  file.truncate(40);
  file.sync(file.sizeBytes);
  file.append(bytes(5, 3));
  file.losePower(new Prng(1));
  assertEquals(file.bytes.subarray(0, 40), bytes(40, 1));
  assert(file.sizeBytes <= 45);
});

Deno.test("what a sync has failed to write is seen, is forgotten by the next sync, and is gone after all", () => {
  let lost = 0;
  for (let seed = 1; seed <= 50; seed += 1) {
    const file = fileOf(64, 128);
    file.failSync(new Prng(seed));
    assertEquals(file.bytes.subarray(64), bytes(128, 2));
    file.sync(file.sizeBytes);
    const found = new Prng(seed + 1000);
    if (seed % 2 === 0) file.losePower(found);
    else file.evict();
    assertEquals(file.bytes.subarray(0, 64), bytes(64, 1));
    if (!file.bytes.subarray(64).every((byte) => byte === 2) || file.sizeBytes < 192) lost += 1;
  }
  assert(lost > 20, `${lost}`);
});

Deno.test("a process that ends loses nothing that the system has", () => {
  const file = fileOf(10, 10);
  file.evict();
  assertEquals(file.bytes, new Uint8Array([...bytes(10, 1), ...bytes(10, 2)]));
});

Deno.test("one bit flips, for good", () => {
  const file = fileOf(10, 0);
  const { offset, bit } = file.flipBit(new Prng(4))!;
  file.losePower(new Prng(1));
  assertStrictEquals(file.bytes[offset], 1 ^ (1 << bit));
  assertStrictEquals(file.bytes.filter((byte) => byte !== 1).length, 1);
  assertStrictEquals(new FileImage().flipBit(new Prng(1)), undefined);
});

Deno.test("names that were synced survive; others may be as before", () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 100; seed += 1) {
    const disk = new DiskImage();
    const data = new DirectoryImage();
    disk.root.names.set("data", data);
    disk.root.sync();
    const [old, young] = [fileOf(1, 0), fileOf(2, 0)];
    data.names.set("kept", old);
    data.names.set("replaced", old);
    data.sync();
    data.names.set("replaced", young);
    data.names.set("made", young);
    disk.losePower(new Prng(seed));
    assertStrictEquals(disk.find("/data/kept"), old);
    const replaced = disk.find("/data/replaced");
    assert(replaced === old || replaced === young);
    outcomes.add(`${replaced === old} ${disk.find("/data/made") === undefined}`);
  }
  assertEquals(outcomes.size, 4);
});

Deno.test("paths", () => {
  const disk = new DiskImage();
  const { directory, name } = disk.parent("/a");
  directory.names.set(name, fileOf(3, 4));
  assertEquals(disk.files().map(([path]) => path), ["/a"]);
  assertStrictEquals(disk.usedBytes, 7);
  assertThrows(() => disk.parent("/b/c"), Error, "/b/c has no directory");
});
