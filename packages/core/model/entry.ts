/**
 * One entry of the replicated log, and the limits of its parts.
 *
 * @module
 */
import type { Index, Term } from "./numbers.ts";

/**
 * What an entry is for. `command` goes to the state machine; `noop` is a new leader's first entry
 * (thesis 6.4); `barrier` waits until everything before it is applied; `configuration` carries the
 * members of the cluster. Their meanings are hashicorp/raft's. `restore` carries a piece of a backup that replaces the
 * state of all replicas.
 */
export type EntryType = "command" | "noop" | "barrier" | "configuration" | "restore";

/** An entry as a state machine or an observer sees it. */
export interface Entry {
  /** Its position in the log, from 1 on without gaps. */
  readonly index: Index;
  /** The term of the leader that appended it. */
  readonly term: Term;
  /** What it is for. */
  readonly type: EntryType;
  /** The command, or the encoded configuration; empty for `noop` and `barrier`. A view: do not write to it. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Bytes for layers between the caller and the state machine, which the latter need not understand. */
  readonly extensions: Uint8Array<ArrayBuffer>;
  /**
   * The leader's wall clock when it appended the entry, in milliseconds since 1970; 0 where nobody called for the entry (docs/divergences.md). The consensus
   * decides nothing by it; sessions expire by the latest one in the log.
   */
  readonly appendedAtMs: number;
}

/** What somebody wants appended; the leader gives it an index and a term. */
export interface Proposal {
  /** What the entry is for. */
  readonly type: EntryType;
  /** See {@linkcode Entry.data}. */
  readonly data: Uint8Array;
  /** See {@linkcode Entry.extensions}. */
  readonly extensions: Uint8Array;
}

/** Bytes of an encoded entry before its extensions and data. */
export const ENTRY_HEADER_SIZE_BYTES = 32;

/** The largest encoded entry that any part of Coracle accepts: 16 MiB. Callers are refused earlier, at a configured limit. */
export const ENTRY_SIZE_MAX_BYTES: number = 16 * 1024 * 1024;

/** No bytes. Shared, so that an entry without extensions allocates nothing. */
export const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** The size of `proposal` once it is encoded, in bytes. */
export function encodedSizeBytes(proposal: Proposal): number {
  return ENTRY_HEADER_SIZE_BYTES + proposal.extensions.length + proposal.data.length;
}
