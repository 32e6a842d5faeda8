/**
 * What is found when the snapshots of a node are opened: those that are whole, what a crash has
 * left of others, and damage.
 *
 * @module
 */
import type { Logger } from "@coracle/core";
import type { Damage } from "./damage.ts";
import type { FileSystem } from "./files.ts";
import type { StorePaths } from "./layout.ts";
import type { Repair } from "./recovery.ts";
import {
  listSnapshotFiles,
  type ReadSnapshotEnds,
  readSnapshotEnds,
  type SnapshotFile,
} from "./snapshot_files.ts";

/** The snapshots of a store. */
export interface RecoveredSnapshots {
  /** Those with a right header and trailer, the newest first. */
  readonly files: readonly SnapshotFile[];
  /** What was removed. */
  readonly repairs: readonly Repair[];
  /** What is wrong with the others. */
  readonly damages: readonly Damage[];
  /** The highest sequence number that is in use. */
  readonly lastSequence: number;
}

/**
 * Makes the directory if it is missing, removes what was never finished, and reads headers and
 * trailers.
 */
export async function recoverSnapshots(
  fs: FileSystem,
  paths: StorePaths,
  storeId: string,
  logger: Logger,
): Promise<RecoveredSnapshots> {
  const listed = await listSnapshotFiles(fs, paths);
  if (listed === undefined) {
    await fs.makeDirectory(paths.snapshots);
    await fs.syncDirectory(paths.directory);
    return { files: [], repairs: [], damages: [], lastSequence: 0 };
  }
  for (const file of listed.strangers) logger.warn("{file} is no snapshot; left alone", { file });
  const repairs: Repair[] = [];
  for (const name of listed.unfinished) {
    const repair = await removeUnfinished(fs, `${paths.snapshots}/${name}`);
    logger.warn("{kind} {file}, {sizeBytes} bytes: {reason}", { ...repair });
    repairs.push(repair);
  }
  // A process may have ended after giving a snapshot its name and before syncing that. What a log
  // is compacted for must not vanish later.
  await fs.syncDirectory(paths.snapshots);

  const files: SnapshotFile[] = [];
  const damages: Damage[] = [];
  for (const name of listed.finished) {
    const read = await readSnapshot(fs, paths, name, storeId);
    if (read?.ok) {
      files.push(read.snapshot);
    } else {
      const damage = read?.damage ?? missingSnapshot(paths, name);
      damages.push(damage);
      logger.error(
        "snapshot {file} is damaged at offset {offset} and not used: expected {expected}, found {found}",
        { ...damage },
      );
    }
  }
  return { files, repairs, damages, lastSequence: listed.lastSequence };
}

/** Header and trailer of the file `name`; `undefined` if there is no such file. */
export async function readSnapshot(
  fs: FileSystem,
  paths: StorePaths,
  name: string,
  storeId: string | undefined,
): Promise<ReadSnapshotEnds | undefined> {
  const file = `${paths.snapshots}/${name}`;
  const reader = fs.openReadSync(file);
  if (reader === undefined) return undefined;
  try {
    return await readSnapshotEnds(reader, file, storeId);
  } finally {
    reader.close();
  }
}

/** A snapshot that was listed and is not there. */
export function missingSnapshot(paths: StorePaths, name: string): Damage {
  const file = `${paths.snapshots}/${name}`;
  return { file, offset: 0, expected: "a snapshot", found: "no file" };
}

async function removeUnfinished(fs: FileSystem, file: string): Promise<Repair> {
  const reader = fs.openReadSync(file);
  const sizeBytes = reader?.sizeSync() ?? 0;
  reader?.close();
  await fs.remove(file);
  const reason = "the process ended before the snapshot was finished";
  return { kind: "removed-snapshot", file, offset: 0, sizeBytes, reason };
}
