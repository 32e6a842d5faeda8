/**
 * Reads the batches of a segment's file in order, in large pieces, and stops at the first one that
 * is not as it was written. What that means is for the caller to decide; to tell a torn write from
 * damage, it can ask for a later batch.
 *
 * @module
 */
import { type Index, MalformedError, NumberRangeError } from "@coracle/core";
import { readAllSync, type ReadFile } from "./files.ts";
import {
  type Batch,
  BATCH_HEADER_SIZE_BYTES,
  BATCH_SIZE_MIN_BYTES,
  batchLength,
  decodeBatch,
  describeBatchHeader,
  intactBatchLength,
  plainEntryCount,
  SALT_AT,
  saltPattern,
} from "./format/batch.ts";
import { lastTermOf, type LogChange } from "./format/change.ts";
import { describeChecksum, isIntact } from "./format/checksum.ts";
import type { Discontinuity } from "./log_state.ts";
import type { ScratchBuffer } from "./scratch.ts";

/** How much is read at once, if no batch is larger: what fits the processor's second cache. */
const PIECE_SIZE_BYTES = 256 * 1024;

/**
 * Small batches are put together up to this size: no more than a reader of one entry should have to
 * read.
 */
const GROUP_SIZE_BYTES = 64 * 1024;

/** The stretch of a file that is scanned. */
export interface ScanRange {
  /** The file. */
  readonly file: ReadFile;
  /** The salt of its segment. */
  readonly salt: number;
  /** Where a batch begins. */
  readonly start: number;
  /** Where the last batch should end. */
  readonly end: number;
}

/** Where and why a scan stopped. */
export interface BadBatch extends Discontinuity {
  /** Offset in the file of the batch that is not as it was written. */
  readonly offset: number;
  /** Whether its checksum is right: then no torn write explains it. */
  readonly intact: boolean;
}

/**
 * Takes a change, which begins at `offset` of the file and ends before `end`: a batch, or `count`
 * small ones that follow each other and together change what one would. Returns why it cannot be
 * where it is, or `undefined`.
 */
export type BatchVisitor = (
  change: LogChange,
  offset: number,
  end: number,
  count: number,
) => Discontinuity | undefined;

/**
 * Shows `visit` each batch of `range`; returns the first bad one, or `undefined` if all of the
 * range is as it was written.
 */
export function scanBatches(
  range: ScanRange,
  buffer: ScratchBuffer,
  visit: BatchVisitor,
): BadBatch | undefined {
  const { file, salt, start, end } = range;
  buffer.reserve(Math.min(PIECE_SIZE_BYTES, end - start));
  let offset = start;
  while (offset < end) {
    const wanted = Math.min(buffer.bytes.length, end - offset);
    const filled = readAllSync(file, offset, buffer.bytes.subarray(0, wanted));
    const whole = wholeBatches(buffer.view, filled, offset, salt);
    const bad = visitBatches(buffer, whole, offset, visit);
    if (bad !== undefined) return bad;
    offset += whole;
    if (whole > 0) continue;
    if (filled < BATCH_SIZE_MIN_BYTES || filled < wanted) {
      const expected = `a batch of at least ${BATCH_SIZE_MIN_BYTES} bytes`;
      return { offset, intact: false, expected, found: `${filled} bytes` };
    }
    const length = batchLength(buffer.view, 0, offset, salt);
    if (length === 0) {
      return { offset, intact: false, ...describeBatchHeader(buffer.view, 0, offset, salt) };
    }
    if (length > end - offset) {
      const expected = `a batch of ${length} bytes`;
      return { offset, intact: false, expected, found: `${end - offset} bytes` };
    }
    buffer.reserve(length);
  }
  return undefined;
}

/** How many of the buffer's first `filled` bytes are whole batches, judged by their headers. */
function wholeBatches(view: DataView, filled: number, offset: number, salt: number): number {
  let at = 0;
  while (filled - at >= BATCH_HEADER_SIZE_BYTES) {
    const length = batchLength(view, at, offset + at, salt);
    if (length === 0 || length > filled - at) break;
    at += length;
  }
  return at;
}

/**
 * Shows `visit` the batches in the buffer's first `size` bytes, up to one that is not intact or
 * that it refuses.
 */
function visitBatches(
  buffer: ScratchBuffer,
  size: number,
  offset: number,
  visit: BatchVisitor,
): BadBatch | undefined {
  // One checksum over all of them; only if that is wrong, each on its own.
  const intact = isIntact(buffer.bytes.subarray(0, size));
  for (let at = 0; at < size;) {
    if (!intact) {
      const one = buffer.bytes.subarray(at, at + intactBatchLength(buffer.view, at));
      if (!isIntact(one)) {
        return { offset: offset + at, intact: false, ...describeChecksum(one) };
      }
    }
    const group = decodeGroup(buffer, at, intact ? Math.min(size, at + GROUP_SIZE_BYTES) : at);
    if (!group.ok) {
      const { expected, found } = group;
      return { offset: offset + at, intact: true, expected, found };
    }
    const wrong = visit(group.change, offset + at, offset + group.end, group.count);
    if (wrong !== undefined) return { offset: offset + at, intact: true, ...wrong };
    at = group.end;
  }
  return undefined;
}

/** What one or several batches change, or what is wrong with the first one. */
type Group =
  | { readonly ok: true; readonly change: LogChange; readonly end: number; readonly count: number }
  | { readonly ok: false; readonly expected: string; readonly found: string };

/**
 * Decodes the batch at `start`, and takes those after it that end before `limit` and only continue
 * its entries for part of it.
 */
function decodeGroup({ bytes, view }: ScratchBuffer, start: number, limit: number): Group {
  let end = start + intactBatchLength(view, start);
  let batch: Batch;
  try {
    batch = decodeBatch(bytes, view, start, end - start);
  } catch (error) {
    if (!(error instanceof MalformedError || error instanceof NumberRangeError)) throw error;
    const expected = "a batch that this program could have written";
    return { ok: false, expected, found: error.message };
  }
  const { entries } = batch;
  if (entries === undefined) return { ok: true, change: batch, end, count: 1 };
  const term = lastTermOf(entries);
  let { lastIndex } = entries;
  let count = 1;
  while (end < limit) {
    const length = intactBatchLength(view, end);
    const more = length > limit - end ? 0 : plainEntryCount(view, end, length, lastIndex + 1, term);
    if (more === 0) break;
    lastIndex = (lastIndex + more) as Index;
    end += length;
    count += 1;
  }
  const change = count === 1 ? batch : { ...batch, entries: { ...entries, lastIndex } };
  return { ok: true, change, end, count };
}

/** A batch that was found by searching. */
export interface FoundBatch {
  /** Its offset in the file. */
  readonly offset: number;
  /** Bytes at the start of the file that were known to be synced when it was written. */
  readonly syncedBytes: number;
}

/**
 * The first intact batch in `range` that accept says yes to, wherever it begins: the bytes before
 * it may be anything.
 */
export function findBatch(
  range: ScanRange,
  buffer: ScratchBuffer,
  accept: (batch: FoundBatch) => boolean,
): FoundBatch | undefined {
  const { file, salt, start, end } = range;
  const pattern = saltPattern(salt);
  const window = new Uint8Array(Math.min(PIECE_SIZE_BYTES, Math.max(0, end - start)));
  for (let offset = start; end - offset >= BATCH_SIZE_MIN_BYTES;) {
    const filled = readAllSync(
      file,
      offset,
      window.subarray(0, Math.min(window.length, end - offset)),
    );
    const bytes = window.subarray(0, filled);
    for (let at = indexOf(bytes, pattern, SALT_AT); at !== -1;) {
      const found = readBatchAt(range, offset + at - SALT_AT, buffer);
      if (found !== undefined && accept(found)) return found;
      at = indexOf(bytes, pattern, at + 1);
    }
    if (filled < BATCH_SIZE_MIN_BYTES) return undefined;
    // The next window overlaps this one, so that no header is cut in two.
    offset += filled - (offset + filled === end ? 0 : BATCH_HEADER_SIZE_BYTES);
  }
  return undefined;
}

/** The batch at `offset`, if an intact one is there. */
function readBatchAt(
  { file, salt, end }: ScanRange,
  offset: number,
  buffer: ScratchBuffer,
): FoundBatch | undefined {
  if (end - offset < BATCH_SIZE_MIN_BYTES) return undefined;
  buffer.reserve(BATCH_SIZE_MIN_BYTES);
  if (readAllSync(file, offset, buffer.bytes.subarray(0, BATCH_HEADER_SIZE_BYTES)) === 0) {
    return undefined;
  }
  const length = batchLength(buffer.view, 0, offset, salt);
  if (length === 0 || length > end - offset) return undefined;
  buffer.reserve(length);
  const bytes = buffer.bytes.subarray(0, length);
  if (readAllSync(file, offset, bytes) < length || !isIntact(bytes)) return undefined;
  try {
    const { syncedBytes } = decodeBatch(buffer.bytes, buffer.view, 0, length);
    return { offset, syncedBytes };
  } catch {
    return undefined;
  }
}

/** Where `pattern` is in `bytes`, from `from` on; -1 if nowhere. */
function indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  const first = pattern[0]!;
  for (let at = bytes.indexOf(first, from); at !== -1; at = bytes.indexOf(first, at + 1)) {
    let length = 1;
    while (length < pattern.length && bytes[at + length] === pattern[length]) length += 1;
    if (length === pattern.length) return at;
  }
  return -1;
}
