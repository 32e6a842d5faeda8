/**
 * The file system of one process, on a disk that takes its time and may fail: what is asked of it takes virtual time, and
 * nothing is heard of it any more once the process has crashed.
 *
 * @module
 */
import type { AppendFile, FileLock, FileSystem, ReadFile } from "@coracle/store-fs";
import type { Prng } from "../prng.ts";
import { DirectoryImage, type DiskImage, FileImage } from "./disk_image.ts";

/** How long a disk takes, in milliseconds, and what it does by habit. */
export interface DiskBehaviour {
  /** Least time of a sync. */
  readonly syncMinMs: number;
  /** Longest time of a sync that is not slow. */
  readonly syncMaxMs: number;
  /** How often an operation is slow: a probability. */
  readonly slowRate: number;
  /** Longest time of a slow operation. */
  readonly slowMaxMs: number;
  /** Longest time of what is no sync. */
  readonly otherMaxMs: number;
  /** How often an append or a read takes or gives fewer bytes than it might. */
  readonly shortRate: number;
}

/** What can be done to a disk, as faults tell them apart. */
export type DiskOperation = "append" | "sync" | "name" | "read";

/** What an injected failure throws. */
export class DiskFailure extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "DiskFailure";
}

/** What stops a process that has crashed in the middle of something synchronous. */
export class ProcessCrashed extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "ProcessCrashed";
}

/** The machine that a {@linkcode SimulatedDisk} belongs to, as far as it needs it. */
export interface DiskHost {
  /** What the disk holds. */
  readonly image: DiskImage;
  /** How fast it is, at this moment. */
  behaviour(): DiskBehaviour;
  /** What its chances follow from. */
  readonly random: Prng;
  /** Bytes of files that there is room for, at this moment. */
  capacityBytes(): number;
  /** Milliseconds for which it completes nothing. */
  stalledMs(): number;
  /** Whether the process that uses it still runs. */
  isAlive(): boolean;
  /** Calls `callback` after so many milliseconds, in the process; never if it has crashed by then. */
  after(delayMs: number, callback: () => void): void;
  /** An operation begins or ends. What is to become of it? The process may have crashed when this returns. */
  operation(kind: DiskOperation, when: "before" | "after", words: string): "go on" | "fail";
  /** An operation has failed. */
  failed(): void;
}

/** See the module's description. */
export class SimulatedDisk implements FileSystem {
  readonly #host: DiskHost;
  readonly #locks = new Set<string>();
  /** What is under way, and has happened or not when the power fails. */
  readonly #underWay = new Set<() => void>();
  /** Files and locks that are open. */
  openCount = 0;

  /** The disk of `host`, for one process. */
  constructor(host: DiskHost) {
    this.#host = host;
  }

  /** The process has crashed: of what was under way, some has happened. */
  crash(): void {
    for (const effect of this.#underWay) {
      if (!this.#host.random.chance(0.5)) continue;
      try {
        effect();
      } catch {
        // What it depended on has not happened.
      }
    }
    this.#underWay.clear();
  }

  /** See {@linkcode FileSystem.list}. */
  list(directory: string): Promise<readonly string[] | undefined> {
    return this.#run("read", `list ${directory}`, () => {
      const image = this.#host.image.find(directory);
      return image instanceof DirectoryImage ? [...image.names.keys()] : undefined;
    });
  }

  /** See {@linkcode FileSystem.makeDirectory}. */
  makeDirectory(path: string): Promise<void> {
    return this.#run("name", `make directory ${path}`, () => {
      const { directory, name } = this.#host.image.parent(path);
      if (directory.names.has(name)) throw new Error(`${path} exists`);
      directory.names.set(name, new DirectoryImage());
    });
  }

  /** See {@linkcode FileSystem.create}. */
  create(path: string): Promise<AppendFile> {
    return this.#run("name", `create ${path}`, () => {
      const { directory, name } = this.#host.image.parent(path);
      if (directory.names.has(name)) throw new Error(`${path} exists`);
      const file = new FileImage();
      directory.names.set(name, file);
      return this.#appendFile(path, file);
    });
  }

  /** See {@linkcode FileSystem.openAppend}. */
  openAppend(path: string): Promise<AppendFile> {
    return this.#run("read", `open ${path}`, () => {
      const file = this.#host.image.find(path);
      if (!(file instanceof FileImage)) throw new Error(`${path} is no file`);
      return this.#appendFile(path, file);
    });
  }

  /** See {@linkcode FileSystem.openReadSync}. */
  openReadSync(path: string): ReadFile | undefined {
    this.#check("read", `open ${path}`);
    const file = this.#host.image.find(path);
    if (!(file instanceof FileImage)) return undefined;
    const opened = this.#opened();
    const read = (offset: number, target: Uint8Array): number => {
      opened.check();
      const bytes = file.bytes.subarray(offset, offset + this.#short(target.length));
      target.set(bytes);
      return bytes.length;
    };
    return {
      readSync: (offset, target) => {
        this.#check("read", `read ${path} from ${offset}`);
        return read(offset, target);
      },
      read: (offset, target) =>
        this.#run("read", `read ${path} from ${offset}`, () => read(offset, target)),
      sizeSync: () => {
        this.#check("read", `size of ${path}`);
        return file.sizeBytes;
      },
      close: opened.close,
    };
  }

  /** See {@linkcode FileSystem.rename}. */
  rename(from: string, to: string): Promise<void> {
    return this.#run("name", `rename ${from} to ${to}`, () => {
      const source = this.#host.image.parent(from);
      const target = this.#host.image.parent(to);
      const image = source.directory.names.get(source.name);
      if (image === undefined) throw new Error(`${from} does not exist`);
      target.directory.names.set(target.name, image);
      source.directory.names.delete(source.name);
    });
  }

  /** See {@linkcode FileSystem.remove}. */
  remove(path: string): Promise<void> {
    return this.#run("name", `remove ${path}`, () => {
      const { directory, name } = this.#host.image.parent(path);
      if (!directory.names.delete(name)) throw new Error(`${path} does not exist`);
    });
  }

  /** See {@linkcode FileSystem.syncDirectory}. */
  syncDirectory(path: string): Promise<void> {
    return this.#run("sync", `sync directory ${path}`, () => {
      const image = this.#host.image.find(path || "/");
      if (!(image instanceof DirectoryImage)) throw new Error(`${path} is no directory`);
      image.sync();
    });
  }

  /** See {@linkcode FileSystem.lock}. */
  lock(path: string): Promise<FileLock | undefined> {
    return this.#run("name", `lock ${path}`, () => {
      if (this.#locks.has(path)) return undefined;
      const { directory, name } = this.#host.image.parent(path);
      if (!directory.names.has(name)) directory.names.set(name, new FileImage());
      this.#locks.add(path);
      const { close } = this.#opened();
      return {
        release: () => {
          this.#locks.delete(path);
          close();
        },
      };
    });
  }

  #appendFile(path: string, file: FileImage): AppendFile {
    const opened = this.#opened();
    file.opened();
    const freeBytes = (): number => {
      const capacityBytes = this.#host.capacityBytes();
      return capacityBytes === Infinity ? Infinity : capacityBytes - this.#host.image.usedBytes;
    };
    const append = (bytes: Uint8Array): number => {
      opened.check();
      const free = freeBytes() + file.roomBytes;
      const taken = bytes.subarray(0, Math.max(0, Math.min(this.#short(bytes.length), free)));
      if (taken.length === 0 && bytes.length > 0) this.#fail("no space left on device");
      file.append(taken);
      return taken.length;
    };
    const half = (bytes: Uint8Array) => (): void => {
      file.append(bytes.subarray(0, this.#host.random.int(0, bytes.length)));
    };
    return {
      appendSync: (bytes) => {
        this.#check("append", `append ${bytes.length} bytes to ${path}`, half(bytes));
        return append(bytes);
      },
      append: (bytes) =>
        this.#run(
          "append",
          `append ${bytes.length} bytes to ${path}`,
          () => append(bytes),
          half(bytes),
        ),
      reserveSync: (sizeBytes) => {
        const half = (): void => file.reserve(this.#host.random.int(0, sizeBytes));
        this.#check("append", `reserve ${sizeBytes} bytes in ${path}`, half);
        opened.check();
        const missing = sizeBytes - file.roomBytes - freeBytes();
        file.reserve(Math.max(0, sizeBytes - Math.max(0, missing)));
        if (missing > 0) this.#fail("no space left on device");
      },
      syncData: () => {
        const { sizeBytes } = file;
        return this.#run(
          "sync",
          `sync ${path}`,
          () => file.sync(sizeBytes),
          () => file.failSync(this.#host.random),
        );
      },
      truncate: (sizeBytes) =>
        this.#run("name", `truncate ${path} to ${sizeBytes}`, () => file.truncate(sizeBytes)),
      close: opened.close,
    };
  }

  #opened(): { check(): void; close(): void } {
    this.openCount += 1;
    let isOpen = true;
    const check = (): void => {
      if (!isOpen) throw new Error("the file is closed");
    };
    return {
      check,
      close: () => {
        check();
        isOpen = false;
        this.openCount -= 1;
      },
    };
  }

  /** Something synchronous: it takes no time, and a process that crashes meanwhile comes no further. */
  #check(kind: DiskOperation, words: string, failing?: () => void): void {
    if (!this.#host.isAlive()) throw new ProcessCrashed();
    const fate = this.#host.operation(kind, "before", words);
    if (!this.#host.isAlive()) throw new ProcessCrashed();
    if (fate === "go on") return;
    failing?.();
    this.#fail(`input/output error: ${words}`);
  }

  #fail(message: string): never {
    this.#host.failed();
    throw new DiskFailure(message);
  }

  /** Something asynchronous: `effect` happens after a while, or `failing` if it fails; neither is heard of after a crash. */
  #run<Result>(
    kind: DiskOperation,
    words: string,
    effect: () => Result,
    failing?: () => void,
  ): Promise<Result> {
    const host = this.#host;
    return new Promise((resolve, reject) => {
      if (!host.isAlive()) return;
      const fate = host.operation(kind, "before", words);
      if (!host.isAlive()) return;
      if (fate === "go on") this.#underWay.add(effect);
      host.after(this.#latencyMs(kind), () => {
        this.#underWay.delete(effect);
        try {
          if (fate === "fail") {
            failing?.();
            this.#fail(`input/output error: ${words}`);
          }
          const result = effect();
          host.operation(kind, "after", words);
          if (host.isAlive()) resolve(result);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #latencyMs(kind: DiskOperation): number {
    const { random } = this.#host;
    const { syncMinMs, syncMaxMs, otherMaxMs, slowRate, slowMaxMs } = this.#host.behaviour();
    const latencyMs = kind === "sync"
      ? random.between(syncMinMs, syncMaxMs)
      : random.between(0, otherMaxMs);
    return this.#host.stalledMs() + latencyMs +
      (random.chance(slowRate) ? random.between(0, slowMaxMs) : 0);
  }

  #short(length: number): number {
    const { random } = this.#host;
    const { shortRate } = this.#host.behaviour();
    const isShort = length > 1 && shortRate > 0 && random.chance(shortRate);
    return isShort ? random.int(1, length - 1) : length;
  }
}
