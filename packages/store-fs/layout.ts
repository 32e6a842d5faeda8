/**
 * What a store's directory holds.
 *
 * ```text
 * DIR/identity.json                             who the store is; written last when it is made
 * DIR/lock                                      held by the process that has the store open
 * DIR/log/00000007-00000000000000012345.log     the segments
 * DIR/snapshots/3-12345-7.snap                  the snapshots
 * ```
 *
 * @module
 */
import type { SegmentHeader } from "./format/segment_header.ts";

/** The paths of a store's files. */
export interface StorePaths {
  /** The store's directory. */
  readonly directory: string;
  /** Who the store is. */
  readonly identity: string;
  /** The identity while it is being written. */
  readonly identityAside: string;
  /** The file whose lock the store's process holds. */
  readonly lock: string;
  /** The directory of the segments. */
  readonly log: string;
  /** The directory of the snapshots. */
  readonly snapshots: string;
}

/** The paths of the store in `directory`. */
export function storePaths(directory: string): StorePaths {
  const trimmed = directory.replace(/(?<=[^/])\/+$/, "");
  return {
    directory: trimmed,
    identity: `${trimmed}/identity.json`,
    identityAside: `${trimmed}/identity.json.tmp`,
    lock: `${trimmed}/lock`,
    log: `${trimmed}/log`,
    snapshots: `${trimmed}/snapshots`,
  };
}

/** A segment of the log that is on disk. */
export interface Segment {
  /** Its sequence number. */
  readonly sequence: number;
  /** Path of its file. */
  readonly path: string;
  /** What its header says. */
  readonly header: SegmentHeader;
  /** What its batches carry so as to belong to it. */
  readonly salt: number;
  /** The file's size in bytes, as far as it is intact and synced. */
  sizeBytes: number;
}
