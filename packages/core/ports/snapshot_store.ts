/**
 * The port to stored snapshots: written aside, then there all at once; verified when read; kept while anybody reads.
 *
 * @module
 */
import type { SnapshotMeta, SnapshotPoint } from "../model/snapshot.ts";

/** A snapshot that is being written. Nobody sees it before {@linkcode SnapshotSink.commit}. hashicorp/raft: `SnapshotSink`. */
export interface SnapshotSink {
  /**
   * Appends `chunk`, whose memory may be used again once the promise has resolved; the promise is the back-pressure. Rejects with a
   * `StorageError`; from then on so do further writes and `commit`, and only `abort` is left. One call at a time.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes it durable and, from then on, listed as a snapshot of `point`, and removes old ones beyond those that the store retains. This one
   * stays in any case until one is committed whose `commit` was called when this one had been answered: whoever has just written it can open
   * it, also while others are committed.
   */
  commit(point: SnapshotPoint): Promise<SnapshotMeta>;
  /** Gives it up and removes what was written. Idempotent; does nothing after `commit`. */
  abort(): Promise<void>;
}

/** A snapshot that is being read. It is not removed before it is closed. */
export interface SnapshotSource extends AsyncDisposable {
  /** What it is. */
  readonly meta: SnapshotMeta;
  /**
   * Its data, once. The iteration ends with a `StorageError` that names file and offset if what was stored is damaged:
   * nothing that was read before counts then.
   */
  read(): AsyncIterable<Uint8Array>;
  /** Lets go of it. Idempotent. */
  close(): Promise<void>;
}

/**
 * Keeps snapshots of one node's state machine. `snapshotStoreConformance` of `@coracle/testing` finds out whether an
 * implementation keeps what is promised here. hashicorp/raft: `SnapshotStore`.
 */
export interface SnapshotStore {
  /** All complete snapshots, the newest first (see `newestFirst`); of two of the same point, the later one first. */
  list(): readonly SnapshotMeta[];
  /** Begins a snapshot. Several may be written at once. */
  create(): Promise<SnapshotSink>;
  /** Opens the snapshot `id`. Rejects with a `StorageError` if none is listed under that id. */
  open(id: string): Promise<SnapshotSource>;
  /**
   * Lets go of everything; snapshots that are being written are given up, reading others ends with a `StorageError`. Idempotent.
   * Whatever is asked later rejects with a `StorageError`.
   */
  close(): Promise<void>;
}
