/**
 * What a snapshot stands for: everything up to one entry, and the members as of that entry.
 *
 * @module
 */
import type { IndexedConfiguration } from "./configuration.ts";
import type { Index, Term } from "./numbers.ts";

/** Everything that was applied up to an entry. Names are those of the Raft paper, section 7. */
export interface SnapshotPoint {
  /** The last entry that the snapshot contains. */
  readonly lastIncludedIndex: Index;
  /** Term of that entry. */
  readonly lastIncludedTerm: Term;
  /** The configuration as of that entry; its own index is at or before it. */
  readonly configuration: IndexedConfiguration;
}

/** A snapshot that is stored. hashicorp/raft: `SnapshotMeta`. */
export interface SnapshotMeta extends SnapshotPoint {
  /** Its name in its store. */
  readonly id: string;
  /** Bytes of the state machine's data. */
  readonly sizeBytes: number;
  /** Wall clock when it was finished, in milliseconds since 1970. */
  readonly createdAtMs: number;
}

/** Orders snapshots from the newest to the oldest: by term, then by index, as numbers. */
export function newestFirst(one: SnapshotPoint, other: SnapshotPoint): number {
  return other.lastIncludedTerm - one.lastIncludedTerm ||
    other.lastIncludedIndex - one.lastIncludedIndex;
}
