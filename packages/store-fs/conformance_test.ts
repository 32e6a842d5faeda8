/**
 * Log and snapshots keep what core's ports promise, on a disk that forgets what was not synced (B39, B45, B46), and on this
 * machine's.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Prng } from "@coracle/testing";
import { logStoreConformance, snapshotStoreConformance } from "@coracle/testing/conformance";
import { FsSnapshotStore } from "./snapshot_store.ts";
import { FsLogStore } from "./store.ts";
import { FORGET, MemoryDisk, scramble } from "./_testing/memory_disk.ts";

/** A directory on a disk in memory, and sizes that let all of them matter. */
class Place {
  disk = new MemoryDisk();
  readonly segmentSizeBytes: number;
  readonly cacheSizeBytes: number;
  readonly blockSizeBytes: number;

  constructor(readonly random: Prng) {
    this.segmentSizeBytes = random.pick([1024, 1024, 2000, 1 << 20]);
    this.cacheSizeBytes = random.pick([0, 2000, 1 << 20]);
    this.blockSizeBytes = random.pick([64, 1000, 1 << 18]);
  }

  openLog(): Promise<FsLogStore> {
    const { disk: fs, segmentSizeBytes, cacheSizeBytes } = this;
    return FsLogStore.open({ directory: "/d", fs, segmentSizeBytes, cacheSizeBytes });
  }

  openSnapshots(retain: number): Promise<FsSnapshotStore> {
    const { disk: fs, blockSizeBytes } = this;
    return FsSnapshotStore.open({ directory: "/d", fs, blockSizeBytes, retain });
  }

  /** The process is killed, or the machine loses its power. */
  crash(): void {
    const { disk, random } = this;
    this.disk = random.chance(0.3)
      ? disk.afterProcessEnd()
      : disk.afterPowerCut(random.chance(0.5) ? FORGET : scramble(() => random.next()));
  }
}

const IN_MEMORY = {
  create: (random: Prng) => new Place(random),
  remove: ({ disk }: Place) => assertEquals(disk.openCount, 0, "files left open"),
  crash: (place: Place) => place.crash(),
  fail: ({ disk }: Place) => void (disk.failAt = disk.operations.length),
  runs: 300,
};

const ON_DISK = {
  create: () => Deno.makeTempDir(),
  remove: (directory: string) => Deno.remove(directory, { recursive: true }),
  runs: 20,
};

const logInMemory = logStoreConformance({ ...IN_MEMORY, open: (place) => place.openLog() });
for (const { name, run } of logInMemory) Deno.test(`the log on a disk in memory: ${name}`, run);

const logOnDisk = logStoreConformance({
  ...ON_DISK,
  open: (directory) => FsLogStore.open({ directory, segmentSizeBytes: 4096, cacheSizeBytes: 3000 }),
});
for (const { name, run } of logOnDisk) Deno.test(`the log on this machine's disk: ${name}`, run);

for (const retain of [1, 2, 3]) {
  const checks = snapshotStoreConformance({
    ...IN_MEMORY,
    open: (place) => place.openSnapshots(retain),
    damage: ({ disk, random }, _, id) => {
      const path = `/d/snapshots/${id}.snap`;
      const bytes = disk.bytesOf(path).slice();
      const at = random.int(0, bytes.length - 1);
      bytes[at] = bytes[at]! ^ (1 << random.int(0, 7));
      disk.overwrite(path, bytes);
    },
    retain,
    runs: 150,
  });
  for (const { name, run } of checks) {
    Deno.test(`snapshots on a disk in memory, ${retain} retained: ${name}`, run);
  }
}

const snapshotsOnDisk = snapshotStoreConformance({
  ...ON_DISK,
  open: (directory) => FsSnapshotStore.open({ directory, blockSizeBytes: 1000 }),
});
for (const { name, run } of snapshotsOnDisk) {
  Deno.test(`snapshots on this machine's disk: ${name}`, run);
}
