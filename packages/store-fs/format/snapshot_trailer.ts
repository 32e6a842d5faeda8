/**
 * The last bytes of a snapshot's file: what it contains. A file without them is a snapshot that was
 * never finished.
 *
 * ```text
 *   0        4        8                16               24
 *   +--------+--------+----------------+----------------+
 *   | "tail" | data   | size           | lastIndex      |
 *   +--------+--------+----------------+----------------+
 *   24               32               40               48               length-8 length-4
 *   +----------------+----------------+----------------+---          ---+--------+--------+
 *   | lastTerm       | created        | configIndex    | configuration  | length | crc LE |
 *   +----------------+----------------+----------------+---          ---+--------+--------+
 *   data           u32  checksum of the last block, or of the header if there is none: of all of the
 *                       file before
 *   size           u64  bytes of data in all blocks
 *   lastIndex      u64  the last entry that the snapshot contains, and its term
 *   lastTerm       u64
 *   created        u64  wall clock when it was finished, in milliseconds since 1970
 *   configIndex    u64  index of the entry that the configuration is from
 *   configuration       the members as of lastIndex, as in a configuration entry
 *   length         u32  bytes of the trailer, checksum included
 *   crc            u32  of the trailer before it (checksum.ts)
 * ```
 *
 * It is found from its end. Its own checksum does not go on from what is before it, so that it can
 * be read alone.
 *
 * @module
 */
import {
  decodeConfiguration,
  encodeConfiguration,
  ENTRY_SIZE_MAX_BYTES,
  type Index,
  MalformedError,
  readUint53,
  type SnapshotPoint,
  type Term,
  writeUint53,
} from "@coracle/core";
import { CHECKSUM_SIZE_BYTES, describeChecksum, isIntact, writeChecksum } from "./checksum.ts";

/** What a snapshot's trailer says. */
export interface SnapshotTrailer extends SnapshotPoint {
  /** Checksum of everything before the trailer. */
  readonly dataChecksum: number;
  /** Bytes of data. */
  readonly sizeBytes: number;
  /** Wall clock when the snapshot was finished, in milliseconds since 1970. */
  readonly createdAtMs: number;
}

const TAIL = new DataView(new TextEncoder().encode("tail").buffer).getUint32(0);
const CONFIGURATION_AT = 48;

/** Bytes at a file's end that say how long the trailer is. */
export const TRAILER_END_SIZE_BYTES: number = 4 + CHECKSUM_SIZE_BYTES;

/** The smallest trailer. */
export const TRAILER_SIZE_MIN_BYTES: number = CONFIGURATION_AT + TRAILER_END_SIZE_BYTES;

/** The largest trailer: a configuration is no larger than an entry. */
export const TRAILER_SIZE_MAX_BYTES: number = TRAILER_SIZE_MIN_BYTES + ENTRY_SIZE_MAX_BYTES;

/** The bytes of a trailer. */
export function encodeSnapshotTrailer(trailer: SnapshotTrailer): Uint8Array<ArrayBuffer> {
  const configuration = encodeConfiguration(trailer.configuration.configuration);
  const size = TRAILER_SIZE_MIN_BYTES + configuration.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, TAIL);
  view.setUint32(4, trailer.dataChecksum);
  writeUint53(view, 8, trailer.sizeBytes);
  writeUint53(view, 16, trailer.lastIncludedIndex);
  writeUint53(view, 24, trailer.lastIncludedTerm);
  writeUint53(view, 32, trailer.createdAtMs);
  writeUint53(view, 40, trailer.configuration.index);
  bytes.set(configuration, CONFIGURATION_AT);
  view.setUint32(size - TRAILER_END_SIZE_BYTES, size);
  writeChecksum(bytes, view, 0, size - CHECKSUM_SIZE_BYTES);
  return bytes;
}

/**
 * How long the trailer is, by a file's last {@linkcode TRAILER_END_SIZE_BYTES} bytes. Believes
 * nothing.
 */
export function trailerSizeBytes(end: Uint8Array<ArrayBuffer>): number {
  return new DataView(end.buffer, end.byteOffset, end.byteLength).getUint32(0);
}

/** What {@linkcode decodeSnapshotTrailer} found: a trailer, or what is wrong. */
export type DecodedSnapshotTrailer =
  | { readonly ok: true; readonly trailer: SnapshotTrailer }
  | { readonly ok: false; readonly expected: string; readonly found: string };

/**
 * Reads a trailer that should fill `bytes`, at least {@linkcode TRAILER_SIZE_MIN_BYTES} of them.
 */
export function decodeSnapshotTrailer(bytes: Uint8Array<ArrayBuffer>): DecodedSnapshotTrailer {
  if (!isIntact(bytes)) return { ok: false, ...describeChecksum(bytes) };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0) !== TAIL) throw new MalformedError('it does not begin with "tail"');
    const trailer = {
      dataChecksum: view.getUint32(4),
      sizeBytes: readUint53(view, 8),
      lastIncludedIndex: readUint53(view, 16) as Index,
      lastIncludedTerm: readUint53(view, 24) as Term,
      createdAtMs: readUint53(view, 32),
      configuration: {
        index: readUint53(view, 40) as Index,
        configuration: decodeConfiguration(
          bytes.subarray(CONFIGURATION_AT, bytes.length - TRAILER_END_SIZE_BYTES),
        ),
      },
    };
    return { ok: true, trailer };
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof MalformedError)) throw error;
    const expected = "a trailer that this program could have written";
    return { ok: false, expected, found: error.message };
  }
}
