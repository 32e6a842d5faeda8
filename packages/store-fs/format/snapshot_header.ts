/**
 * The first bytes of a snapshot's file, and its name.
 *
 * ```text
 *   0                8       12       16               32               40       44       48
 *   +----------------+--------+--------+----------------+----------------+--------+--------+
 *   | magic          |version | length | store identity | sequence       | block  | crc LE |
 *   +----------------+--------+--------+----------------+----------------+--------+--------+
 *   magic     8 bytes  "CORACLES"
 *   version   u32      1
 *   length    u32      of the header, checksum included: 48
 *   identity  16 bytes the store's UUID
 *   sequence  u64      1 for a store's first snapshot, then one more for each
 *   block     u32      bytes of data in a block; the last one may have fewer
 *   crc       u32      of everything before it (checksum.ts)
 * ```
 *
 * Numbers are big-endian, but for the checksum. What the snapshot contains is in the trailer
 * (snapshot_trailer.ts): when the header is written, nobody knows it yet.
 *
 * @module
 */
import { readUint53, type SnapshotPoint, writeUint53 } from "@coracle/core";
import {
  CHECKSUM_SIZE_BYTES,
  describeChecksum,
  isIntact,
  storedChecksum,
  writeChecksum,
} from "./checksum.ts";
import { FORMAT_VERSION, storeIdBytes, storeIdOf } from "./identity.ts";

/** What a snapshot's header says. */
export interface SnapshotFileHeader {
  /** The store's UUID. */
  readonly storeId: string;
  /** Which snapshot of the store it is, from 1 on. */
  readonly sequence: number;
  /** Bytes of data in every block but the last. */
  readonly blockSizeBytes: number;
}

const MAGIC = "CORACLES";
const CHECKSUM_AT = 44;

/** Size of the header in bytes. */
export const SNAPSHOT_HEADER_SIZE_BYTES: number = CHECKSUM_AT + CHECKSUM_SIZE_BYTES;

/** Fewest bytes of data in a block. */
export const BLOCK_SIZE_MIN_BYTES = 64;

/** Most bytes of data in a block: what a reader has to hold in memory. */
export const BLOCK_SIZE_MAX_BYTES: number = 16 * 1024 * 1024;

/** The bytes of a header. */
export function encodeSnapshotHeader(header: SnapshotFileHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SNAPSHOT_HEADER_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC), 0);
  view.setUint32(8, FORMAT_VERSION);
  view.setUint32(12, SNAPSHOT_HEADER_SIZE_BYTES);
  bytes.set(storeIdBytes(header.storeId), 16);
  writeUint53(view, 32, header.sequence);
  view.setUint32(40, header.blockSizeBytes);
  writeChecksum(bytes, view, 0, CHECKSUM_AT);
  return bytes;
}

/**
 * What {@linkcode decodeSnapshotHeader} found: a header and the checksum that the first block goes
 * on from, or what is wrong.
 */
export type DecodedSnapshotHeader =
  | { readonly ok: true; readonly header: SnapshotFileHeader; readonly checksum: number }
  | { readonly ok: false; readonly expected: string; readonly found: string };

/**
 * Reads a header from a file's first {@linkcode SNAPSHOT_HEADER_SIZE_BYTES} bytes, or however many
 * there are.
 */
export function decodeSnapshotHeader(bytes: Uint8Array<ArrayBuffer>): DecodedSnapshotHeader {
  if (bytes.length < SNAPSHOT_HEADER_SIZE_BYTES) {
    return wrong(
      `a snapshot header of ${SNAPSHOT_HEADER_SIZE_BYTES} bytes`,
      `${bytes.length} bytes`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) return wrong(`the magic "${MAGIC}"`, JSON.stringify(magic));
  const version = view.getUint32(8);
  if (version !== FORMAT_VERSION) {
    return wrong(`format version ${FORMAT_VERSION}`, `format version ${version}`);
  }
  if (!isIntact(bytes)) return { ok: false, ...describeChecksum(bytes) };
  const size = view.getUint32(12);
  if (size !== SNAPSHOT_HEADER_SIZE_BYTES) {
    return wrong(`a header length of ${SNAPSHOT_HEADER_SIZE_BYTES}`, `length ${size}`);
  }
  const blockSizeBytes = view.getUint32(40);
  if (blockSizeBytes < BLOCK_SIZE_MIN_BYTES || blockSizeBytes > BLOCK_SIZE_MAX_BYTES) {
    return wrong(
      `blocks of ${BLOCK_SIZE_MIN_BYTES} to ${BLOCK_SIZE_MAX_BYTES} bytes`,
      `${blockSizeBytes} bytes`,
    );
  }
  try {
    const header = {
      storeId: storeIdOf(bytes.subarray(16, 32)),
      sequence: readUint53(view, 32),
      blockSizeBytes,
    };
    return { ok: true, header, checksum: storedChecksum(view, CHECKSUM_AT) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return wrong("a header that this program could have written", error.message);
  }
}

function wrong(expected: string, found: string): DecodedSnapshotHeader {
  return { ok: false, expected, found };
}

/** What the name of a snapshot's file says. */
export interface SnapshotName {
  /** Term of the last entry that the snapshot contains. */
  readonly term: number;
  /** Index of that entry. */
  readonly index: number;
  /** Its sequence number: two snapshots may end with the same entry. */
  readonly sequence: number;
}

/**
 * The id of a snapshot: its file's name without the ending. Ids are for people; they order nothing.
 */
export function snapshotId(point: SnapshotPoint, sequence: number): string {
  return `${point.lastIncludedTerm}-${point.lastIncludedIndex}-${sequence}`;
}

/** The name of the file of the snapshot `id`. */
export function snapshotFileName(id: string): string {
  return `${id}.snap`;
}

/** The name of a snapshot's file while it is being written. */
export function snapshotAsideName(sequence: number): string {
  return `${sequence}.snap.tmp`;
}

/** Numbers in the name of a snapshot's file; `undefined` if `name` is not one. */
export function parseSnapshotFileName(name: string): SnapshotName | undefined {
  const match = /^(\d{1,16})-(\d{1,16})-(\d{1,16})\.snap$/.exec(name);
  if (match === null) return undefined;
  const [term, index, sequence] = match.slice(1).map(Number) as [number, number, number];
  return `${term}-${index}-${sequence}.snap` === name ? { term, index, sequence } : undefined;
}

/**
 * Sequence number in the name of a snapshot that is being written; `undefined` if `name` is not
 * one.
 */
export function parseSnapshotAsideName(name: string): number | undefined {
  const match = /^(\d{1,16})\.snap\.tmp$/.exec(name);
  const sequence = Number(match?.[1]);
  return snapshotAsideName(sequence) === name ? sequence : undefined;
}
