/**
 * The file operations that a store needs, and no more. Everything that the store does to a disk
 * goes through this port, so that a test can hand in a disk that fails, tears, reorders and
 * forgets.
 *
 * What an implementation promises, and what it does not (docs/storage-assumptions.md):
 *
 * - Bytes that were appended are seen by later reads at once, but survive a crash only after
 *   `syncData` of their file has resolved. Until then any part of them may survive, in any order.
 * - A name that was created, renamed or removed is seen at once, but survives a crash only after
 *   `syncDirectory` of its directory has resolved. Until then either state may survive.
 * - `rename` replaces its target in one step.
 * - Every method may fail by throwing or rejecting. A failed `syncData` says nothing about what is
 *   on the disk.
 *
 * Reads of the log are synchronous, because the consensus reads its log synchronously. Appending to
 * it is, too: it only hands bytes to the operating system. What waits for the disk is asynchronous,
 * and so is what handles files of any size, such as snapshots, while the node has other things to
 * do.
 *
 * @module
 */

import { dirname } from "node:path";

/**
 * A file that is written only at its end: after the last byte that was appended, though room for
 * more may be reserved behind it.
 */
export interface AppendFile {
  /**
   * Hands `bytes` to the operating system, at the end of the file. Returns how many of them it
   * took, which may be fewer than there are, but at least one.
   */
  appendSync(bytes: Uint8Array): number;
  /**
   * As {@linkcode AppendFile.appendSync}, while the process does something else. `bytes` must not
   * change meanwhile.
   */
  append(bytes: Uint8Array): Promise<number>;
  /**
   * Makes room for `sizeBytes` more bytes behind the end, if there is less. Until they are appended,
   * who reads the file sees zeros there, which the next `syncData` writes, too. What is then appended into the
   * room changes neither the file's size nor where it is on the disk, and its sync is spared the
   * file system's own journal.
   */
  reserveSync(sizeBytes: number): void;
  /** Resolves when all bytes appended so far, and the file's size, survive a crash. */
  syncData(): Promise<void>;
  /**
   * Cuts the file to `sizeBytes`, which is at most what was appended, and gives up all room behind
   * that. Durable after the next `syncData`.
   */
  truncate(sizeBytes: number): Promise<void>;
  /** Lets go of the file; syncs nothing. */
  close(): void;
}

/** A file that is read at any offset. */
export interface ReadFile {
  /**
   * Reads bytes from `offset` on into `target`. Returns how many there were: 0 at the end of the
   * file, and otherwise at least 1, but maybe fewer than `target` has room for.
   */
  readSync(offset: number, target: Uint8Array): number;
  /**
   * As {@linkcode ReadFile.readSync}, while the process does something else. At most one read of a
   * file is under way.
   */
  read(offset: number, target: Uint8Array): Promise<number>;
  /** The file's size in bytes, now. */
  sizeSync(): number;
  /** Lets go of the file. */
  close(): void;
}

/** A lock that is held. It ends with the process, whatever happens to it. */
export interface FileLock {
  /** Gives the lock back. */
  release(): void;
}

/**
 * A file system, as far as a store needs one. Paths are those of the system; parts are joined with
 * "/".
 */
export interface FileSystem {
  /** The names in a directory, in no order; `undefined` if there is no such directory. */
  list(directory: string): Promise<readonly string[] | undefined>;
  /** Makes one directory, in one that exists. */
  makeDirectory(directory: string): Promise<void>;
  /** Makes an empty file. Fails if the name exists. */
  create(path: string): Promise<AppendFile>;
  /** Opens a file that exists, in order to append to it. All bytes that it has count as appended. */
  openAppend(path: string): Promise<AppendFile>;
  /** Opens a file in order to read it; `undefined` if there is none. */
  openReadSync(path: string): ReadFile | undefined;
  /** Gives a file another name, replacing what had that name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file that exists. */
  remove(path: string): Promise<void>;
  /** Resolves when the names in `directory` survive a crash as they are now. */
  syncDirectory(directory: string): Promise<void>;
  /**
   * Takes the exclusive lock on the file at `path`, which is made if it does not exist. Does not
   * wait: `undefined` if somebody else holds it, in this process or another.
   */
  lock(path: string): Promise<FileLock | undefined>;
}

/** Appends all of `bytes`, however few of them each call takes. */
export function appendAllSync(file: AppendFile, bytes: Uint8Array): void {
  let taken = file.appendSync(bytes);
  while (taken < bytes.length) {
    const count = file.appendSync(bytes.subarray(taken));
    if (count <= 0) throw new Error(`the disk took none of ${bytes.length - taken} bytes`);
    taken += count;
  }
}

/** As {@linkcode appendAllSync}, while the process does something else. */
export async function appendAll(file: AppendFile, bytes: Uint8Array): Promise<void> {
  for (let taken = 0; taken < bytes.length;) {
    const count = await file.append(bytes.subarray(taken));
    if (count <= 0) throw new Error(`the disk took none of ${bytes.length - taken} bytes`);
    taken += count;
  }
}

/**
 * Fills `target` from `offset` on, however little each call reads. Returns how many bytes there
 * were before the end.
 */
export function readAllSync(file: ReadFile, offset: number, target: Uint8Array): number {
  let filled = file.readSync(offset, target);
  while (filled < target.length) {
    const count = file.readSync(offset + filled, target.subarray(filled));
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** As {@linkcode readAllSync}, while the process does something else. */
export async function readAll(
  file: Pick<ReadFile, "read">,
  offset: number,
  target: Uint8Array,
): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const count = await file.read(offset + filled, target.subarray(filled));
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** A file is larger than what may be in it. */
export class FileTooLargeError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "FileTooLargeError";
  /** How many bytes it has. */
  readonly sizeBytes: number;

  /** The file at `path` has `sizeBytes`, and may have `maxBytes`. */
  constructor(path: string, sizeBytes: number, maxBytes: number) {
    super(`${path} has ${sizeBytes} bytes; at most ${maxBytes} are allowed`);
    this.sizeBytes = sizeBytes;
  }
}

/**
 * The whole content of a file of at most `maxBytes`; `undefined` if there is no such file. Throws
 * {@linkcode FileTooLargeError} if it is larger.
 */
export function readWholeSync(
  fs: FileSystem,
  path: string,
  maxBytes: number,
): Uint8Array<ArrayBuffer> | undefined {
  const file = fs.openReadSync(path);
  if (file === undefined) return undefined;
  try {
    const size = file.sizeSync();
    if (size > maxBytes) throw new FileTooLargeError(path, size, maxBytes);
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, readAllSync(file, 0, bytes));
  } finally {
    file.close();
  }
}

/** Makes `directory` and those above it that are missing, so that all of them survive a crash. */
export async function ensureDirectory(fs: FileSystem, directory: string): Promise<void> {
  if (await fs.list(directory) !== undefined) return;
  const parent = dirname(directory);
  if (parent !== directory) await ensureDirectory(fs, parent);
  try {
    await fs.makeDirectory(directory);
  } catch (error) {
    // Nodes that are started at once may have their directories in one that none of them finds.
    if (await fs.list(directory) === undefined) throw error;
  }
  await fs.syncDirectory(parent);
}

/**
 * Syncs the names of `directory` and of those above it, as far as that is allowed: an earlier
 * process may have made them and ended before it synced them. Where somebody else has made them,
 * this one may not even be allowed to look at them, and need not.
 */
export async function trySyncAncestors(fs: FileSystem, directory: string): Promise<void> {
  let child = directory;
  for (let parent; (parent = dirname(child)) !== child; child = parent) {
    await fs.syncDirectory(parent).catch(() => {});
  }
}
