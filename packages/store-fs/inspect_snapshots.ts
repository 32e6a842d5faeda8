/**
 * Looks at the snapshots of a node without opening them, and reads one through.
 *
 * @module
 */
import type { SnapshotMeta } from "@coracle/core";
import { type Damage, DamageError } from "./damage.ts";
import type { FileSystem } from "./files.ts";
import type { StorePaths } from "./layout.ts";
import { listSnapshotFiles, readSnapshotEnds, readThrough } from "./snapshot_files.ts";
import { missingSnapshot, readSnapshot } from "./snapshot_recovery.ts";

/** One snapshot. */
export interface SnapshotInspection {
  /** Its file. */
  readonly file: string;
  /** What it contains, if header and trailer say so. */
  readonly meta: SnapshotMeta | undefined;
  /** What is wrong with header or trailer; such a snapshot is not used. */
  readonly damage: Damage | undefined;
  /**
   * Reads all of it, in memory of two blocks, and resolves with the first place that is not as it
   * was written, or `undefined` if everything is. Rejects with what the file system throws.
   */
  verify(): Promise<Damage | undefined>;
}

/** What there is of snapshots. */
export interface InspectedSnapshots {
  /** The snapshots, the newest first. */
  readonly snapshots: readonly SnapshotInspection[];
  /** Those that were never finished. */
  readonly unfinished: readonly Damage[];
}

/** Looks at the snapshots of the store `storeId`, or of whichever it is, if that is not known. */
export async function inspectSnapshots(
  fs: FileSystem,
  paths: StorePaths,
  storeId: string | undefined,
): Promise<InspectedSnapshots> {
  const listed = await listSnapshotFiles(fs, paths);
  const snapshots: SnapshotInspection[] = [];
  for (const name of listed?.finished ?? []) {
    const read = await readSnapshot(fs, paths, name, storeId);
    // It was removed since the directory was listed: the node is running.
    if (read === undefined) continue;
    snapshots.push({
      file: `${paths.snapshots}/${name}`,
      meta: read.ok ? read.snapshot.meta : undefined,
      damage: read.ok ? undefined : read.damage,
      verify: () => verifySnapshot(fs, paths, name, storeId),
    });
  }
  const unfinished = (listed?.unfinished ?? []).map((name) => ({
    file: `${paths.snapshots}/${name}`,
    offset: 0,
    expected: "a finished snapshot",
    found: "one whose writing was cut short",
  }));
  return { snapshots, unfinished };
}

async function verifySnapshot(
  fs: FileSystem,
  paths: StorePaths,
  name: string,
  storeId: string | undefined,
): Promise<Damage | undefined> {
  const reader = fs.openReadSync(`${paths.snapshots}/${name}`);
  if (reader === undefined) return missingSnapshot(paths, name);
  try {
    const read = await readSnapshotEnds(reader, `${paths.snapshots}/${name}`, storeId);
    if (!read.ok) return read.damage;
    for await (const _ of readThrough(reader, storeId, read.snapshot));
    return undefined;
  } catch (error) {
    if (error instanceof DamageError) return error.damage;
    throw error;
  } finally {
    reader.close();
  }
}
