import { assertRejects } from "@std/assert";
import { EntryRun, InvariantViolation, NO_BYTES, toIndex, toTerm } from "@coracle/core";
import { FsLogStore } from "@coracle/store-fs";
import { Prng } from "../prng.ts";
import { DirectoryImage, DiskImage, FileImage } from "./disk_image.ts";
import { DIRECTORY } from "./process.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import { quickHost, StoppedDisks } from "./stopped_disks.ts";

/** A disk with a log of the given commands. */
async function diskWith(...texts: string[]): Promise<DiskImage> {
  const image = new DiskImage();
  const log = await FsLogStore.open({
    directory: DIRECTORY,
    fs: new SimulatedDisk(quickHost(image)),
  });
  const proposals = texts.map((text) => ({
    type: "command" as const,
    data: new TextEncoder().encode(text),
    extensions: NO_BYTES,
  }));
  const entries = EntryRun.encode(toIndex(1), toTerm(1), 0, proposals);
  await log.persist([
    {
      hardState: { term: toTerm(1), votedFor: undefined },
      reset: undefined,
      truncateFrom: undefined,
      entries,
    },
  ]);
  await log.close();
  return image;
}

Deno.test("disks of nodes that have stopped hold the same, and nothing to repair", async () => {
  const disks = new StoppedDisks(2);
  await disks.look("n1", await diskWith("a", "b"));
  await disks.look("n2", await diskWith("a", "b", "c"));
  await assertRejects(
    async () => await disks.look("n3", await diskWith("a", "x")),
    InvariantViolation,
    "n3 and n1 have different entries 2",
  );
  await assertRejects(
    async () => await disks.look("n4", await diskWith("a")),
    InvariantViolation,
    "the log of n4 ends at 1, and 2 is committed",
  );
  const torn = await diskWith("a", "b");
  const [, file] = torn.files().find(([path]) => path.endsWith(".log"))!;
  file.append(new Uint8Array([1, 2, 3]));
  await assertRejects(
    () => disks.look("n5", torn),
    InvariantViolation,
    "stopped disks: n5 has left",
  );
  const given = await diskWith("a", "b");
  const snapshots = new DirectoryImage();
  snapshots.names.set("1.snap.tmp", new FileImage());
  given.parent(`${DIRECTORY}/snapshots`).directory.names.set("snapshots", snapshots);
  await disks.look("n6", given, true);
  await assertRejects(() => disks.look("n6", given), InvariantViolation, "n6 has left");
  const rotten = await diskWith("a", "b");
  rotten.files().find(([path]) => path.endsWith(".log"))![1].flipBit(new Prng(1));
  await assertRejects(() => disks.look("n6", rotten), InvariantViolation, "n6 has left");
});
