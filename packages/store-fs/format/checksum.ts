/**
 * The checksum of everything that is on disk: CRC-32 (IEEE), stored little-endian.
 *
 * Little-endian and the starting value have a reason. A CRC-32 that is continued over its own
 * value, in that byte order, always ends at the same number, whatever the bytes before were. If
 * each checksum also *starts* from that number, then a stretch of any number of whole batches is
 * intact exactly if its CRC-32 is that number again: recovery checks a quarter of a megabyte of
 * small batches with one native call instead of thousands, and is no more easily deceived.
 *
 * @module
 */
import { crc32 } from "node:zlib";

/** CRC-32 of any bytes followed by their own CRC-32, least significant byte first. */
const RESIDUE = 0x2144df1c;

/** Bytes that a checksum takes. */
export const CHECKSUM_SIZE_BYTES = 4;

/** Writes the checksum of the bytes from `start` to `at` at `at`. */
export function writeChecksum(bytes: Uint8Array, view: DataView, start: number, at: number): void {
  view.setUint32(at, crc32(bytes.subarray(start, at), RESIDUE), true);
}

/**
 * The checksum of `bytes` and everything before them, of which `before` is the checksum. Must not
 * go on over checksums that are stored: there it forgets what came before (see the module).
 */
export function continueChecksum(bytes: Uint8Array, before: number): number {
  return crc32(bytes, before);
}

/**
 * Whether `bytes` are intact: one or more stretches, one after another, each of which ends with its
 * checksum.
 */
export function isIntact(bytes: Uint8Array): boolean {
  return crc32(bytes, RESIDUE) === RESIDUE;
}

/** The checksum that is stored at `at`. */
export function storedChecksum(view: DataView, at: number): number {
  return view.getUint32(at, true);
}

/**
 * The checksum that `bytes`, which end with one, should end with; and the one with which they do.
 * For messages.
 */
export function describeChecksum(bytes: Uint8Array): { expected: string; found: string } {
  const at = bytes.length - CHECKSUM_SIZE_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    expected: `checksum ${hex(crc32(bytes.subarray(0, at), RESIDUE))} over ${at} bytes`,
    found: `checksum ${hex(storedChecksum(view, at))}`,
  };
}

/**
 * A number that a segment's batches carry, so that bytes of another segment or store are never
 * taken for them.
 */
export function segmentSalt(storeId: Uint8Array, sequence: number): number {
  return crc32(`segment ${sequence}`, crc32(storeId));
}

/** `value` as eight hexadecimal digits. */
export function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
