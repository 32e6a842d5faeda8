/**
 * What a simulated disk holds: files and names, as processes see them and as they are on the platter. What happens to the
 * difference when the power fails is left to chance (docs/storage-assumptions.md says what a store may believe).
 *
 * @module
 */
import type { Prng } from "../prng.ts";

/** Small, so that even a short batch can be torn. */
const SECTOR_SIZE_BYTES = 64;

/** A file. Bytes are only ever added after the last one that was added, or cut off there; behind it there may be room, which is zeros. */
export class FileImage {
  /** What processes see; longer than the file, so that it can grow in place. */
  #cache = new Uint8Array(256);
  /** How long the file is for processes. */
  sizeBytes = 0;
  /** Where the next bytes go: before the room that was reserved. */
  #end = 0;
  /** What is on the platter, except for what is dirty. */
  #platter = new Uint8Array(0);
  /** From here on the platter may have other bytes, and will have these after the next sync. */
  #dirtyFrom = 0;
  /** Whether a sync has failed, so that processes may see what is not on the platter. */
  #isForgetful = false;

  /** The bytes that processes see. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#cache.subarray(0, this.sizeBytes);
  }

  /** How many bytes there is room for. */
  get roomBytes(): number {
    return this.sizeBytes - this.#end;
  }

  /** A process opens it: all that it has counts as appended. */
  opened(): void {
    this.#end = this.sizeBytes;
  }

  /** Adds `bytes` after the last one that was added. */
  append(bytes: Uint8Array): void {
    const end = this.#end + bytes.length;
    this.#grow(end);
    this.#dirtyFrom = Math.min(this.#dirtyFrom, this.#end);
    this.#cache.set(bytes, this.#end);
    this.#end = end;
  }

  /** Makes room for `sizeBytes` more. */
  reserve(sizeBytes: number): void {
    this.#grow(this.#end + sizeBytes);
  }

  /** Cuts the file off. */
  truncate(sizeBytes: number): void {
    this.sizeBytes = this.#end = Math.min(this.sizeBytes, sizeBytes);
    this.#dirtyFrom = Math.min(this.#dirtyFrom, this.sizeBytes);
  }

  /** The first `sizeBytes` are on the platter from now on. */
  sync(sizeBytes: number): void {
    const end = Math.min(sizeBytes, this.sizeBytes);
    const platter = new Uint8Array(end);
    platter.set(this.#platter.subarray(0, Math.min(this.#dirtyFrom, end)));
    platter.set(this.#cache.subarray(this.#dirtyFrom, end), Math.min(this.#dirtyFrom, end));
    this.#platter = platter;
    this.#dirtyFrom = Math.max(this.#dirtyFrom, end);
  }

  /**
   * A sync fails: any part of what was dirty is on the platter, and the rest is forgotten, though processes still see it: the
   * next sync succeeds without it.
   */
  failSync(random: Prng): void {
    this.#platter = this.#survivor(random);
    this.#dirtyFrom = this.sizeBytes;
    this.#isForgetful = true;
  }

  /** The power fails: processes will see what is on the platter, and any part of what was dirty. */
  losePower(random: Prng): void {
    const bytes = this.#survivor(random);
    this.#cache = new Uint8Array(bytes.length + 256);
    this.#cache.set(bytes);
    this.sizeBytes = this.#dirtyFrom = bytes.length;
    this.#platter = bytes;
    this.#isForgetful = false;
  }

  /** The process ends, the system goes on: what a sync has failed to write is dropped from memory. */
  evict(): void {
    if (!this.#isForgetful) return;
    this.#isForgetful = false;
    const clean = this.#platter.subarray(0, this.#dirtyFrom);
    this.#cache.fill(0, 0, Math.min(this.#dirtyFrom, this.sizeBytes));
    this.#cache.set(clean.subarray(0, this.sizeBytes));
    if (this.#platter.length < this.#dirtyFrom && this.sizeBytes === this.#dirtyFrom) {
      this.truncate(this.#platter.length);
    }
  }

  /** One bit is not what it was. Returns which, or `undefined` if the file is empty. */
  flipBit(random: Prng): { readonly offset: number; readonly bit: number } | undefined {
    if (this.sizeBytes === 0) return undefined;
    const offset = random.int(0, this.sizeBytes - 1);
    const bit = random.int(0, 7);
    this.#cache[offset]! ^= 1 << bit;
    if (offset < this.#platter.length) this.#platter[offset]! ^= 1 << bit;
    return { offset, bit };
  }

  /** The file is at least so long; what is new of it is zero. */
  #grow(sizeBytes: number): void {
    if (sizeBytes <= this.sizeBytes) return;
    if (sizeBytes > this.#cache.length) {
      const cache = new Uint8Array(2 * sizeBytes);
      cache.set(this.bytes);
      this.#cache = cache;
    } else this.#cache.fill(0, this.sizeBytes, sizeBytes);
    this.sizeBytes = sizeBytes;
  }

  /** What the platter may hold: of what was dirty each sector is there, is not, is torn, or is garbage. */
  #survivor(random: Prng): Uint8Array<ArrayBuffer> {
    const dirtyFrom = this.#dirtyFrom;
    if (dirtyFrom === this.sizeBytes && this.#platter.length <= dirtyFrom) {
      return this.#platter.slice();
    }
    const ends = [this.#platter.length, this.sizeBytes];
    const shortest = Math.max(dirtyFrom, Math.min(...ends));
    const longest = Math.max(...ends);
    const sizeBytes = random.pick([shortest, longest, random.int(shortest, longest)]);
    const bytes = new Uint8Array(sizeBytes);
    bytes.set(this.#platter.subarray(0, sizeBytes));
    const cacheEnd = Math.min(sizeBytes, this.sizeBytes);
    // Most often all or nothing: what is rare to survive would be rare to be seen.
    const [kept, torn] = random.pick([[0, 0], [1, 0], [0.5, 0.1], [0.9, 0.05]] as const);
    for (let at = dirtyFrom; at < cacheEnd; at += SECTOR_SIZE_BYTES) {
      const end = Math.min(cacheEnd, at + SECTOR_SIZE_BYTES);
      if (random.chance(kept)) bytes.set(this.#cache.subarray(at, end), at);
      else if (random.chance(torn)) {
        const middle = random.int(at, end);
        bytes.set(this.#cache.subarray(at, middle), at);
        if (random.chance(0.3)) {
          for (let i = middle; i < end; i += 1) bytes[i] = random.int(0, 255);
        }
      }
    }
    return bytes;
  }
}

/** A directory: names that processes see, and names that are on the platter. */
export class DirectoryImage {
  /** What processes see. */
  names = new Map<string, FileImage | DirectoryImage>();
  /** What is on the platter. */
  durable = new Map<string, FileImage | DirectoryImage>();

  /** The names are on the platter from now on. */
  sync(): void {
    this.durable = new Map(this.names);
  }

  /** The power fails: a name that was made, replaced or removed and not synced is as it was before, or not. */
  losePower(random: Prng): void {
    const kept = random.pick([0, 1, 0.5]);
    for (const name of new Set([...this.durable.keys(), ...this.names.keys()])) {
      const before = this.durable.get(name);
      if (before === this.names.get(name) || random.chance(kept)) continue;
      if (before === undefined) this.names.delete(name);
      else this.names.set(name, before);
    }
    this.sync();
    for (const image of this.names.values()) image.losePower(random);
  }

  /** See {@linkcode FileImage.evict}. */
  evict(): void {
    for (const image of this.names.values()) image.evict();
  }
}

/** A whole disk. */
export class DiskImage {
  /** The directory "/". */
  readonly root: DirectoryImage = new DirectoryImage();

  /** What is at `path`, for processes. */
  find(path: string): FileImage | DirectoryImage | undefined {
    let image: FileImage | DirectoryImage | undefined = this.root;
    for (const name of path.split("/")) {
      if (name === "") continue;
      image = image instanceof DirectoryImage ? image.names.get(name) : undefined;
    }
    return image;
  }

  /** The directory of `path`, and the last part of it. Throws if there is no such directory. */
  parent(path: string): { readonly directory: DirectoryImage; readonly name: string } {
    const cut = path.lastIndexOf("/");
    const directory = this.find(path.slice(0, cut));
    if (!(directory instanceof DirectoryImage)) throw new Error(`${path} has no directory`);
    return { directory, name: path.slice(cut + 1) };
  }

  /** All files, by path, in the order of their paths. */
  files(): [path: string, file: FileImage][] {
    const files: [string, FileImage][] = [];
    const visit = (directory: DirectoryImage, prefix: string): void => {
      for (const [name, image] of directory.names) {
        if (image instanceof FileImage) files.push([`${prefix}/${name}`, image]);
        else visit(image, `${prefix}/${name}`);
      }
    };
    visit(this.root, "");
    return files.sort(([one], [other]) => (one < other ? -1 : 1));
  }

  /** Bytes of all files together. */
  get usedBytes(): number {
    return this.files().reduce((sum, [, file]) => sum + file.sizeBytes, 0);
  }

  /** The power fails. */
  losePower(random: Prng): void {
    this.root.losePower(random);
  }

  /** The process ends; the system goes on. */
  endProcess(): void {
    this.root.evict();
  }
}
