/**
 * A batch: everything that one call of `persist` makes durable, with one write and one sync. It
 * takes effect as a whole or, if it is torn, not at all.
 *
 * ```text
 *   0        4        8        12       16
 *   +--------+--------+--------+--------+--------+---     ---+--------+--------+
 *   | length | salt   | offset | synced | frames ...          | "comm" | crc LE |
 *   +--------+--------+--------+--------+--------+---     ---+--------+--------+
 *   length  u32  bytes of the batch, from these to the checksum
 *   salt    u32  of the segment, from the store's identity and the segment's sequence number
 *   offset  u32  of the batch in its file
 *   synced  u32  bytes at the file's start that were known to be synced when it was written
 *   crc     u32  of the whole batch before it (checksum.ts)
 * ```
 *
 * Frames begin with a kind, four letters, and their size in bytes. Each may be missing, but their
 * order is fixed.
 *
 * ```text
 *   0        4        8                16
 *   +--------+--------+----------------+------------------------+
 *   | "hard" | size   | term           | vote (vote.ts)         |   term and vote
 *   +--------+--------+----------------+------------------------+
 *
 *   0        4        8                16               24
 *   +--------+--------+----------------+----------------+
 *   | "trnc" | size   | lastIndex      | lastTerm       |   entries after lastIndex are dropped
 *   | "rset" |        |                |                |   all are; the log goes on after lastIndex
 *   +--------+--------+----------------+----------------+
 *
 *   0        4        8                16               24       28       32       36
 *   +--------+--------+----------------+----------------+--------+--------+--------+
 *   | "entr" | size   | firstIndex     | firstTerm      | count  | terms  | confs  |
 *   +--------+--------+----------------+----------------+--------+--------+--------+
 *   | index            term            |  terms times: where each further term begins
 *   | index            |  confs times: the configuration entries
 *   | entries as they travel (entry_codec.ts of core) |
 * ```
 *
 * Indexes and terms are u64, counts u32, big-endian. What the entries are has not to be parsed in
 * order to open a store: the frame says which indexes and terms there are and where the
 * configurations are.
 *
 * @module
 */
import {
  ENTRY_HEADER_SIZE_BYTES,
  type EntryRun,
  type HardState,
  type Index,
  MalformedError,
  readUint53,
  type Term,
  type TermStart,
  toIndex,
  writeUint53,
} from "@coracle/core";
import type { EntriesSummary, LogChange, LogCut, PlannedChange } from "./change.ts";
import { CHECKSUM_SIZE_BYTES, writeChecksum } from "./checksum.ts";
import { decodeVote, encodeVote, voteSizeBytes } from "./vote.ts";

/** Bytes of a batch before its frames. */
export const BATCH_HEADER_SIZE_BYTES = 16;

/** Bytes of a batch after its frames. */
const COMMIT_SIZE_BYTES: number = 4 + CHECKSUM_SIZE_BYTES;

/** The smallest batch: it has no frames. */
export const BATCH_SIZE_MIN_BYTES: number = BATCH_HEADER_SIZE_BYTES + COMMIT_SIZE_BYTES;

/** The largest batch that is written or read: 256 MiB. */
export const BATCH_SIZE_MAX_BYTES: number = 256 * 1024 * 1024;

const CUT_SIZE_BYTES = 24;
const ENTRIES_FIXED_SIZE_BYTES = 36;

const HARD = kind("hard");
const TRUNCATE = kind("trnc");
const RESET = kind("rset");
const ENTRIES = kind("entr");
const COMMIT = kind("comm");

/** Where a batch is, for those of its fields that say so. */
export interface BatchPlace {
  /** Its segment's salt. */
  readonly salt: number;
  /** Its offset in the segment's file. */
  readonly offset: number;
  /** Bytes at the start of the file that are known to be synced. */
  readonly syncedBytes: number;
}

/** A batch that was read. */
export interface Batch extends LogChange {
  /** The entries' summary, and where their bytes are in the buffer that was read. */
  readonly entries: PlacedEntries | undefined;
  /** Bytes at the start of the file that were known to be synced when the batch was written. */
  readonly syncedBytes: number;
}

/** Entries in a buffer. */
export interface PlacedEntries extends EntriesSummary {
  /** Where the first entry begins. */
  readonly start: number;
  /** Where the last entry ends. */
  readonly end: number;
}

/** Size of the batch that {@linkcode encodeBatch} makes of `change`, in bytes. */
export function batchSizeBytes(change: PlannedChange): number {
  const { hardState, cut, entries, runs } = change;
  let size = BATCH_SIZE_MIN_BYTES;
  if (hardState !== undefined) size += hardSizeBytes(hardState);
  if (cut !== undefined) size += CUT_SIZE_BYTES;
  if (entries !== undefined) size += entriesSizeBytes(entries, runs);
  return size;
}

/**
 * Writes a batch at `start` of `bytes` and returns the offset after it. `view` is the same memory.
 */
export function encodeBatch(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  place: BatchPlace,
  change: PlannedChange,
): number {
  const { hardState, cut, entries, runs } = change;
  let at = start + BATCH_HEADER_SIZE_BYTES;
  if (hardState !== undefined) at = encodeHard(bytes, view, at, hardState);
  if (cut !== undefined) at = encodeCut(view, at, cut);
  if (entries !== undefined) at = encodeEntries(bytes, view, at, entries, runs);
  view.setUint32(at, COMMIT);
  const end = at + COMMIT_SIZE_BYTES;
  view.setUint32(start, end - start);
  view.setUint32(start + 4, place.salt);
  view.setUint32(start + 8, place.offset);
  view.setUint32(start + 12, place.syncedBytes);
  writeChecksum(bytes, view, start, at + 4);
  return end;
}

/**
 * The length of the batch whose header is at `at`, or 0 if no batch of the segment can be there.
 * `offset` is where `at` is in the file. Believes nothing else: the checksum is not looked at.
 */
export function batchLength(view: DataView, at: number, offset: number, salt: number): number {
  const length = view.getUint32(at);
  return length >= BATCH_SIZE_MIN_BYTES && length <= BATCH_SIZE_MAX_BYTES &&
      view.getUint32(at + 4) === salt && view.getUint32(at + 8) === offset
    ? length
    : 0;
}

/** What is wrong with a header for which {@linkcode batchLength} is 0. */
export function describeBatchHeader(
  view: DataView,
  at: number,
  offset: number,
  salt: number,
): { expected: string; found: string } {
  return {
    expected: `a batch of ${BATCH_SIZE_MIN_BYTES} to ${BATCH_SIZE_MAX_BYTES} bytes ` +
      `for offset ${offset} with salt ${salt}`,
    found: `one of ${view.getUint32(at)} bytes for offset ${view.getUint32(at + 8)} ` +
      `with salt ${view.getUint32(at + 4)}`,
  };
}

/**
 * Reads the batch at `start`, whose length and checksum are right. Throws `MalformedError` or
 * `NumberRangeError` if its frames are none that this program writes.
 */
export function decodeBatch(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
): Batch {
  const end = start + length - COMMIT_SIZE_BYTES;
  let at = start + BATCH_HEADER_SIZE_BYTES;
  let hardState: HardState | undefined;
  let cut: LogCut | undefined;
  let entries: PlacedEntries | undefined;
  if (at < end && view.getUint32(at) === HARD) {
    const size = frameSize(view, at, end, 16 + 4);
    hardState = {
      term: readUint53(view, at + 8) as Term,
      votedFor: decodeVote(bytes, view, at + 16, at + size),
    };
    at += size;
  }
  if (at < end && (view.getUint32(at) === TRUNCATE || view.getUint32(at) === RESET)) {
    const size = frameSize(view, at, end, CUT_SIZE_BYTES);
    cut = {
      kind: view.getUint32(at) === TRUNCATE ? "truncate" : "reset",
      lastIndex: readUint53(view, at + 8) as Index,
      lastTerm: readUint53(view, at + 16) as Term,
    };
    at += size;
  }
  if (at < end && view.getUint32(at) === ENTRIES) {
    const size = frameSize(view, at, end, ENTRIES_FIXED_SIZE_BYTES);
    entries = decodeEntries(view, at, at + size);
    at += size;
  }
  if (at !== end || view.getUint32(at) !== COMMIT) {
    throw new MalformedError(
      `a frame at byte ${at - start} of the batch is of kind ${hexKind(view, at)}`,
    );
  }
  return { hardState, cut, entries, syncedBytes: view.getUint32(start + 12) };
}

/**
 * How many entries the batch at `at` holds, if they are all that it holds, are of `term`, begin
 * with `nextIndex` and have no configuration among them: what nearly every batch is, and found out
 * without decoding it. 0 otherwise.
 */
export function plainEntryCount(
  view: DataView,
  at: number,
  length: number,
  nextIndex: number,
  term: number,
): number {
  const frame = at + BATCH_HEADER_SIZE_BYTES;
  const size = length - BATCH_SIZE_MIN_BYTES;
  if (
    size < ENTRIES_FIXED_SIZE_BYTES || view.getUint32(frame) !== ENTRIES ||
    view.getUint32(frame + 4) !== size || view.getUint32(frame + 28) !== 0 ||
    view.getUint32(frame + 32) !== 0 || !isUint53(view, frame + 8, nextIndex) ||
    !isUint53(view, frame + 16, term)
  ) {
    return 0;
  }
  const count = view.getUint32(frame + 24);
  return count * ENTRY_HEADER_SIZE_BYTES <= size - ENTRIES_FIXED_SIZE_BYTES ? count : 0;
}

/** Whether the unsigned 64-bit number at `at` is `value`. */
function isUint53(view: DataView, at: number, value: number): boolean {
  return view.getUint32(at + 4) === value >>> 0 &&
    view.getUint32(at) === Math.floor(value / 0x1_0000_0000);
}

/** The length of the batch at `at`, in bytes that were already read and found intact. */
export function intactBatchLength(view: DataView, at: number): number {
  return view.getUint32(at);
}

/** The salt of a segment, as its batches carry it: what to look for in order to find them. */
export function saltPattern(salt: number): Uint8Array<ArrayBuffer> {
  const pattern = new Uint8Array(4);
  new DataView(pattern.buffer).setUint32(0, salt);
  return pattern;
}

/** Where {@linkcode saltPattern} is in a batch. */
export const SALT_AT = 4;

function hardSizeBytes(hardState: HardState): number {
  return 16 + voteSizeBytes(hardState.votedFor);
}

function encodeHard(bytes: Uint8Array, view: DataView, at: number, hardState: HardState): number {
  view.setUint32(at, HARD);
  writeUint53(view, at + 8, hardState.term);
  const end = encodeVote(bytes, view, at + 16, hardState.votedFor);
  view.setUint32(at + 4, end - at);
  return end;
}

function encodeCut(view: DataView, at: number, cut: LogCut): number {
  view.setUint32(at, cut.kind === "truncate" ? TRUNCATE : RESET);
  view.setUint32(at + 4, CUT_SIZE_BYTES);
  writeUint53(view, at + 8, cut.lastIndex);
  writeUint53(view, at + 16, cut.lastTerm);
  return at + CUT_SIZE_BYTES;
}

function entriesSizeBytes(entries: EntriesSummary, runs: readonly EntryRun[]): number {
  let size = ENTRIES_FIXED_SIZE_BYTES + 16 * entries.laterTerms.length +
    8 * entries.configurations.length;
  for (const run of runs) size += run.bytes.length;
  return size;
}

function encodeEntries(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  entries: EntriesSummary,
  runs: readonly EntryRun[],
): number {
  view.setUint32(start, ENTRIES);
  writeUint53(view, start + 8, entries.firstIndex);
  writeUint53(view, start + 16, entries.firstTerm);
  view.setUint32(start + 24, entries.lastIndex - entries.firstIndex + 1);
  view.setUint32(start + 28, entries.laterTerms.length);
  view.setUint32(start + 32, entries.configurations.length);
  let at = start + ENTRIES_FIXED_SIZE_BYTES;
  for (const { index, term } of entries.laterTerms) {
    writeUint53(view, at, index);
    writeUint53(view, at + 8, term);
    at += 16;
  }
  for (const index of entries.configurations) {
    writeUint53(view, at, index);
    at += 8;
  }
  for (const run of runs) {
    bytes.set(run.bytes, at);
    at += run.bytes.length;
  }
  view.setUint32(start + 4, at - start);
  return at;
}

const NO_TERMS: readonly TermStart[] = [];
const NO_INDEXES: readonly Index[] = [];

function decodeEntries(view: DataView, start: number, end: number): PlacedEntries {
  const firstIndex = readUint53(view, start + 8) as Index;
  const count = view.getUint32(start + 24);
  const termCount = view.getUint32(start + 28);
  const configurationCount = view.getUint32(start + 32);
  const configurationsAt = start + ENTRIES_FIXED_SIZE_BYTES + 16 * termCount;
  const entriesAt = configurationsAt + 8 * configurationCount;
  // Before anything is allocated for them.
  if (count === 0 || end - entriesAt < count * ENTRY_HEADER_SIZE_BYTES) {
    throw new MalformedError(
      `${count} entries, ${termCount} terms and ${configurationCount} configurations do not fit ` +
        `a frame of ${end - start} bytes`,
    );
  }
  return {
    firstIndex,
    lastIndex: toIndex(firstIndex + count - 1),
    firstTerm: readUint53(view, start + 16) as Term,
    laterTerms: termCount === 0
      ? NO_TERMS
      : decodeTerms(view, start + ENTRIES_FIXED_SIZE_BYTES, configurationsAt),
    configurations: configurationCount === 0
      ? NO_INDEXES
      : decodeIndexes(view, configurationsAt, entriesAt),
    start: entriesAt,
    end,
  };
}

function decodeTerms(view: DataView, start: number, end: number): TermStart[] {
  const terms: TermStart[] = [];
  for (let at = start; at < end; at += 16) {
    terms.push({ index: readUint53(view, at) as Index, term: readUint53(view, at + 8) as Term });
  }
  return terms;
}

function decodeIndexes(view: DataView, start: number, end: number): Index[] {
  const indexes: Index[] = [];
  for (let at = start; at < end; at += 8) indexes.push(readUint53(view, at) as Index);
  return indexes;
}

/**
 * The size of the frame at `at`, which has at least `leastBytes`, and ends where the commit frame
 * begins at the latest.
 */
function frameSize(view: DataView, at: number, end: number, leastBytes: number): number {
  const size = view.getUint32(at + 4);
  if (size < leastBytes || size > end - at) {
    throw new MalformedError(
      `a frame of kind ${hexKind(view, at)} gives its size as ${size}; from ${leastBytes} to ${
        end - at
      } is allowed`,
    );
  }
  return size;
}

function hexKind(view: DataView, at: number): string {
  return `0x${view.getUint32(at).toString(16).padStart(8, "0")}`;
}

/** Four letters as a number. */
function kind(letters: string): number {
  return new DataView(new TextEncoder().encode(letters).buffer).getUint32(0);
}
