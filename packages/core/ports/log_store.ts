/**
 * The port to durable storage: reads are synchronous and cheap, writes are asynchronous and come back
 * as one promise for each group.
 *
 * @module
 */
import type { EntryRun } from "../model/entry_run.ts";
import type { ServerId } from "../model/configuration.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { StoreId } from "../model/store_id.ts";

/** Term and vote: one atomic record, never two (Raft paper, figure 2, persistent state). */
export interface HardState {
  /** The latest term that the node has seen. */
  readonly term: Term;
  /** Whom it voted for in that term, or `undefined`. */
  readonly votedFor: ServerId | undefined;
}

/**
 * What the consensus reads of a log: only what is durable. Implementations keep recent entries in
 * memory, bounded in bytes, and read older ones from disk.
 */
export interface LogReader {
  /** Index of the first entry that can be read; `lastIndex + 1` if there is none. */
  readonly firstIndex: Index;
  /** Index of the last entry; of the entry before the log if it is empty (0 for a new log). */
  readonly lastIndex: Index;
  /**
   * Term of the entry at `index`, for `firstIndex - 1` to `lastIndex`; `undefined` outside of that.
   * The term of the entry just before the log stays known after a truncation of the prefix; for index 0 it is 0.
   */
  term(index: Index): Term | undefined;
  /**
   * Entries from `from` on, up to `maxBytes` of them but at least one; `undefined` if `from` is not
   * between `firstIndex` and `lastIndex`. May return fewer than there are, but where entries were
   * written in small batches it puts neighbours together, so that a reader pays for bytes and not for batches. What was read
   * stays what it was, whatever becomes of the log.
   * Throws `StorageError` if what it reads is damaged.
   */
  read(from: Index, maxBytes: number): EntryRun | undefined;
}

/** Where a log begins anew: just after this entry, which a snapshot contains. */
export interface LogReset {
  /** Index of the last entry that is no longer in the log. */
  readonly index: Index;
  /** Its term. */
  readonly term: Term;
}

/**
 * One change of the durable state. Its parts take effect in the order hard state, reset, truncation, entries,
 * and together: after a crash either all of it is there or nothing.
 */
export interface LogWrite {
  /** The new term and vote, if they change. */
  readonly hardState: HardState | undefined;
  /** All entries are dropped, and the log goes on after the given one. */
  readonly reset: LogReset | undefined;
  /** Entries from this index on are dropped, if there are any. Never at or before the commit index. */
  readonly truncateFrom: Index | undefined;
  /** Entries to append; the first follows the last one kept, and is of its term or a later one. */
  readonly entries: EntryRun | undefined;
}

/**
 * A log, its hard state and nothing else. Opened by its adapter; owned by one node at a time. `logStoreConformance` of
 * `@coracle/testing` finds out whether an implementation keeps what is promised here.
 */
export interface LogStore extends LogReader {
  /** Drawn at random when the store was made, and the same ever since: with what it promised, a store loses its name. */
  readonly storeId: StoreId;
  /** Term and vote as they are durable now. */
  readonly hardState: HardState;
  /**
   * Indexes of all configuration entries in the log, in order, as they are durable now. Needed once, when a node starts.
   */
  readonly configurations: readonly Index[];
  /**
   * Makes `writes` durable, in order, with one write and one sync. The promise resolves when all of them are;
   * reads show them from then on, and never a part of one. After a crash the first few of them are there, or none, each as a
   * whole. At most one call is under way at a time.
   *
   * Rejects with a `StorageError` if the disk fails. After that nothing further is accepted until the store is opened
   * again: what a disk holds after a failed sync, nobody knows. Rejects with an `InvariantViolation`, writes nothing of
   * `writes`, and goes on, if entries do not follow, terms go back (the node's or the entries'), or a vote changes within its
   * term: no node asks for that.
   */
  persist(writes: readonly LogWrite[]): Promise<void>;
  /**
   * Drops entries up to and including `index`, which a snapshot has made unnecessary; may keep some. Durable when the promise
   * resolves. One call at a time, which may come while a call of `persist` is under way. `index` is not beyond `lastIndex`; if
   * it is before the log, nothing happens.
   */
  truncatePrefix(index: Index): Promise<void>;
  /**
   * Waits for a write that is under way, then lets go of everything. Idempotent. Writes and truncations that come later reject
   * with a `StorageError`.
   */
  close(): Promise<void>;
}
