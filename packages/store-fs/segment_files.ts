/**
 * The files of a log's segments: which there are, what their headers say, and whether what is wrong
 * with one can be the work of a crash.
 *
 * @module
 */
import type { Damage } from "./damage.ts";
import { type FileSystem, readAllSync, type ReadFile } from "./files.ts";
import { segmentSalt } from "./format/checksum.ts";
import { storeIdBytes } from "./format/identity.ts";
import {
  decodeSegmentHeader,
  parseSegmentFileName,
  SEGMENT_HEADER_SIZE_MAX_BYTES,
  segmentFileName,
} from "./format/segment_header.ts";
import type { Segment, StorePaths } from "./layout.ts";
import type { LogState } from "./log_state.ts";
import { type BadBatch, findBatch, type ScanRange } from "./scan.ts";
import type { ScratchBuffer } from "./scratch.ts";

/** A file whose name is that of a segment. */
export interface SegmentFile {
  /** Its path. */
  readonly path: string;
  /** The sequence number in its name. */
  readonly sequence: number;
  /** The index in its name. */
  readonly nextIndex: number;
}

/** The files of a log. */
export interface SegmentFiles {
  /** The segments in order. */
  readonly files: readonly SegmentFile[];
  /** Paths of files that are no segments. */
  readonly strangers: readonly string[];
  /** Segments that are missing, or there twice. */
  readonly damages: readonly Damage[];
}

/** Which segments there are. */
export async function listSegments(fs: FileSystem, paths: StorePaths): Promise<SegmentFiles> {
  const files: SegmentFile[] = [];
  const strangers: string[] = [];
  for (const name of await fs.list(paths.log) ?? []) {
    const path = `${paths.log}/${name}`;
    const parsed = parseSegmentFileName(name);
    if (parsed === undefined) strangers.push(path);
    else files.push({ path, ...parsed });
  }
  files.sort((a, b) => a.sequence - b.sequence || a.nextIndex - b.nextIndex);
  const damages: Damage[] = [];
  const missing = (expected: string, found: string): void =>
    void damages.push({ file: paths.log, offset: 0, expected, found });
  if (files.length === 0) missing("at least one segment", "none");
  for (const [at, file] of files.slice(1).entries()) {
    const before = files[at]!;
    if (file.sequence !== before.sequence + 1) {
      missing(`segment ${before.sequence + 1} after ${before.path}`, file.path);
    }
  }
  return { files, strangers: strangers.sort(), damages };
}

/** A segment's header, or what is wrong with it. */
export type ReadHeader =
  | { readonly ok: true; readonly segment: Segment; readonly firstBatchAt: number }
  | {
    readonly ok: false;
    readonly damage: Damage;
    /** Whether it is not even a header, so that it may never have been written as a whole. */
    readonly torn: boolean;
  };

/**
 * Reads the header of the segment in `file` and checks that it belongs to its name and to the
 * store, if it is known which one that is.
 */
export function readSegmentHeader(
  file: ReadFile,
  { path, sequence, nextIndex }: SegmentFile,
  knownStoreId: string | undefined,
): ReadHeader {
  const sizeBytes = file.sizeSync();
  const bytes = new Uint8Array(Math.min(sizeBytes, SEGMENT_HEADER_SIZE_MAX_BYTES));
  const decoded = decodeSegmentHeader(bytes.subarray(0, readAllSync(file, 0, bytes)));
  if (!decoded.ok) {
    const { expected, found } = decoded;
    return { ok: false, torn: true, damage: { file: path, offset: 0, expected, found } };
  }
  const { header } = decoded;
  const storeId = knownStoreId ?? header.storeId;
  if (
    header.storeId !== storeId || header.sequence !== sequence || header.lastIndex + 1 !== nextIndex
  ) {
    const damage = {
      file: path,
      offset: 0,
      expected: `${segmentFileName(sequence, nextIndex)} of store ${storeId}`,
      found: `${segmentFileName(header.sequence, header.lastIndex + 1)} of store ${header.storeId}`,
    };
    return { ok: false, torn: false, damage };
  }
  const salt = segmentSalt(storeIdBytes(storeId), sequence);
  const segment = { sequence, path, header, salt, sizeBytes };
  return { ok: true, segment, firstBatchAt: decoded.sizeBytes };
}

/**
 * What is wrong with `segment` after `before` and `state`, which is what the segments before it add
 * up to.
 */
export function headerDamage(
  segment: Segment,
  before: Segment | undefined,
  state: LogState,
): Damage | undefined {
  if (before === undefined) return undefined;
  const { header } = segment;
  if (header.sizeBeforeBytes !== before.sizeBytes) {
    return {
      file: before.path,
      offset: Math.min(before.sizeBytes, header.sizeBeforeBytes),
      expected: `${header.sizeBeforeBytes} bytes, as the next segment says`,
      found: `${before.sizeBytes} bytes`,
    };
  }
  const wrong = state.headerDiscontinuity(header);
  return wrong === undefined ? undefined : { file: segment.path, offset: 0, ...wrong };
}

/** The bytes of a file that should be batches of a segment, from `start` on. */
export function batchRange(file: ReadFile, segment: Segment, start: number): ScanRange {
  return { file, salt: segment.salt, start, end: segment.sizeBytes };
}

/** How much is looked at at once. */
const PIECE_SIZE_BYTES = 64 * 1024;

/**
 * Whether there are only zeros from `bad` on, in the newest segment: room that was reserved, to
 * which nothing was written.
 */
export function isRoom(file: ReadFile, segment: Segment, bad: BadBatch): boolean {
  if (bad.intact) return false;
  const piece = new Uint8Array(PIECE_SIZE_BYTES);
  for (let at = bad.offset; at < segment.sizeBytes;) {
    const wanted = Math.min(piece.length, segment.sizeBytes - at);
    const count = readAllSync(file, at, piece.subarray(0, wanted));
    if (count < wanted || piece.subarray(0, count).some((byte) => byte !== 0)) return false;
    at += count;
  }
  return true;
}

/**
 * Whether `bad`, in the newest segment, can be a write that a crash cut short. It cannot if a later
 * batch says that this place had been synced, nor if its checksum is right.
 */
export function isTornBatch(
  file: ReadFile,
  segment: Segment,
  bad: BadBatch,
  buffer: ScratchBuffer,
): boolean {
  if (bad.intact) return false;
  const after = batchRange(file, segment, bad.offset + 1);
  return findBatch(after, buffer, (later) => later.syncedBytes > bad.offset) === undefined;
}

/**
 * Whether the newest segment, whose header is torn, can have been cut short while it was begun. It
 * cannot if a batch says that the header had been synced.
 */
export function isTornSegment(
  file: ReadFile,
  { sequence }: SegmentFile,
  storeId: string,
  buffer: ScratchBuffer,
): boolean {
  const salt = segmentSalt(storeIdBytes(storeId), sequence);
  const all = { file, salt, start: 0, end: file.sizeSync() };
  return findBatch(all, buffer, (batch) => batch.syncedBytes > 0) === undefined;
}
