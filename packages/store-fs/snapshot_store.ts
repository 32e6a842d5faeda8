/**
 * The snapshots of a node, in a directory beside its log. What the store promises is in core's port
 * `SnapshotStore`; what is in its files, in docs/storage-format.md.
 *
 * @module
 */
import {
  type Clock,
  invariant,
  type Logger,
  silentLogger,
  type SnapshotMeta,
  type SnapshotSink,
  type SnapshotSource,
  type SnapshotStore,
  StorageError,
  systemClock,
} from "@coracle/core";
import type { Damage } from "./damage.ts";
import { DataDirectory } from "./data_directory.ts";
import { denoFileSystem } from "./deno_files.ts";
import { asStorageError, checkedDirectory, checkedOption } from "./failure.ts";
import type { FileSystem } from "./files.ts";
import type { StoreIdentity } from "./format/identity.ts";
import { BLOCK_SIZE_MAX_BYTES, BLOCK_SIZE_MIN_BYTES } from "./format/snapshot_header.ts";
import type { Repair } from "./recovery.ts";
import { newestFileFirst, type SnapshotFile } from "./snapshot_files.ts";
import { type RecoveredSnapshots, recoverSnapshots } from "./snapshot_recovery.ts";
import { FsSnapshotSink, type SnapshotSinkHost } from "./snapshot_sink.ts";
import { FsSnapshotSource } from "./snapshot_source.ts";

/** How to open a store of snapshots. */
export interface FsSnapshotStoreOptions {
  /**
   * The node's directory, the same as that of its `FsLogStore`, which may be open or not; made,
   * with those above it, if it is missing.
   */
  readonly directory: string;
  /**
   * The node that the directory belongs to. The first one that is given stays the only one that is
   * accepted.
   */
  readonly nodeId?: string;
  /**
   * How many snapshots are kept, the newest ones; at least 1. Defaults to 2. The node's log reaches back to the oldest of them, so
   * that each can take the place of a newer one that is damaged.
   */
  readonly retain?: number;
  /** How much is written and read at once, in bytes from 64 B to 16 MiB. Defaults to 256 KiB. */
  readonly blockSizeBytes?: number;
  /** Where leftovers and damage are reported. Defaults to nowhere. */
  readonly logger?: Logger;
  /** Its wall time says when a snapshot was made. Defaults to the machine's. */
  readonly clock?: Clock;
  /** The file system; the same object as the `FsLogStore`'s. Defaults to the machine's. */
  readonly fs?: FileSystem;
  /** As for `FsLogStore`: a UUID for the directory's store if it is made now. Defaults to a random one. */
  readonly newStoreId?: () => string;
}

const RETAIN_DEFAULT = 2;
const BLOCK_SIZE_DEFAULT_BYTES = 256 * 1024;

/** A snapshot that is stored, and who reads it. */
interface Stored {
  readonly file: SnapshotFile;
  readers: number;
  /** When whoever committed it was answered, as {@linkcode FsSnapshotStore} counts; `Infinity` before. */
  answeredAt: number;
}

/** Snapshots in a directory, each a file that is there as a whole or not at all. */
export class FsSnapshotStore implements SnapshotStore {
  /** Whose the directory is. */
  readonly identity: StoreIdentity;
  /** What opening it had to remove: snapshots that were never finished. */
  readonly recovered: readonly Repair[];
  /**
   * Snapshots that are not listed because header or trailer are not as they were written. Their
   * files are left alone.
   */
  readonly damages: readonly Damage[];
  readonly #directory: DataDirectory;
  readonly #fs: FileSystem;
  readonly #logger: Logger;
  readonly #retain: number;
  readonly #blockSizeBytes: number;
  readonly #host: SnapshotSinkHost;
  readonly #sinks = new Set<FsSnapshotSink>();
  readonly #sources = new Set<FsSnapshotSource>();
  /** Those that are listed, the newest first. */
  #stored: Stored[];
  #metas: readonly SnapshotMeta[] = [];
  /** Those that are no longer listed, and whose files are still there. */
  readonly #retired = new Set<Stored>();
  #lastSequence: number;
  /** Counts the beginnings and ends of commits. */
  #moment = 0;
  /** The last removal of files, which all others follow. */
  #removing: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(
    options: FsSnapshotStoreOptions,
    directory: DataDirectory,
    found: RecoveredSnapshots,
  ) {
    const { fs = denoFileSystem, logger = silentLogger, clock = systemClock } = options;
    this.identity = directory.identity;
    this.recovered = found.repairs;
    this.damages = found.damages;
    this.#directory = directory;
    this.#fs = fs;
    this.#logger = logger;
    this.#retain = options.retain ?? RETAIN_DEFAULT;
    this.#blockSizeBytes = options.blockSizeBytes ?? BLOCK_SIZE_DEFAULT_BYTES;
    this.#stored = found.files.map((file) => ({ file, readers: 0, answeredAt: 0 }));
    this.#lastSequence = found.lastSequence;
    this.#host = {
      fs,
      paths: directory.paths,
      logger,
      clock,
      committing: () => this.#moment += 1,
      publish: (file, begunAt) => this.#publish(file, begunAt),
      ended: (sink) => void this.#sinks.delete(sink),
    };
  }

  /**
   * Opens the snapshots in a node's directory. Removes what was never finished, and snapshots
   * beyond those that are retained.
   *
   * Throws `InvalidConfigError` for an option that cannot be, `StoreLockedError` if this or another
   * process has the snapshots open, or another process the log, and `StorageError` if the directory
   * belongs to another node, has another format, or if the disk fails. A snapshot that is damaged
   * is reported and not listed; it keeps no store from being opened.
   */
  static async open(options: FsSnapshotStoreOptions): Promise<FsSnapshotStore> {
    const { nodeId, newStoreId, logger = silentLogger, fs = denoFileSystem } = options;
    const path = checkedDirectory(options.directory);
    const reason = ": the store must retain at least one snapshot";
    checkedOption("retain", options.retain ?? 1, 1, Number.MAX_SAFE_INTEGER, reason);
    checkedOption(
      "blockSizeBytes",
      options.blockSizeBytes ?? BLOCK_SIZE_DEFAULT_BYTES,
      BLOCK_SIZE_MIN_BYTES,
      BLOCK_SIZE_MAX_BYTES,
    );
    let directory: DataDirectory | undefined;
    try {
      directory = await DataDirectory.open(fs, path, "snapshots", { nodeId, newStoreId });
      const { paths, identity } = directory;
      const found = await recoverSnapshots(fs, paths, identity.storeId, logger);
      const store = new FsSnapshotStore(options, directory, found);
      await store.#removeOld(Infinity);
      return store;
    } catch (error) {
      directory?.release();
      throw asStorageError(error, `cannot open the snapshots in ${path}`);
    }
  }

  /**
   * The snapshots, the newest first: by term, then by index, as numbers. Old ones that are only
   * kept because somebody reads them are not among them.
   */
  list(): readonly SnapshotMeta[] {
    return this.#metas;
  }

  /**
   * Begins a snapshot; several may be written at once. What is written counts once it is committed:
   * if the disk fails or is full before, `write` or `commit` rejects with a `StorageError`, `abort`
   * removes what there is, and everything else in the store is as it was. The same is left by a
   * process that ends.
   */
  async create(): Promise<SnapshotSink> {
    this.#refuseAfterClose();
    this.#lastSequence += 1;
    const sink = new FsSnapshotSink(this.#host, {
      storeId: this.identity.storeId,
      sequence: this.#lastSequence,
      blockSizeBytes: this.#blockSizeBytes,
    });
    this.#sinks.add(sink);
    try {
      await sink.begin();
      this.#refuseAfterClose();
    } catch (error) {
      await sink.abort();
      throw error;
    }
    return sink;
  }

  /**
   * Opens the snapshot `id`, which is not removed before the source is closed. Rejects with a
   * `StorageError` if none is listed under that id, or if its file cannot be opened.
   */
  // deno-lint-ignore require-await -- so that a failure rejects
  async open(id: string): Promise<SnapshotSource> {
    this.#refuseAfterClose();
    const stored = this.#stored.find(({ file }) => file.meta.id === id);
    if (stored === undefined) throw new StorageError(`there is no snapshot ${id} in ${this.#name}`);
    const { file } = stored;
    try {
      const reader = this.#fs.openReadSync(file.path);
      if (reader === undefined) throw new Error("the file is gone");
      stored.readers += 1;
      const source = new FsSnapshotSource(reader, file, this.identity.storeId, () => {
        this.#sources.delete(source);
        return this.#letGo(stored);
      });
      this.#sources.add(source);
      return source;
    } catch (error) {
      throw asStorageError(error, `${file.path} cannot be opened`);
    }
  }

  /**
   * Lets go of everything: snapshots that are being written are given up, those that are being read
   * end with a `StorageError`. Waits for what is under way. Idempotent.
   */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** {@linkcode FsSnapshotStore.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#sinks].map((sink) => sink.abort()));
    await Promise.all([...this.#sources].map((source) => source.close()));
    await this.#removing;
    this.#directory.release();
  }

  async #publish(file: SnapshotFile, begunAt: number): Promise<() => void> {
    const stored = { file, readers: 0, answeredAt: Infinity };
    this.#stored.push(stored);
    this.#stored.sort((one, other) => newestFileFirst(one.file, other.file));
    await this.#removeOld(begunAt);
    return () => stored.answeredAt = this.#moment += 1;
  }

  /** Someone has stopped reading. */
  async #letGo(stored: Stored): Promise<void> {
    stored.readers -= 1;
    invariant(stored.readers >= 0, `${stored.file.path} is read by ${stored.readers}`);
    await this.#removeRetired();
  }

  /**
   * No longer lists what is beyond those that are retained, and removes the files that nobody
   * reads. What was not answered yet when the commit began that makes room stays in any case: whoever has just committed a
   * snapshot can open it.
   */
  async #removeOld(begunAt: number): Promise<void> {
    const isKept = ({ answeredAt }: Stored, at: number): boolean =>
      at < this.#retain || answeredAt > begunAt;
    for (const [at, stored] of this.#stored.entries()) {
      if (!isKept(stored, at)) this.#retired.add(stored);
    }
    this.#stored = this.#stored.filter(isKept);
    this.#metas = this.#stored.map(({ file }) => file.meta);
    await this.#removeRetired();
  }

  #removeRetired(): Promise<void> {
    return this.#removing = this.#removing.then(async () => {
      const { snapshots } = this.#directory.paths;
      for (const stored of this.#retired) {
        if (stored.readers > 0) continue;
        const { path } = stored.file;
        try {
          await this.#fs.remove(path);
          this.#retired.delete(stored);
          await this.#fs.syncDirectory(snapshots);
        } catch (error) {
          // It costs room and nothing else. The next removal tries again.
          this.#logger.warn("{file}, an old snapshot, could not be removed: {error}", {
            file: path,
            error,
          });
        }
      }
    });
  }

  get #name(): string {
    return this.#directory.paths.snapshots;
  }

  #refuseAfterClose(): void {
    if (this.#closed !== undefined) throw new StorageError(`${this.#name} is closed`);
  }
}
