/**
 * The files of snapshots: which there are, what header and trailer say, and reading one through.
 *
 * @module
 */
import { basename } from "node:path";
import { newestFirst, type SnapshotMeta } from "@coracle/core";
import { type Damage, DamageError } from "./damage.ts";
import { type FileSystem, readAll, type ReadFile } from "./files.ts";
import {
  BLOCK_DATA_AT,
  BLOCK_EXTRA_SIZE_BYTES,
  blocksSizeBytes,
  checkBlock,
} from "./format/snapshot_block.ts";
import {
  decodeSnapshotHeader,
  parseSnapshotAsideName,
  parseSnapshotFileName,
  SNAPSHOT_HEADER_SIZE_BYTES,
  snapshotFileName,
  snapshotId,
} from "./format/snapshot_header.ts";
import {
  decodeSnapshotTrailer,
  type SnapshotTrailer,
  TRAILER_END_SIZE_BYTES,
  TRAILER_SIZE_MAX_BYTES,
  TRAILER_SIZE_MIN_BYTES,
  trailerSizeBytes,
} from "./format/snapshot_trailer.ts";
import { hex } from "./format/checksum.ts";
import type { StorePaths } from "./layout.ts";

/** The files in a directory of snapshots. */
export interface SnapshotFiles {
  /** Names of snapshots, the newest first. */
  readonly finished: readonly string[];
  /** Names of those that were never finished. */
  readonly unfinished: readonly string[];
  /** Paths of files that are neither. */
  readonly strangers: readonly string[];
  /** The highest sequence number among them; 0 if there are none. */
  readonly lastSequence: number;
}

/** Which files there are; `undefined` if there is no such directory. */
export async function listSnapshotFiles(
  fs: FileSystem,
  paths: StorePaths,
): Promise<SnapshotFiles | undefined> {
  const names = await fs.list(paths.snapshots);
  if (names === undefined) return undefined;
  const finished: { name: string; term: number; index: number; sequence: number }[] = [];
  const unfinished: string[] = [];
  const strangers: string[] = [];
  let lastSequence = 0;
  for (const name of names) {
    const parsed = parseSnapshotFileName(name);
    const aside = parseSnapshotAsideName(name);
    if (parsed !== undefined) finished.push({ name, ...parsed });
    else if (aside !== undefined) unfinished.push(name);
    else strangers.push(`${paths.snapshots}/${name}`);
    lastSequence = Math.max(lastSequence, parsed?.sequence ?? aside ?? 0);
  }
  finished.sort((a, b) => b.term - a.term || b.index - a.index || b.sequence - a.sequence);
  return {
    finished: finished.map(({ name }) => name),
    unfinished: unfinished.sort(),
    strangers: strangers.sort(),
    lastSequence,
  };
}

/** A snapshot's file, as far as header and trailer say. */
export interface SnapshotFile {
  /** Its path. */
  readonly path: string;
  /** What it contains. */
  readonly meta: SnapshotMeta;
  /** Its sequence number. */
  readonly sequence: number;
  /** Bytes of data in every block but the last. */
  readonly blockSizeBytes: number;
  /** The checksum that the first block goes on from. */
  readonly headerChecksum: number;
  /** The checksum of the last block. */
  readonly dataChecksum: number;
}

/** The newest first; of two that end with the same entry, the one that was begun later. */
export function newestFileFirst(one: SnapshotFile, other: SnapshotFile): number {
  return newestFirst(one.meta, other.meta) || other.sequence - one.sequence;
}

/** A file that is read without blocking the process. */
export type WholeFile = Pick<ReadFile, "read" | "sizeSync">;

/** What {@linkcode readSnapshotEnds} found. */
export type ReadSnapshotEnds =
  | { readonly ok: true; readonly snapshot: SnapshotFile }
  | { readonly ok: false; readonly damage: Damage };

/**
 * Reads header and trailer of the file at `path` and checks that they belong to it, to each other,
 * to the file's size, and to the store, if it is known which one that is.
 */
export async function readSnapshotEnds(
  file: WholeFile,
  path: string,
  storeId: string | undefined,
): Promise<ReadSnapshotEnds> {
  const name = basename(path);
  const damaged = (offset: number, expected: string, found: string): ReadSnapshotEnds => ({
    ok: false,
    damage: { file: path, offset, expected, found },
  });
  const headerBytes = new Uint8Array(SNAPSHOT_HEADER_SIZE_BYTES);
  const decoded = decodeSnapshotHeader(
    headerBytes.subarray(0, await readAll(file, 0, headerBytes)),
  );
  if (!decoded.ok) return damaged(0, decoded.expected, decoded.found);
  const { header, checksum: headerChecksum } = decoded;

  const size = file.sizeSync();
  const read = await readTrailer(file, size);
  if (!read.ok) return damaged(read.offset, read.expected, read.found);
  const { dataChecksum, ...rest } = read.trailer;
  const { sequence, blockSizeBytes } = header;
  const id = snapshotId(rest, sequence);
  if (snapshotFileName(id) !== name || header.storeId !== (storeId ?? header.storeId)) {
    const expected = `${name} of store ${storeId ?? header.storeId}`;
    return damaged(0, expected, `${snapshotFileName(id)} of store ${header.storeId}`);
  }
  const dataEnd = SNAPSHOT_HEADER_SIZE_BYTES + blocksSizeBytes(rest.sizeBytes, blockSizeBytes);
  if (dataEnd !== read.offset) {
    const expected = `${dataEnd} bytes before the trailer, as it says`;
    return damaged(Math.min(dataEnd, read.offset), expected, `${read.offset} bytes`);
  }
  const meta = { id, ...rest };
  const snapshot = { path, meta, sequence, blockSizeBytes, headerChecksum, dataChecksum };
  return { ok: true, snapshot };
}

type ReadTrailer =
  | { readonly ok: true; readonly trailer: SnapshotTrailer; readonly offset: number }
  | {
    readonly ok: false;
    readonly offset: number;
    readonly expected: string;
    readonly found: string;
  };

async function readTrailer(file: WholeFile, fileSize: number): Promise<ReadTrailer> {
  const most = Math.min(fileSize - SNAPSHOT_HEADER_SIZE_BYTES, TRAILER_SIZE_MAX_BYTES);
  if (most < TRAILER_SIZE_MIN_BYTES) {
    const expected = `a trailer of at least ${TRAILER_SIZE_MIN_BYTES} bytes`;
    const offset = Math.min(fileSize, SNAPSHOT_HEADER_SIZE_BYTES);
    return { ok: false, offset, expected, found: `${fileSize - offset} bytes` };
  }
  const endAt = fileSize - TRAILER_END_SIZE_BYTES;
  const end = new Uint8Array(TRAILER_END_SIZE_BYTES);
  await readAll(file, endAt, end);
  const length = trailerSizeBytes(end);
  if (length < TRAILER_SIZE_MIN_BYTES || length > most) {
    const expected = `a trailer of ${TRAILER_SIZE_MIN_BYTES} to ${most} bytes`;
    return { ok: false, offset: endAt, expected, found: `one of ${length}` };
  }
  const offset = fileSize - length;
  const bytes = new Uint8Array(length);
  await readAll(file, offset, bytes);
  const decoded = decodeSnapshotTrailer(bytes);
  return { ...decoded, offset };
}

/**
 * Reads the file of `known` through: header and trailer, which must still be what they were, and
 * its data block by block, each in memory of its own. Throws a {@linkcode DamageError} for the
 * first place that is not as it was written. What was read counts only when the iteration has ended
 * without one.
 */
export async function* readThrough(
  file: WholeFile,
  storeId: string | undefined,
  known: SnapshotFile,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const read = await readSnapshotEnds(file, known.path, storeId);
  if (!read.ok) throw new DamageError(read.damage);
  const { path, meta, dataChecksum } = read.snapshot;
  if (meta.sizeBytes !== known.meta.sizeBytes || dataChecksum !== known.dataChecksum) {
    const describe = ({ meta, dataChecksum }: SnapshotFile): string =>
      `${meta.sizeBytes} bytes of data with checksum ${hex(dataChecksum)}`;
    const [expected, found] = [describe(known), describe(read.snapshot)];
    throw new DamageError({ file: path, offset: 0, expected, found });
  }
  yield* readBlocks(file, read.snapshot);
}

async function* readBlocks(
  file: WholeFile,
  { path, meta, blockSizeBytes, headerChecksum, dataChecksum }: SnapshotFile,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let checksum = headerChecksum;
  let offset = SNAPSHOT_HEADER_SIZE_BYTES;
  for (let left = meta.sizeBytes; left > 0;) {
    const size = Math.min(left, blockSizeBytes);
    const block = new Uint8Array(size + BLOCK_EXTRA_SIZE_BYTES);
    const filled = await readAll(file, offset, block);
    if (filled < block.length) {
      const expected = `a block of ${size} bytes of data`;
      throw new DamageError({ file: path, offset, expected, found: `the file's end` });
    }
    const checked = checkBlock(block, checksum);
    if (!checked.ok) {
      const { expected, found } = checked;
      throw new DamageError({ file: path, offset, expected, found });
    }
    checksum = checked.checksum;
    offset += block.length;
    left -= size;
    yield block.subarray(BLOCK_DATA_AT, BLOCK_DATA_AT + size);
  }
  if (checksum !== dataChecksum) {
    throw new DamageError({
      file: path,
      offset,
      expected: `a trailer that gives the checksum of everything before it as ${hex(checksum)}`,
      found: hex(dataChecksum),
    });
  }
}
