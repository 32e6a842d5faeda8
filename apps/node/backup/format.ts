/**
 * A backup file: what the state machine held, with what is needed to know that it is whole.
 *
 * ```text
 *  0          8     10    12
 *  +----------+-----+-----+--------+-----+-------+-----+-----+------+-----+
 *  | CRCLBKUP | ver | len | about  | crc | block | ... | 0   | size | crc |
 *  +----------+-----+-----+--------+-----+-------+-----+-----+------+-----+
 *
 *  block
 *  +-----+------+-----+
 *  | len | data | crc |
 *  +-----+------+-----+
 *
 *  ver    u16  format version
 *  len    u16  bytes of `about`; of a block u32 bytes of data, from 1 to 1 MiB. A block of length 0 is the end
 *  about  JSON {@linkcode BackupInfo}
 *  size   u64  bytes of data in all blocks
 *  crc    u32  CRC-32 of everything from the beginning of the file, checksums left out
 * ```
 *
 * All numbers are big-endian. docs/backup-format.md says the same for people who write other programs.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { z } from "zod";
import { ByteReader } from "./byte_reader.ts";

/** The version of the format. Others are refused. */
export const BACKUP_VERSION = 1;

const MAGIC = new TextEncoder().encode("CRCLBKUP");
const FIXED_SIZE_BYTES = 12;
const BLOCK_SIZE_MAX_BYTES = 1024 * 1024;
const LENGTH_SIZE_BYTES = 4;
const SIZE_SIZE_BYTES = 8;
const CHECKSUM_SIZE_BYTES = 4;

const infoSchema = z.object({
  /** Which state machine the bytes are of. */
  machine: z.string(),
  /** The cluster that it was taken from. */
  clusterId: z.string(),
  /** The node that it was taken from. */
  nodeId: z.string(),
  /** The last entry that it contains. */
  lastIncludedIndex: z.int().nonnegative(),
  /** Term of that entry. */
  lastIncludedTerm: z.int().nonnegative(),
  /** When it was taken, as ISO 8601. */
  createdAt: z.iso.datetime(),
});

/** What a backup says of itself. */
export type BackupInfo = z.output<typeof infoSchema>;

/** A backup that cannot be used. The message says what is wrong and where. */
export class BackupError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "BackupError";
}

/** The bytes of a backup file with the state machine's `data`. */
export async function* encodeBackup(
  info: BackupInfo,
  data: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const about = new TextEncoder().encode(JSON.stringify(info));
  const head = new Uint8Array(FIXED_SIZE_BYTES + about.length);
  head.set(MAGIC);
  const view = new DataView(head.buffer);
  view.setUint16(8, BACKUP_VERSION);
  view.setUint16(10, about.length);
  head.set(about, FIXED_SIZE_BYTES);
  let crc = crc32(head);
  yield withChecksum(head, crc);
  let sizeBytes = 0;
  for await (const chunk of data) {
    for (let at = 0; at < chunk.length; at += BLOCK_SIZE_MAX_BYTES) {
      const bytes = chunk.subarray(at, at + BLOCK_SIZE_MAX_BYTES);
      const block = new Uint8Array(LENGTH_SIZE_BYTES + bytes.length);
      new DataView(block.buffer).setUint32(0, bytes.length);
      block.set(bytes, LENGTH_SIZE_BYTES);
      crc = crc32(block, crc);
      yield withChecksum(block, crc);
      sizeBytes += bytes.length;
    }
  }
  const end = new Uint8Array(LENGTH_SIZE_BYTES + SIZE_SIZE_BYTES);
  new DataView(end.buffer).setBigUint64(LENGTH_SIZE_BYTES, BigInt(sizeBytes));
  yield withChecksum(end, crc32(end, crc));
}

function withChecksum(bytes: Uint8Array, crc: number): Uint8Array<ArrayBuffer> {
  const sealed = new Uint8Array(bytes.length + CHECKSUM_SIZE_BYTES);
  sealed.set(bytes);
  new DataView(sealed.buffer).setUint32(bytes.length, crc);
  return sealed;
}

/** A backup file that is being read. */
export interface OpenBackup {
  /** What it says of itself. */
  readonly info: BackupInfo;
  /** The state machine's data, once. Ends with a {@linkcode BackupError} if the file is not whole: nothing that was read before counts then. */
  readonly data: AsyncIterable<Uint8Array>;
}

/** Reads the beginning of a backup file. Throws {@linkcode BackupError}, or what `chunks` throws. */
export async function openBackup(chunks: AsyncIterable<Uint8Array>): Promise<OpenBackup> {
  const reader = new ByteReader(chunks);
  try {
    const { info, crc } = await readHeader(reader);
    return { info, data: blocks(reader, crc) };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function readHeader(reader: ByteReader): Promise<{ info: BackupInfo; crc: number }> {
  const fixed = await take(reader, FIXED_SIZE_BYTES, "its header");
  if (!MAGIC.every((byte, at) => fixed[at] === byte)) {
    const found = JSON.stringify(String.fromCharCode(...fixed.subarray(0, MAGIC.length)));
    throw new BackupError(`this is no backup: it begins with ${found}, not "CRCLBKUP"`);
  }
  const view = new DataView(fixed.buffer, fixed.byteOffset, fixed.length);
  const version = view.getUint16(8);
  if (version !== BACKUP_VERSION) {
    throw new BackupError(
      `the backup has format version ${version}; this program reads version ${BACKUP_VERSION}`,
    );
  }
  const about = await take(reader, view.getUint16(10), "its header");
  const crc = crc32(about, crc32(fixed));
  await checkChecksum(reader, crc);
  return { info: infoOf(about), crc };
}

function infoOf(about: Uint8Array): BackupInfo {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(about));
  } catch {
    throw new BackupError("the backup's header is not JSON");
  }
  const parsed = infoSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new BackupError(
    `the backup's header is not as it should be: ${path.join(".")}: ${message}`,
  );
}

async function* blocks(reader: ByteReader, headerCrc: number): AsyncGenerator<Uint8Array> {
  try {
    yield* readBlocks(reader, headerCrc);
  } finally {
    await reader.close();
  }
}

async function* readBlocks(reader: ByteReader, headerCrc: number): AsyncGenerator<Uint8Array> {
  let crc = headerCrc;
  let sizeBytes = 0;
  for (;;) {
    const { offset } = reader;
    const head = await take(reader, LENGTH_SIZE_BYTES, "a block");
    const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
    crc = crc32(head, crc);
    if (length === 0) break;
    if (length > BLOCK_SIZE_MAX_BYTES) {
      throw new BackupError(
        `the backup is damaged at byte ${offset}: a block of ${length} bytes; allowed are at most ` +
          BLOCK_SIZE_MAX_BYTES,
      );
    }
    const data = await take(reader, length, "a block");
    crc = crc32(data, crc);
    await checkChecksum(reader, crc);
    sizeBytes += length;
    yield data;
  }
  const size = await take(reader, SIZE_SIZE_BYTES, "its end");
  await checkChecksum(reader, crc32(size, crc));
  const expected = new DataView(size.buffer, size.byteOffset).getBigUint64(0);
  if (expected !== BigInt(sizeBytes)) {
    throw new BackupError(
      `the backup should hold ${expected} bytes of data, and holds ${sizeBytes}`,
    );
  }
  const { offset } = reader;
  if (!await reader.isAtEnd()) {
    throw new BackupError(`the backup ends at byte ${offset}, and the file goes on`);
  }
}

async function checkChecksum(reader: ByteReader, expected: number): Promise<void> {
  const { offset } = reader;
  const bytes = await take(reader, CHECKSUM_SIZE_BYTES, "a checksum");
  const found = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (found === expected) return;
  throw new BackupError(
    `the backup is damaged before byte ${offset}: expected checksum ${hex(expected)}, found ${
      hex(found)
    }`,
  );
}

async function take(reader: ByteReader, count: number, what: string): Promise<Uint8Array> {
  const bytes = await reader.take(count);
  if (bytes !== undefined) return bytes;
  throw new BackupError(
    `the backup is cut short: the file ends at byte ${reader.offset}, in ${what}`,
  );
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
