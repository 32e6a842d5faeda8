/**
 * The first bytes of a segment file, and its name.
 *
 * ```text
 *   0                8       12       16               32               40               48
 *   +----------------+--------+--------+----------------+----------------+----------------+
 *   | magic          |version | length | store identity | sequence       | sizeBefore     |
 *   +----------------+--------+--------+----------------+----------------+----------------+
 *   48               56               64               72       76
 *   +----------------+----------------+----------------+--------+-----------+--------+
 *   | lastIndex      | lastTerm       | term           |  vote  | votedFor  | crc LE |
 *   +----------------+----------------+----------------+--------+-----------+--------+
 *   magic       8 bytes  "CORACLEL"
 *   version     u32      1
 *   length      u32      of the header, checksum included
 *   identity    16 bytes the store's UUID
 *   sequence    u64      1 for a store's first segment, then one more for each
 *   sizeBefore  u64      size of the segment before it when this one was begun; 0 for the first
 *   lastIndex   u64      where the log ended when the segment was begun, and the term of that entry
 *   lastTerm    u64
 *   term        u64      the hard state when the segment was begun
 *   vote        u32      bytes of votedFor, or 0xffffffff for no vote
 *   crc         u32      of everything before it (checksum.ts)
 * ```
 *
 * Numbers are big-endian, but for the checksum. The header repeats the state before the segment, so
 * that recovery needs no segment before the oldest one that is left.
 *
 * @module
 */
import {
  type HardState,
  type Index,
  MalformedError,
  readUint53,
  type Term,
  writeUint53,
} from "@coracle/core";
import { CHECKSUM_SIZE_BYTES, describeChecksum, isIntact, writeChecksum } from "./checksum.ts";
import { FORMAT_VERSION, storeIdBytes, storeIdOf } from "./identity.ts";
import { decodeVote, encodeVote, VOTE_SIZE_MAX_BYTES, voteSizeBytes } from "./vote.ts";

/** What a segment's header says. */
export interface SegmentHeader {
  /** The store's UUID. */
  readonly storeId: string;
  /** Which segment of the store it is, from 1 on. */
  readonly sequence: number;
  /** Size of the segment before it in bytes; 0 for the first. */
  readonly sizeBeforeBytes: number;
  /** Index of the log's last entry when the segment was begun. */
  readonly lastIndex: Index;
  /** Term of that entry. */
  readonly lastTerm: Term;
  /** Term and vote when the segment was begun. */
  readonly hardState: HardState;
}

const MAGIC = new TextEncoder().encode("CORACLEL");
const VOTE_AT = 72;

/** The smallest header: nobody voted for. The header of a store's first segment has this size. */
export const SEGMENT_HEADER_SIZE_MIN_BYTES: number = VOTE_AT + 4 + CHECKSUM_SIZE_BYTES;

/** The largest header. */
export const SEGMENT_HEADER_SIZE_MAX_BYTES: number = VOTE_AT + 4 + VOTE_SIZE_MAX_BYTES +
  CHECKSUM_SIZE_BYTES;

/** Size of the encoded header in bytes. */
export function segmentHeaderSizeBytes(header: SegmentHeader): number {
  return VOTE_AT + voteSizeBytes(header.hardState.votedFor) + CHECKSUM_SIZE_BYTES;
}

/**
 * Writes `header` at the start of `bytes` and returns the offset after it. `view` is the same
 * memory.
 */
export function encodeSegmentHeader(
  bytes: Uint8Array,
  view: DataView,
  header: SegmentHeader,
): number {
  const size = segmentHeaderSizeBytes(header);
  bytes.set(MAGIC, 0);
  view.setUint32(8, FORMAT_VERSION);
  view.setUint32(12, size);
  bytes.set(storeIdBytes(header.storeId), 16);
  writeUint53(view, 32, header.sequence);
  writeUint53(view, 40, header.sizeBeforeBytes);
  writeUint53(view, 48, header.lastIndex);
  writeUint53(view, 56, header.lastTerm);
  writeUint53(view, 64, header.hardState.term);
  const end = encodeVote(bytes, view, VOTE_AT, header.hardState.votedFor);
  writeChecksum(bytes, view, 0, end);
  return size;
}

/** What {@linkcode decodeSegmentHeader} found: a header and its size, or what is wrong with it. */
export type DecodedHeader =
  | { readonly ok: true; readonly header: SegmentHeader; readonly sizeBytes: number }
  | { readonly ok: false; readonly expected: string; readonly found: string };

/**
 * Reads the header at the start of `bytes`, which are the file's first ones: all of it, or enough
 * for the largest header.
 */
export function decodeSegmentHeader(bytes: Uint8Array<ArrayBuffer>): DecodedHeader {
  if (bytes.length < SEGMENT_HEADER_SIZE_MIN_BYTES) {
    return wrong(
      `a segment header of at least ${SEGMENT_HEADER_SIZE_MIN_BYTES} bytes`,
      `${bytes.length} bytes`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) {
    return wrong('the magic "CORACLEL"', JSON.stringify(latin1(bytes.subarray(0, MAGIC.length))));
  }
  const version = view.getUint32(8);
  if (version !== FORMAT_VERSION) {
    return wrong(`format version ${FORMAT_VERSION}`, `format version ${version}`);
  }
  const size = view.getUint32(12);
  if (size < SEGMENT_HEADER_SIZE_MIN_BYTES || size > bytes.length) {
    return wrong(
      `a header length from ${SEGMENT_HEADER_SIZE_MIN_BYTES} to ${
        Math.min(SEGMENT_HEADER_SIZE_MAX_BYTES, bytes.length)
      }`,
      `length ${size}`,
    );
  }
  const whole = bytes.subarray(0, size);
  if (!isIntact(whole)) return { ok: false, ...describeChecksum(whole) };
  try {
    const header = {
      storeId: storeIdOf(bytes.subarray(16, 32)),
      sequence: readUint53(view, 32),
      sizeBeforeBytes: readUint53(view, 40),
      lastIndex: readUint53(view, 48) as Index,
      lastTerm: readUint53(view, 56) as Term,
      hardState: {
        term: readUint53(view, 64) as Term,
        votedFor: decodeVote(bytes, view, VOTE_AT, size - CHECKSUM_SIZE_BYTES),
      },
    };
    return { ok: true, header, sizeBytes: size };
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof MalformedError)) throw error;
    return wrong("a header that this program could have written", error.message);
  }
}

function wrong(expected: string, found: string): DecodedHeader {
  return { ok: false, expected, found };
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/**
 * The name of a segment's file: its sequence number, which orders the files, and for people the
 * index that was next when it was begun. After a truncation a segment begins with an earlier entry
 * than its name says, so the index alone would order nothing.
 */
export function segmentFileName(sequence: number, nextIndex: number): string {
  return `${String(sequence).padStart(8, "0")}-${String(nextIndex).padStart(20, "0")}.log`;
}

/** Sequence number and index in the name of a segment's file; `undefined` if `name` is not one. */
export function parseSegmentFileName(
  name: string,
): { sequence: number; nextIndex: number } | undefined {
  const match = /^(\d{8,16})-(\d{20})\.log$/.exec(name);
  if (match === null) return undefined;
  const sequence = Number(match[1]);
  const nextIndex = Number(match[2]);
  return segmentFileName(sequence, nextIndex) === name ? { sequence, nextIndex } : undefined;
}
