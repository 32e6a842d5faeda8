/**
 * A block of a snapshot's data. Blocks follow the header, one after another, all of the size that
 * the header gives but the last, which has what is left.
 *
 * ```text
 *   0        4
 *   +--------+---        ---+--------+
 *   | length | data         | crc LE |
 *   +--------+---        ---+--------+
 *   length  u32  bytes of data
 *   crc     u32  of length and data, going on from the checksum of the block before; the first,
 *                from the header's
 * ```
 *
 * So each checksum speaks for all of the file before it, and a block of another place, file or
 * store is told from the one that should be there. The trailer repeats the last one.
 *
 * @module
 */
import { CHECKSUM_SIZE_BYTES, continueChecksum, hex, storedChecksum } from "./checksum.ts";

/** Where a block's data begins in it. */
export const BLOCK_DATA_AT = 4;

/** Bytes of a block beside its data. */
export const BLOCK_EXTRA_SIZE_BYTES: number = BLOCK_DATA_AT + CHECKSUM_SIZE_BYTES;

/** Bytes that blocks of `blockSizeBytes` take for `sizeBytes` of data. */
export function blocksSizeBytes(sizeBytes: number, blockSizeBytes: number): number {
  return sizeBytes + BLOCK_EXTRA_SIZE_BYTES * Math.ceil(sizeBytes / blockSizeBytes);
}

/**
 * Completes the block at the start of `bytes`, which holds `dataSize` bytes of data already, and
 * returns its checksum. `view` is the same memory.
 */
export function sealBlock(
  bytes: Uint8Array,
  view: DataView,
  dataSize: number,
  checksumBefore: number,
): number {
  const end = BLOCK_DATA_AT + dataSize;
  view.setUint32(0, dataSize);
  const checksum = continueChecksum(bytes.subarray(0, end), checksumBefore);
  view.setUint32(end, checksum, true);
  return checksum;
}

/** What {@linkcode checkBlock} found: the block's checksum, or what is wrong with it. */
export type CheckedBlock =
  | { readonly ok: true; readonly checksum: number }
  | { readonly ok: false; readonly expected: string; readonly found: string };

/** Checks a block that should fill `block`. */
export function checkBlock(block: Uint8Array<ArrayBuffer>, checksumBefore: number): CheckedBlock {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const end = block.length - CHECKSUM_SIZE_BYTES;
  const length = view.getUint32(0);
  if (length !== end - BLOCK_DATA_AT) {
    return {
      ok: false,
      expected: `a block of ${end - BLOCK_DATA_AT} bytes of data`,
      found: `one of ${length}`,
    };
  }
  const checksum = continueChecksum(block.subarray(0, end), checksumBefore);
  const stored = storedChecksum(view, end);
  return checksum === stored ? { ok: true, checksum } : {
    ok: false,
    expected: `checksum ${hex(checksum)} of a block of ${length} bytes and all before it`,
    found: `checksum ${hex(stored)}`,
  };
}
