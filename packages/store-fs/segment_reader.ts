/**
 * Reads entries that are no longer in memory from the segments.
 *
 * @module
 */
import { checkEntry, EntryRun, type Index, MalformedError, NumberRangeError } from "@coracle/core";
import { DamageError } from "./damage.ts";
import { type FileSystem, readAllSync, type ReadFile } from "./files.ts";
import { decodeBatch, intactBatchLength, type PlacedEntries } from "./format/batch.ts";
import { isIntact } from "./format/checksum.ts";
import type { Segment } from "./layout.ts";
import type { LogPoint, LogState } from "./log_state.ts";
import { ScratchBuffer } from "./scratch.ts";

/** Files that are kept open for reading. */
const OPEN_FILES_MAX = 8;

/** A stretch of the buffer with whole entries. */
interface Piece {
  readonly start: number;
  readonly end: number;
}

/** See the module. */
export class SegmentReader {
  readonly #fs: FileSystem;
  readonly #state: LogState;
  readonly #buffer = new ScratchBuffer();
  /** Open files; the one used last comes last. */
  readonly #files = new Map<Segment, ReadFile>();
  /**
   * What the buffer holds: whoever reads a large stretch in small steps reads it from the disk
   * once.
   */
  #held: { segment: Segment; offset: number; end: number } | undefined;

  /** Reads the entries that `state` says there are. */
  constructor(fs: FileSystem, state: LogState) {
    this.#fs = fs;
    this.#state = state;
  }

  /**
   * Entries from `from` on, which must be in the log: up to `maxBytes` but at least one, and none
   * beyond the stretch of the sparse index. Throws `DamageError` if they are not what was written.
   */
  read(from: Index, maxBytes: number): EntryRun {
    const point = this.#state.points[this.#state.pointAt(from)]!;
    this.#load(point);
    let found: string;
    try {
      const run = this.#run(this.#pieces(point, from, maxBytes));
      if (run.firstIndex === from) return run;
      found = `entry ${run.firstIndex}`;
    } catch (error) {
      if (!(error instanceof MalformedError || error instanceof NumberRangeError)) throw error;
      found = error.message;
    }
    const { segment, offset } = point;
    throw new DamageError({ file: segment.path, offset, expected: `entry ${from}`, found });
  }

  /** Closes the file of a segment that is about to be removed. */
  forget(segment: Segment): void {
    this.#files.get(segment)?.close();
    this.#files.delete(segment);
    if (this.#held?.segment === segment) this.#held = undefined;
  }

  /** Closes all files. */
  close(): void {
    for (const segment of [...this.#files.keys()]) this.forget(segment);
  }

  /** Brings the batches of `point` into the buffer and checks them. */
  #load({ segment, offset, end }: LogPoint): void {
    const held = this.#held;
    if (held?.segment === segment && held.offset === offset && held.end === end) return;
    this.#held = undefined;
    const size = end - offset;
    this.#buffer.reserve(size);
    const bytes = this.#buffer.bytes.subarray(0, size);
    const filled = readAllSync(this.#file(segment), offset, bytes);
    if (filled < size || !isIntact(bytes)) {
      throw new DamageError({
        file: segment.path,
        offset,
        expected: `${size} bytes of batches, as when they were written or the store was opened`,
        found: filled < size ? `${filled} bytes` : "other bytes",
      });
    }
    this.#held = { segment, offset, end };
  }

  /**
   * Where in the buffer the entries from `from` on are, as far as `maxBytes` and the stretch allow.
   */
  #pieces(point: LogPoint, from: number, maxBytes: number): Piece[] {
    const { bytes, view } = this.#buffer;
    const pieces: Piece[] = [];
    const size = point.end - point.offset;
    let wanted = from;
    let left = maxBytes;
    for (let at = 0; at < size && wanted <= point.lastIndex && (left > 0 || pieces.length === 0);) {
      const length = intactBatchLength(view, at);
      const { entries } = decodeBatch(bytes, view, at, length);
      at += length;
      if (entries === undefined || entries.lastIndex < wanted) continue;
      const start = offsetOf(view, entries, wanted);
      const last = Math.min(entries.lastIndex, point.lastIndex);
      let end = last === entries.lastIndex ? entries.end : offsetOf(view, entries, last + 1);
      if (end - start > left) {
        end = limitedEnd(view, start, end, left, pieces.length === 0);
        left = 0;
      }
      if (end > start) pieces.push({ start, end });
      left -= end - start;
      wanted = last + 1;
    }
    return pieces;
  }

  #run(pieces: readonly Piece[]): EntryRun {
    let size = 0;
    for (const { start, end } of pieces) size += end - start;
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const { start, end } of pieces) {
      bytes.set(this.#buffer.bytes.subarray(start, end), at);
      at += end - start;
    }
    return EntryRun.parse(bytes);
  }

  #file(segment: Segment): ReadFile {
    let file = this.#files.get(segment);
    if (file === undefined) {
      file = this.#fs.openReadSync(segment.path);
      if (file === undefined) {
        const expected = "a segment";
        throw new DamageError({ file: segment.path, offset: 0, expected, found: "no file" });
      }
      const [oldest] = this.#files.keys();
      if (oldest !== undefined && this.#files.size >= OPEN_FILES_MAX) this.forget(oldest);
    } else {
      this.#files.delete(segment);
    }
    this.#files.set(segment, file);
    return file;
  }
}

/** Where the entry at `index` begins. */
function offsetOf(view: DataView, entries: PlacedEntries, index: number): number {
  let offset = entries.start;
  // The checksum is right, but whoever has written the batch may have had another idea of entries.
  for (let at = entries.firstIndex as number; at < index; at += 1) {
    offset += checkEntry(view, offset, entries.end);
  }
  return offset;
}

/**
 * Where the last entry ends that fits `maxBytes` from `start` on; the first one counts as fitting
 * if `atLeastOne`.
 */
function limitedEnd(
  view: DataView,
  start: number,
  end: number,
  maxBytes: number,
  atLeastOne: boolean,
): number {
  let at = atLeastOne ? start + checkEntry(view, start, end) : start;
  while (at < end) {
    const next = at + checkEntry(view, at, end);
    if (next - start > maxBytes) break;
    at = next;
  }
  return at;
}
