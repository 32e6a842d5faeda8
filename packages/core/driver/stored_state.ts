/**
 * What the disk of a node that does not run says: whether there is anything, who the members are, and whether log and
 * snapshots go together.
 *
 * @module
 */
import {
  decodeConfiguration,
  EMPTY_CONFIGURATION,
  type IndexedConfiguration,
} from "../model/configuration.ts";
import { StorageError } from "../model/errors.ts";
import { type Index, NO_INDEX, NO_TERM } from "../model/numbers.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import type { LogReader, LogReset, LogStore } from "../ports/log_store.ts";
import type { SnapshotStore } from "../ports/snapshot_store.ts";

/** The stores of a node that does not run. They stay open, and stay the caller's. */
export interface StoredNode {
  /** Its log. */
  readonly log: LogStore;
  /** Its snapshots, if it has a store for them. */
  readonly snapshots?: SnapshotStore | undefined;
}

/**
 * Whether a node has ever held anything: a term, an entry or a snapshot. Only a node that has not may be bootstrapped.
 * hashicorp/raft: `HasExistingState`.
 */
export function hasExistingState({ log, snapshots }: StoredNode): boolean {
  return log.hardState.term > NO_TERM || log.lastIndex > NO_INDEX ||
    (snapshots !== undefined && snapshots.list().length > 0);
}

/**
 * The configuration with which a node would start, committed or not: the last one in its log, or that of its newest snapshot;
 * the empty one at index 0 if there is none. Changes nothing, and needs no state machine. Of a running node, ask
 * {@linkcode Raft.configuration}. Throws a `StorageError` if it cannot be read. hashicorp/raft: `GetConfiguration`.
 */
export function readConfiguration({ log, snapshots }: StoredNode): IndexedConfiguration {
  const snapshot = snapshots?.list()[0];
  const index = log.configurations.at(-1);
  if (snapshot !== undefined) {
    const { configuration } = snapshot;
    const isLast = index === undefined || index <= configuration.index;
    if (isLast || resetToFollow(log, snapshot) !== undefined) return configuration;
  }
  return index === undefined
    ? { index: NO_INDEX, configuration: EMPTY_CONFIGURATION }
    : readConfigurationEntry(log, index);
}

/** The configuration entry at `index`. Throws a `StorageError` if it is none. */
export function readConfigurationEntry(log: LogReader, index: Index): IndexedConfiguration {
  const run = log.read(index, 1);
  if (run === undefined) throw new StorageError(`configuration entry ${index} cannot be read`);
  try {
    return { index, configuration: decodeConfiguration(run.entry(index).data) };
  } catch (cause) {
    throw new StorageError(`configuration entry ${index} cannot be read: ${cause}`, { cause });
  }
}

/** Throws a `StorageError` if the log does not reach back to `snapshot`, from which the node is to start: what is missing was committed once. */
export function refuseGap(log: LogReader, snapshot: SnapshotMeta | undefined): void {
  const lastIncludedIndex = snapshot?.lastIncludedIndex ?? NO_INDEX;
  if (log.firstIndex <= lastIncludedIndex + 1) return;
  throw new StorageError(
    `the log begins at entry ${log.firstIndex} and ` +
      (snapshot === undefined
        ? "there is no snapshot of what was before"
        : `the newest snapshot that is whole ends at entry ${lastIncludedIndex}`),
  );
}

/**
 * How the log is to be made to follow `snapshot`, unless it does: a snapshot was received, and the node stopped before that was
 * done.
 */
export function resetToFollow(
  log: LogReader,
  snapshot: SnapshotMeta | undefined,
): LogReset | undefined {
  if (snapshot === undefined) return undefined;
  const { lastIncludedIndex: index, lastIncludedTerm: term } = snapshot;
  return log.term(index) === term ? undefined : { index, term };
}
