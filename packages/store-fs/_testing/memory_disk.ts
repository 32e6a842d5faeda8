/**
 * A disk in memory that can fail at any operation, stop there, and forget what was not synced:
 * small, for the tests of this package.
 *
 * @module
 */
import type { AppendFile, FileLock, FileSystem, ReadFile } from "../files.ts";

/** What an injected failure throws. */
export class InjectedFailure extends Error {
  override readonly name = "InjectedFailure";
}

/** What a power failure leaves of something that was not synced. */
export interface Fate {
  /** Of a file with the content `synced`, which is now `current`. */
  file(synced: Uint8Array<ArrayBuffer>, current: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
  /** Whether a name that was made, replaced or removed is as it was before that. */
  nameReverts(): boolean;
}

/** Nothing that was not synced is there. */
export const FORGET: Fate = { file: (synced) => synced, nameReverts: () => true };

/** Anything may have happened to what was not synced: any part is there, is not, or is garbage. */
export function scramble(random: () => number): Fate {
  const SECTOR = 64;
  return {
    nameReverts: () => random() < 0.5,
    file(synced, current) {
      const shorter = Math.min(synced.length, current.length);
      const size = shorter + Math.floor(random() * (Math.abs(current.length - synced.length) + 1));
      const bytes = new Uint8Array(size);
      bytes.set(synced.subarray(0, size));
      let from = 0;
      while (from < shorter && current[from] === synced[from]) from += 1;
      for (let at = from; at < Math.min(size, current.length);) {
        const end = Math.min(size, current.length, at + SECTOR);
        const kind = random();
        if (kind < 0.6) bytes.set(current.subarray(at, end), at);
        else if (kind < 0.8) { for (let i = at; i < end; i += 1) bytes[i] = random() * 256; }
        at = end;
      }
      return bytes;
    },
  };
}

class FileNode {
  current = new Uint8Array(0);
  synced = new Uint8Array(0);
}

class DirectoryNode {
  current = new Map<string, FileNode | DirectoryNode>();
  synced = new Map<string, FileNode | DirectoryNode>();
}

/** See the module. Its only directory at first is "/". */
export class MemoryDisk implements FileSystem {
  /** The operations so far, as words. */
  readonly operations: string[] = [];
  /** How many files and locks are open. */
  openCount = 0;
  /**
   * The operation with this number, from 0 on, fails once: it has no effect, or if it appends, half
   * of it.
   */
  failAt = Infinity;
  /**
   * From the operation with this number on, all fail in the same way: the process has stopped
   * there.
   */
  stopAt = Infinity;
  /** How many bytes have been read. */
  bytesRead = 0;
  /** How many bytes one call appends at most. */
  appendMaxBytes = Infinity;
  /** How many bytes one call reads at most. */
  readMaxBytes = Infinity;
  /** How many bytes all files together have room for. */
  capacityBytes = Infinity;
  readonly #locks = new Set<string>();
  #root = new DirectoryNode();

  /** What a process finds after the power failed. This disk is not changed. */
  afterPowerCut(fate: Fate): MemoryDisk {
    const disk = new MemoryDisk();
    disk.#root = survivor(this.#root, fate);
    return disk;
  }

  /**
   * What the next process finds after one has ended: everything, synced or not. This disk is not
   * changed.
   */
  afterProcessEnd(): MemoryDisk {
    const disk = new MemoryDisk();
    disk.#root = copyOf(this.#root, new Map());
    return disk;
  }

  /** The bytes of a file, as a process sees them. */
  bytesOf(path: string): Uint8Array<ArrayBuffer> {
    const node = this.#find(path);
    if (!(node instanceof FileNode)) throw new Error(`${path} is no file`);
    return node.current;
  }

  /** Replaces the bytes of a file, or makes it, durably: damage, planted by a test. */
  plant(path: string, bytes: Uint8Array<ArrayBuffer>): void {
    const node = new FileNode();
    node.current = node.synced = bytes;
    const { directory, name } = this.#parent(path);
    directory.current.set(name, node);
    directory.synced.set(name, node);
  }

  /** Replaces the bytes of a file for whoever has it open, too. */
  overwrite(path: string, bytes: Uint8Array<ArrayBuffer>): void {
    const node = this.#find(path);
    if (!(node instanceof FileNode)) throw new Error(`${path} is no file`);
    node.current = node.synced = bytes;
  }

  /** Makes the directories above a path, durably. */
  makeDirectories(path: string): void {
    let directory = this.#root;
    for (const name of path.split("/").slice(1, -1)) {
      const next = directory.current.get(name) ?? new DirectoryNode();
      if (!(next instanceof DirectoryNode)) throw new Error(`${name} is no directory`);
      directory.current.set(name, next);
      directory.synced.set(name, next);
      directory = next;
    }
  }

  /** Removes a file durably. */
  unplant(path: string): void {
    const { directory, name } = this.#parent(path);
    directory.current.delete(name);
    directory.synced.delete(name);
  }

  /** The paths of all files, in order. */
  paths(): string[] {
    const paths: string[] = [];
    const visit = (directory: DirectoryNode, prefix: string): void => {
      for (const [name, node] of directory.current) {
        if (node instanceof DirectoryNode) visit(node, `${prefix}/${name}`);
        else paths.push(`${prefix}/${name}`);
      }
    };
    visit(this.#root, "");
    return paths.sort();
  }

  // deno-lint-ignore require-await -- so that a failure rejects
  async list(directory: string): Promise<readonly string[] | undefined> {
    this.#operation(`list ${directory}`);
    const node = this.#find(directory);
    return node instanceof DirectoryNode ? [...node.current.keys()] : undefined;
  }

  // deno-lint-ignore require-await -- so that a failure rejects
  async makeDirectory(path: string): Promise<void> {
    this.#operation(`makeDirectory ${path}`);
    const { directory, name } = this.#parent(path);
    if (directory.current.has(name)) throw new Error(`${path} exists`);
    directory.current.set(name, new DirectoryNode());
  }

  // deno-lint-ignore require-await -- so that a failure rejects
  async create(path: string): Promise<AppendFile> {
    this.#operation(`create ${path}`);
    const { directory, name } = this.#parent(path);
    if (directory.current.has(name)) throw new Error(`${path} exists`);
    const node = new FileNode();
    directory.current.set(name, node);
    return this.#appendFile(path, node);
  }

  // deno-lint-ignore require-await -- so that a failure rejects
  async openAppend(path: string): Promise<AppendFile> {
    this.#operation(`openAppend ${path}`);
    const node = this.#find(path);
    if (!(node instanceof FileNode)) throw new Error(`${path} is no file`);
    return this.#appendFile(path, node);
  }

  openReadSync(path: string): ReadFile | undefined {
    this.#operation(`openRead ${path}`);
    const node = this.#find(path);
    if (!(node instanceof FileNode)) return undefined;
    const opened = this.#opened();
    const readSync = (offset: number, target: Uint8Array): number => {
      opened.check();
      this.#operation(`read ${path}`);
      const size = Math.min(target.length, this.readMaxBytes);
      const bytes = node.current.subarray(offset, offset + size);
      target.set(bytes);
      this.bytesRead += bytes.length;
      return bytes.length;
    };
    return {
      readSync,
      read: async (offset, target) => {
        // Later than it was asked for, as on any disk.
        await undefined;
        return readSync(offset, target);
      },
      sizeSync: () => {
        this.#operation(`size ${path}`);
        return node.current.length;
      },
      close: opened.close,
    };
  }

  // deno-lint-ignore require-await -- so that a failure rejects
  async rename(from: string, to: string): Promise<void> {
    this.#operation(`rename ${from} ${to}`);
    const source = this.#parent(from);
    const target = this.#parent(to);
    const node = source.directory.current.get(source.name);
    if (node === undefined) throw new Error(`${from} does not exist`);
    target.directory.current.set(target.name, node);
    source.directory.current.delete(source.name);
  }

  // deno-lint-ignore require-await -- so that a failure rejects
  async remove(path: string): Promise<void> {
    this.#operation(`remove ${path}`);
    const { directory, name } = this.#parent(path);
    if (!directory.current.delete(name)) throw new Error(`${path} does not exist`);
  }

  // deno-lint-ignore require-await -- so that a failure rejects
  async syncDirectory(path: string): Promise<void> {
    this.#operation(`syncDirectory ${path}`);
    const node = this.#find(path);
    if (!(node instanceof DirectoryNode)) throw new Error(`${path} is no directory`);
    node.synced = new Map(node.current);
  }

  // deno-lint-ignore require-await -- so that a failure rejects
  async lock(path: string): Promise<FileLock | undefined> {
    this.#operation(`lock ${path}`);
    if (this.#locks.has(path)) return undefined;
    this.#locks.add(path);
    const { close } = this.#opened();
    return {
      release: () => {
        this.#locks.delete(path);
        close();
      },
    };
  }

  #appendFile(path: string, node: FileNode): AppendFile {
    let appendedBytes = node.current.length;
    const append = (bytes: Uint8Array): void => {
      const { length } = node.current;
      const joined = new Uint8Array(Math.max(length, appendedBytes + bytes.length));
      joined.set(node.current);
      joined.set(bytes, appendedBytes);
      node.current = joined;
      appendedBytes += bytes.length;
    };
    const reserve = (sizeBytes: number): void => {
      const joined = new Uint8Array(Math.max(node.current.length, appendedBytes + sizeBytes));
      joined.set(node.current);
      node.current = joined;
    };
    const opened = this.#opened();
    const appendSync = (bytes: Uint8Array): number => {
      opened.check();
      const room = node.current.length - appendedBytes;
      const free = this.capacityBytes - this.#usedBytes() + room;
      const taken = bytes.subarray(0, Math.min(this.appendMaxBytes, free));
      this.#operation(`append ${path}`, () => append(taken.subarray(0, taken.length / 2)));
      if (taken.length === 0 && bytes.length > 0) throw new Error("No space left on device");
      append(taken);
      return taken.length;
    };
    return {
      appendSync,
      append: async (bytes) => {
        await undefined;
        return appendSync(bytes);
      },
      reserveSync: (sizeBytes) => {
        opened.check();
        this.#operation(`reserve ${path}`, () => reserve(sizeBytes / 2 | 0));
        const free = this.capacityBytes - this.#usedBytes() + node.current.length - appendedBytes;
        reserve(Math.min(free, sizeBytes));
        if (free < sizeBytes) throw new Error("No space left on device");
      },
      // deno-lint-ignore require-await -- so that a failure rejects
      syncData: async () => {
        this.#operation(`syncData ${path}`);
        node.synced = node.current;
      },
      // deno-lint-ignore require-await -- so that a failure rejects
      truncate: async (sizeBytes) => {
        this.#operation(`truncate ${path}`);
        node.current = node.current.slice(0, sizeBytes);
        appendedBytes = node.current.length;
      },
      close: opened.close,
    };
  }

  #usedBytes(): number {
    return this.capacityBytes === Infinity
      ? 0
      : this.paths().reduce((sum, path) => sum + this.bytesOf(path).length, 0);
  }

  #opened(): { check(): void; close(): void } {
    this.openCount += 1;
    let open = true;
    const check = (): void => {
      if (!open) throw new Error("the file is closed");
    };
    const close = (): void => {
      check();
      open = false;
      this.openCount -= 1;
    };
    return { check, close };
  }

  #operation(words: string, halfEffect?: () => void): void {
    const number = this.operations.push(words) - 1;
    if (number !== this.failAt && number < this.stopAt) return;
    if (number <= this.stopAt) halfEffect?.();
    throw new InjectedFailure(`${words} (operation ${number})`);
  }

  #find(path: string): FileNode | DirectoryNode | undefined {
    let node: FileNode | DirectoryNode | undefined = this.#root;
    for (const name of path.split("/").filter((part) => part !== "")) {
      node = node instanceof DirectoryNode ? node.current.get(name) : undefined;
    }
    return node;
  }

  #parent(path: string): { directory: DirectoryNode; name: string } {
    const cut = path.lastIndexOf("/");
    const directory = this.#find(path.slice(0, cut));
    if (!(directory instanceof DirectoryNode)) throw new Error(`${path} has no directory`);
    return { directory, name: path.slice(cut + 1) };
  }
}

function survivor(directory: DirectoryNode, fate: Fate): DirectoryNode {
  const copy = new DirectoryNode();
  for (const name of new Set([...directory.synced.keys(), ...directory.current.keys()])) {
    const before = directory.synced.get(name);
    const now = directory.current.get(name);
    const left = before !== now && fate.nameReverts() ? before : now;
    if (left === undefined) continue;
    const node = left instanceof DirectoryNode ? survivor(left, fate) : new FileNode();
    if (node instanceof FileNode && left instanceof FileNode) {
      node.current = node.synced = left.current === left.synced
        ? left.current
        : fate.file(left.synced, left.current);
    }
    copy.current.set(name, node);
    copy.synced.set(name, node);
  }
  return copy;
}

/** A copy that changes independently, with what is synced and what is not. */
function copyOf<N extends FileNode | DirectoryNode>(
  node: N,
  copies: Map<FileNode | DirectoryNode, FileNode | DirectoryNode>,
): N {
  const known = copies.get(node);
  if (known !== undefined) return known as N;
  if (node instanceof FileNode) {
    const copy = Object.assign(new FileNode(), node);
    copies.set(node, copy);
    return copy as N;
  }
  const copy = new DirectoryNode();
  copies.set(node, copy);
  for (const [name, child] of node.current) copy.current.set(name, copyOf(child, copies));
  for (const [name, child] of node.synced) copy.synced.set(name, copyOf(child, copies));
  return copy as N & DirectoryNode;
}
