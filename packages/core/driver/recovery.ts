/**
 * What a node finds when it starts: the newest snapshot that is whole, and the log that follows it.
 *
 * @module
 */
import { SnapshotsUnsupportedError, StorageError } from "../model/errors.ts";
import type { IndexedConfiguration } from "../model/configuration.ts";
import { type Index, NO_INDEX } from "../model/numbers.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log_store.ts";
import type { SnapshotStore } from "../ports/snapshot_store.ts";
import { restoreFsm } from "./fsm_restore.ts";
import type { Kept } from "./kept_fsm.ts";
import type { Meter } from "./meter.ts";
import { readConfigurationEntry, refuseGap, resetToFollow } from "./stored_state.ts";

/** What a node starts from. */
export interface Found {
  /** The snapshot that the state machine has been restored from, or holds already. */
  readonly snapshot: SnapshotMeta | undefined;
  /** The configurations that the log contains, in order. */
  readonly configurations: readonly IndexedConfiguration[];
  /** The last entry of which the state machine holds what it did, though the node may not have come to it yet. */
  heldIndex(): Index;
}

/** What {@linkcode findState} looks at. */
export interface FindOptions {
  /** The state machine. */
  readonly fsm: Fsm;
  /** The log. */
  readonly log: LogStore;
  /** The snapshots. */
  readonly snapshots: SnapshotStore | undefined;
  /** The state machine, if it keeps its state by itself. */
  readonly kept?: Kept | undefined;
  /** Where it is told which snapshots are damaged. */
  readonly logger: Logger;
  /** What measures it, if anything does. */
  readonly meter?: Meter | undefined;
}

/**
 * Restores the state machine from the newest snapshot that is whole, and makes the log follow it. Throws a `StorageError` if
 * snapshot and log leave a gap, or end before what the state machine holds: what is missing was committed once.
 */
export async function findState(options: FindOptions): Promise<Found> {
  const { log, kept } = options;
  const snapshot = await restoreNewest(options);
  refuseGap(log, snapshot);
  const lastIndex = Math.max(log.lastIndex, snapshot?.lastIncludedIndex ?? NO_INDEX);
  const heldIndex = kept?.heldIndex ?? (() => NO_INDEX);
  if (heldIndex() > lastIndex) {
    throw new StorageError(
      `the state machine holds everything up to entry ${heldIndex()}, log and snapshots up to entry ${lastIndex}: ` +
        "they do not belong together",
    );
  }
  const reset = resetToFollow(log, snapshot);
  if (reset !== undefined) {
    const { term } = reset;
    const isLater = term > log.hardState.term;
    await log.persist([{
      hardState: isLater ? { term, votedFor: undefined } : undefined,
      reset,
      truncateFrom: undefined,
      entries: undefined,
    }]);
  }
  const configurations = log.configurations.map((index) => readConfigurationEntry(log, index));
  return { snapshot, configurations, heldIndex };
}

async function restoreNewest(options: FindOptions): Promise<SnapshotMeta | undefined> {
  const { fsm, snapshots, kept, logger, meter } = options;
  const metas = snapshots?.list() ?? [];
  if (snapshots === undefined || metas.length === 0) return undefined;
  if (fsm.restore === undefined) throw new SnapshotsUnsupportedError();
  if (kept !== undefined && kept.heldIndex() >= metas[0]!.lastIncludedIndex) return metas[0];
  for (const meta of metas) {
    try {
      await using source = await snapshots.open(meta.id);
      await restoreFsm(fsm, source, meter);
      return meta;
    } catch (error) {
      const damage = error instanceof StorageError ? error : await findDamage(snapshots, meta);
      if (damage === undefined) throw error;
      logger.error("snapshot {id} cannot be restored, an older one is tried: {error}", {
        id: meta.id,
        error: damage,
      });
    }
  }
  throw new StorageError(`none of ${metas.length} snapshots could be restored`);
}

/** What is damaged of a snapshot. A state machine that throws may have done so for that: it sees the bytes before they are known to be right. */
export async function findDamage(
  snapshots: SnapshotStore,
  { id }: SnapshotMeta,
): Promise<StorageError | undefined> {
  try {
    await using source = await snapshots.open(id);
    for await (const chunk of source.read()) void chunk;
    return undefined;
  } catch (error) {
    if (error instanceof StorageError) return error;
    throw error;
  }
}
