/**
 * The port of files.ts on the file system of the machine, through Deno.
 *
 * @module
 */
import type { AppendFile, FileLock, FileSystem, ReadFile } from "./files.ts";
import { SyncPace } from "./sync_pace.ts";

/** What room is filled with, piece by piece. */
const ZEROS = new Uint8Array(64 * 1024);

class DenoAppendFile implements AppendFile {
  readonly #file: Deno.FsFile;
  readonly #pace = new SyncPace();
  /** Where the next byte goes; the system's position in the file is the same between two calls. */
  #end: number;
  /** What was written since the latest sync, room included. */
  #unsyncedBytes = 0;
  /** Where the room ends, if that is behind the end. */
  #roomEnd: number;

  constructor(file: Deno.FsFile, end: number) {
    this.#file = file;
    this.#end = this.#roomEnd = end;
  }

  appendSync(bytes: Uint8Array): number {
    const count = this.#file.writeSync(bytes);
    this.#advance(count);
    return count;
  }

  async append(bytes: Uint8Array): Promise<number> {
    const count = await this.#file.write(bytes);
    this.#advance(count);
    return count;
  }

  reserveSync(sizeBytes: number): void {
    const end = this.#end + sizeBytes;
    let at = Math.max(this.#end, this.#roomEnd);
    if (at >= end) return;
    this.#file.seekSync(at, Deno.SeekMode.Start);
    try {
      while (at < end) at += this.#file.writeSync(ZEROS.subarray(0, end - at));
    } finally {
      this.#unsyncedBytes += at - Math.max(this.#end, this.#roomEnd);
      this.#roomEnd = at;
      this.#file.seekSync(this.#end, Deno.SeekMode.Start);
    }
  }

  async syncData(): Promise<void> {
    const sizeBytes = this.#unsyncedBytes;
    this.#unsyncedBytes = 0;
    const beganMs = performance.now();
    if (this.#pace.isInLine(sizeBytes)) this.#file.syncDataSync();
    else await this.#file.syncData();
    this.#pace.took(performance.now() - beganMs, sizeBytes);
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#file.truncate(sizeBytes);
    this.#end = this.#roomEnd = await this.#file.seek(sizeBytes, Deno.SeekMode.Start);
    this.#unsyncedBytes = 0;
  }

  close(): void {
    this.#file.close();
  }

  #advance(count: number): void {
    this.#end += count;
    this.#unsyncedBytes += count;
  }
}

class DenoReadFile implements ReadFile {
  readonly #file: Deno.FsFile;
  /**
   * Where the next read begins if nothing is said, where that is known: who reads on need not seek.
   */
  #position = NaN;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  readSync(offset: number, target: Uint8Array): number {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#position = NaN;
    return this.#file.readSync(target) ?? 0;
  }

  async read(offset: number, target: Uint8Array): Promise<number> {
    if (this.#position !== offset) await this.#file.seek(offset, Deno.SeekMode.Start);
    this.#position = NaN;
    const count = await this.#file.read(target) ?? 0;
    this.#position = offset + count;
    return count;
  }

  sizeSync(): number {
    return this.#file.statSync().size;
  }

  close(): void {
    this.#file.close();
  }
}

/** The machine's file system. Needs permission to read and write the store's directory. */
export const denoFileSystem: FileSystem = {
  async list(directory: string): Promise<readonly string[] | undefined> {
    const names: string[] = [];
    try {
      for await (const entry of Deno.readDir(directory)) names.push(entry.name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    return names;
  },

  makeDirectory: (directory: string): Promise<void> => Deno.mkdir(directory),

  create: async (path: string): Promise<AppendFile> =>
    new DenoAppendFile(await Deno.open(path, { createNew: true, write: true }), 0),

  async openAppend(path: string): Promise<AppendFile> {
    const file = await Deno.open(path, { write: true });
    try {
      return new DenoAppendFile(file, await file.seek(0, Deno.SeekMode.End));
    } catch (error) {
      file.close();
      throw error;
    }
  },

  openReadSync(path: string): ReadFile | undefined {
    try {
      return new DenoReadFile(Deno.openSync(path, { read: true }));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  },

  rename: (from: string, to: string): Promise<void> => Deno.rename(from, to),

  remove: (path: string): Promise<void> => Deno.remove(path),

  async syncDirectory(directory: string): Promise<void> {
    // Windows neither lets a directory be opened nor needs it: NTFS journals its names.
    if (Deno.build.os === "windows") return;
    using file = await Deno.open(directory, { read: true });
    await file.sync();
  },

  async lock(path: string): Promise<FileLock | undefined> {
    const file = await Deno.open(path, { create: true, read: true, write: true });
    try {
      if (await file.tryLock(true)) return { release: () => file.close() };
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    return undefined;
  },
};
