/**
 * Writes to the newest segment, and begins the next one when it is full.
 *
 * @module
 */
import { appendAllSync, type AppendFile, type FileSystem } from "./files.ts";
import { batchSizeBytes, encodeBatch } from "./format/batch.ts";
import type { PlannedChange } from "./format/change.ts";
import { segmentSalt } from "./format/checksum.ts";
import { storeIdBytes } from "./format/identity.ts";
import {
  encodeSegmentHeader,
  segmentFileName,
  type SegmentHeader,
  segmentHeaderSizeBytes,
} from "./format/segment_header.ts";
import type { Segment, StorePaths } from "./layout.ts";
import type { LogState } from "./log_state.ts";
import { ScratchBuffer } from "./scratch.ts";

/** A segment that was begun, and its file. */
export interface BegunSegment {
  /** The segment. */
  readonly segment: Segment;
  /** Its file, open for appending. */
  readonly file: AppendFile;
}

/**
 * Makes a segment of `header` and, if there is one, a first batch, and makes both durable with one
 * sync of the file and one of its name. Until then the segment counts for nothing: recovery removes
 * a newest segment whose header is torn, and cuts a torn first batch.
 */
export async function beginSegment(
  fs: FileSystem,
  paths: StorePaths,
  header: SegmentHeader,
  change?: PlannedChange,
  buffer: ScratchBuffer = new ScratchBuffer(),
): Promise<BegunSegment> {
  const headerSize = segmentHeaderSizeBytes(header);
  const salt = segmentSalt(storeIdBytes(header.storeId), header.sequence);
  const path = `${paths.log}/${segmentFileName(header.sequence, header.lastIndex + 1)}`;
  buffer.reserve(headerSize + (change === undefined ? 0 : batchSizeBytes(change)));
  const { bytes, view } = buffer;
  let end = encodeSegmentHeader(bytes, view, header);
  if (change !== undefined) {
    end = encodeBatch(bytes, view, end, { salt, offset: headerSize, syncedBytes: 0 }, change);
  }
  const file = await fs.create(path);
  try {
    appendAllSync(file, bytes.subarray(0, end));
    await file.syncData();
    await fs.syncDirectory(paths.log);
  } catch (error) {
    await tryCutBack(file, 0);
    file.close();
    throw error;
  }
  const sequence = header.sequence;
  return { file, segment: { sequence, path, header, salt, sizeBytes: end } };
}

/**
 * Room is reserved in pieces of this size at first, so that a small log stays a small file; then in
 * pieces as large as the segment is by then.
 */
const ROOM_SIZE_MIN_BYTES = 64 * 1024;

/** How large segments are to be, and how much room is made ahead in them. */
export interface SegmentSizes {
  /** A segment that would become larger is not written to any more. */
  readonly segmentSizeBytes: number;
  /** The most room that is reserved at once behind the last batch; 0 for none. */
  readonly reserveSizeBytes: number;
}

/** Where a batch is, now that it is durable. */
export interface WrittenBatch {
  /** Its segment. */
  readonly segment: Segment;
  /** Where it begins. */
  readonly offset: number;
  /** Where it ends. */
  readonly end: number;
}

/** See the module. Its methods are called one at a time; after one has failed, none is. */
export class SegmentWriter {
  readonly #fs: FileSystem;
  readonly #paths: StorePaths;
  readonly #sizes: SegmentSizes;
  readonly #buffer = new ScratchBuffer();
  #segment: Segment;
  #file: AppendFile;
  /** Where the room ends that was reserved in the newest segment; 0 if none was. */
  #roomEndBytes = 0;

  /** Goes on with a segment whose bytes are all intact and synced. */
  constructor(
    fs: FileSystem,
    paths: StorePaths,
    sizes: SegmentSizes,
    { segment, file }: BegunSegment,
  ) {
    this.#fs = fs;
    this.#paths = paths;
    this.#sizes = sizes;
    this.#segment = segment;
    this.#file = file;
  }

  /** Whether a batch of `change` would make the newest segment larger than segments are to be. */
  isFullFor(change: PlannedChange): boolean {
    const { sizeBytes, header } = this.#segment;
    return sizeBytes + batchSizeBytes(change) > this.#sizes.segmentSizeBytes &&
      sizeBytes > segmentHeaderSizeBytes(header);
  }

  /** Writes a batch of `change` to the newest segment and syncs it. */
  async append(change: PlannedChange): Promise<WrittenBatch> {
    const segment = this.#segment;
    const offset = segment.sizeBytes;
    const size = batchSizeBytes(change);
    this.#buffer.reserve(size);
    const { bytes, view } = this.#buffer;
    encodeBatch(bytes, view, 0, { salt: segment.salt, offset, syncedBytes: offset }, change);
    try {
      appendAllSync(this.#file, bytes.subarray(0, size));
      if (offset + size > this.#roomEndBytes) this.#reserve(offset + size);
      await this.#file.syncData();
    } catch (error) {
      await tryCutBack(this.#file, offset);
      throw error;
    }
    segment.sizeBytes = offset + size;
    return { segment, offset, end: segment.sizeBytes };
  }

  /**
   * Writes a batch of `change`, which follows a log as given, as the first one of a new segment,
   * and syncs it.
   */
  async appendToNext(
    { lastIndex, lastTerm, hardState }: Pick<LogState, "lastIndex" | "lastTerm" | "hardState">,
    change: PlannedChange,
  ): Promise<WrittenBatch> {
    const full = this.#segment;
    if (this.#roomEndBytes > 0) {
      // The next segment says how large this one is.
      await this.#file.truncate(full.sizeBytes);
      await this.#file.syncData();
    }
    const { file, segment } = await beginSegment(
      this.#fs,
      this.#paths,
      {
        storeId: full.header.storeId,
        sequence: full.sequence + 1,
        sizeBeforeBytes: full.sizeBytes,
        lastIndex,
        lastTerm,
        hardState,
      },
      change,
      this.#buffer,
    );
    this.#file.close();
    this.#file = file;
    this.#segment = segment;
    this.#roomEndBytes = 0;
    return { segment, offset: segmentHeaderSizeBytes(segment.header), end: segment.sizeBytes };
  }

  /** Gives up room that nothing was written to, unless the disk has `failed`, and lets go of the file. */
  async close(failed: boolean): Promise<void> {
    if (this.#roomEndBytes > 0 && !failed) await tryCutBack(this.#file, this.#segment.sizeBytes);
    this.#file.close();
  }

  /**
   * Makes room behind the last batch, with the sync that this batch needs in any case. A disk that
   * has no room for what is only useful may have some for what is needed.
   */
  #reserve(end: number): void {
    const { segmentSizeBytes, reserveSizeBytes } = this.#sizes;
    const piece = Math.min(Math.max(ROOM_SIZE_MIN_BYTES, end), reserveSizeBytes);
    const room = Math.min(piece, segmentSizeBytes - end);
    if (room <= 0) return;
    try {
      this.#file.reserveSync(room);
      this.#roomEndBytes = end + room;
    } catch {
      this.#roomEndBytes = Infinity;
    }
  }
}

/**
 * After a failed sync an operating system may take the bytes for written and show them to whoever
 * opens the store next, though they are not on the disk. Cut off, they are seen by nobody. If
 * this fails too, nothing is lost: the batch was never acknowledged.
 */
async function tryCutBack(file: AppendFile, sizeBytes: number): Promise<void> {
  try {
    await file.truncate(sizeBytes);
  } catch {
    // See above.
  }
}
