/**
 * The log store keeps what core's port promises, on a disk that forgets what was not synced (B39), and on this machine's.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Prng } from "@coracle/testing";
import { logStoreConformance } from "@coracle/testing/conformance";
import { FsLogStore } from "./store.ts";
import { FORGET, MemoryDisk, scramble } from "./_testing/memory_disk.ts";

/** A directory on a disk in memory, and sizes that let all of them matter. */
class Place {
  disk = new MemoryDisk();
  readonly segmentSizeBytes: number;
  readonly cacheSizeBytes: number;

  constructor(readonly random: Prng) {
    this.segmentSizeBytes = random.pick([1024, 1024, 2000, 1 << 20]);
    this.cacheSizeBytes = random.pick([0, 2000, 1 << 20]);
  }

  open(): Promise<FsLogStore> {
    const { disk: fs, segmentSizeBytes, cacheSizeBytes } = this;
    return FsLogStore.open({ directory: "/d", fs, segmentSizeBytes, cacheSizeBytes });
  }

  /** The process is killed, or the machine loses its power. */
  crash(): void {
    const { disk, random } = this;
    this.disk = random.chance(0.3)
      ? disk.afterProcessEnd()
      : disk.afterPowerCut(random.chance(0.5) ? FORGET : scramble(() => random.next()));
  }
}

const inMemory = logStoreConformance({
  create: (random) => new Place(random),
  open: (place) => place.open(),
  remove: ({ disk }) => assertEquals(disk.openCount, 0, "files left open"),
  crash: (place) => place.crash(),
  fail: ({ disk }) => void (disk.failAt = disk.operations.length),
  runs: 300,
});
for (const { name, run } of inMemory) Deno.test(`the store on a disk in memory: ${name}`, run);

const onDisk = logStoreConformance({
  create: () => Deno.makeTempDir(),
  open: (directory) => FsLogStore.open({ directory, segmentSizeBytes: 4096, cacheSizeBytes: 3000 }),
  remove: (directory) => Deno.remove(directory, { recursive: true }),
  runs: 20,
});
for (const { name, run } of onDisk) Deno.test(`the store on this machine's disk: ${name}`, run);
