/**
 * What a node finds when it starts: the newest snapshot that is whole, and the log that follows it.
 *
 * @module
 */
import { SnapshotsUnsupportedError, StorageError } from "../model/errors.ts";
import type { RaftConfig } from "../model/config.ts";
import type { IndexedConfiguration } from "../model/configuration.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogReader, LogStore } from "../ports/log_store.ts";
import type { SnapshotStore } from "../ports/snapshot_store.ts";
import { restoreFsm } from "./fsm_restore.ts";
import type { Meter } from "./meter.ts";
import { readConfigurationEntry, refuseGap, resetToFollow } from "./stored_state.ts";

/** What a node starts from. */
export interface Found {
  /** The snapshot that the state machine has been restored from. */
  readonly snapshot: SnapshotMeta | undefined;
  /** The configurations that the log contains, in order. */
  readonly configurations: readonly IndexedConfiguration[];
}

/** What {@linkcode findState} looks at. */
export interface FindOptions {
  /** The state machine. */
  readonly fsm: Fsm;
  /** The log. */
  readonly log: LogStore;
  /** The snapshots. */
  readonly snapshots: SnapshotStore | undefined;
  /** The settings. */
  readonly config: RaftConfig;
  /** Where it is told which snapshots are damaged. */
  readonly logger: Logger;
  /** What measures it, if anything does. */
  readonly meter?: Meter | undefined;
}

/**
 * Restores the state machine from the newest snapshot that is whole, and makes the log follow it. Throws a `StorageError` if
 * snapshot and log leave a gap: what is missing was committed once.
 */
export async function findState(options: FindOptions): Promise<Found> {
  const { log } = options;
  const snapshot = await restoreNewest(options);
  refuseGap(log, snapshot);
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
  return { snapshot, configurations };
}

async function restoreNewest(options: FindOptions): Promise<SnapshotMeta | undefined> {
  const { fsm, log, snapshots, config, logger, meter } = options;
  const metas = snapshots?.list() ?? [];
  if (snapshots === undefined || metas.length === 0) return undefined;
  if (fsm.restore === undefined) throw new SnapshotsUnsupportedError();
  if (!config.restoreSnapshotOnStart && !mayLack(log, metas[0]!)) return metas[0];
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

/**
 * Whether a state machine that keeps its state by itself may lack what `meta` contains. A leader's snapshot and a backup are stored first
 * and restored then, and the node may have stopped in between. A leader's is one that the log does not reach or begins after; of a
 * backup, the log keeps the last piece until it is restored.
 */
function mayLack(log: LogReader, meta: SnapshotMeta): boolean {
  const { lastIncludedIndex: index } = meta;
  if (resetToFollow(log, meta) !== undefined || index < log.firstIndex) return true;
  return log.read(index, 1)?.entry(index).type === "restore";
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
