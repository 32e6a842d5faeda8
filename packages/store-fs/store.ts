/**
 * The store: a log, term and vote in a directory. What it promises is in core's port `LogStore`;
 * what it believes of disks is in docs/storage-assumptions.md.
 *
 * @module
 */
import {
  type Clock,
  type EntryRun,
  type HardState,
  type Index,
  invariant,
  type Logger,
  type LogStore,
  type LogWrite,
  type Metrics,
  silentLogger,
  StorageError,
  type StoreId,
  systemClock,
  type Term,
} from "@coracle/core";
import { DataDirectory } from "./data_directory.ts";
import { denoFileSystem } from "./deno_files.ts";
import { asStorageError, checkedDirectory, checkedOption, messageOf } from "./failure.ts";
import type { FileSystem } from "./files.ts";
import { BATCH_SIZE_MAX_BYTES, batchSizeBytes } from "./format/batch.ts";
import type { PlannedChange } from "./format/change.ts";
import { shortStoreId, type StoreIdentity } from "./format/identity.ts";
import type { Segment } from "./layout.ts";
import type { LogState } from "./log_state.ts";
import { StoreMeter } from "./metrics.ts";
import { planChange } from "./plan.ts";
import { type RecoveredLog, recoverLog, type Repair } from "./recovery.ts";
import { RunCache } from "./run_cache.ts";
import { SegmentReader } from "./segment_reader.ts";
import { type SegmentSizes, SegmentWriter } from "./segment_writer.ts";

/** How to open a store. */
export interface FsLogStoreOptions {
  /** The store's directory; made, with those above it, if it is missing. */
  readonly directory: string;
  /**
   * The node that the store belongs to. The first one that is given stays the only one that is
   * accepted.
   */
  readonly nodeId?: string;
  /**
   * A segment that would become larger is not written to any more, in bytes from 1 KiB to 1 GiB.
   * Defaults to 64 MiB.
   */
  readonly segmentSizeBytes?: number;
  /**
   * How much room is made ahead in the newest segment, in bytes from 0 for none to 1 GiB: a sync of bytes
   * that neither lengthen a file nor need a new place on the disk takes about half the time. Pointless on file systems
   * that write everything to a new place (btrfs, zfs). Defaults to 1 MiB.
   */
  readonly reserveSizeBytes?: number;
  /** How much memory recent entries may take, in bytes, 0 for none. Defaults to 16 MiB. */
  readonly cacheSizeBytes?: number;
  /** Where repairs are reported. Defaults to nowhere. */
  readonly logger?: Logger;
  /** Where measurements go, by the names of {@linkcode STORE_METRICS}. Nothing is measured by default. */
  readonly metrics?: Metrics;
  /** Time, which is only measured. Defaults to the machine's. */
  readonly clock?: Clock;
  /** The file system. Defaults to the machine's. */
  readonly fs?: FileSystem;
  /** A UUID for the store if it is made now, different from that of any other store. Defaults to a random one. */
  readonly newStoreId?: () => string;
}

const SEGMENT_SIZE_MIN_BYTES = 1024;
const SEGMENT_SIZE_MAX_BYTES = 1024 * 1024 * 1024;
const SEGMENT_SIZE_DEFAULT_BYTES = 64 * 1024 * 1024;
const RESERVE_SIZE_DEFAULT_BYTES = 1024 * 1024;
const CACHE_SIZE_DEFAULT_BYTES = 16 * 1024 * 1024;

/** A log, term and vote in a directory of segment files. */
export class FsLogStore implements LogStore {
  /** Who the store is. */
  readonly identity: StoreIdentity;
  /** The first digits of its identity, by which members of a cluster know it. */
  readonly storeId: StoreId;
  /** What opening it had to remove; nothing after a clean stop. */
  readonly recovered: readonly Repair[];
  readonly #fs: FileSystem;
  readonly #directory: DataDirectory;
  readonly #state: LogState;
  readonly #segments: Segment[];
  readonly #writer: SegmentWriter;
  readonly #reader: SegmentReader;
  readonly #cache: RunCache;
  readonly #meter: StoreMeter | undefined;
  #failure: StorageError | undefined;
  #closed: Promise<void> | undefined;
  /** The write that is under way. */
  #writing: Promise<void> | undefined;
  /** The last removal of segments, which all others follow. */
  #removing: Promise<void> = Promise.resolve();

  private constructor(
    fs: FileSystem,
    directory: DataDirectory,
    log: RecoveredLog,
    sizes: SegmentSizes,
    cacheSizeBytes: number,
    meter: StoreMeter | undefined,
  ) {
    this.identity = directory.identity;
    this.storeId = shortStoreId(directory.identity.storeId);
    this.recovered = log.repairs;
    this.#fs = fs;
    this.#directory = directory;
    this.#state = log.state;
    this.#segments = log.segments;
    this.#writer = new SegmentWriter(fs, directory.paths, sizes, log.newest);
    this.#reader = new SegmentReader(fs, log.state);
    this.#cache = new RunCache(cacheSizeBytes);
    this.#meter = meter;
  }

  /**
   * Opens the store in a directory, or makes it. Repairs what a crash has left half written.
   *
   * Throws `InvalidConfigError` for an option that cannot be, `StoreLockedError` if this or another
   * process has it open, {@linkcode DamageError} (a `StorageError`) with file and offset if it is
   * damaged, and `StorageError` if it belongs to another node, has another format, or if the disk
   * fails.
   */
  static async open(options: FsLogStoreOptions): Promise<FsLogStore> {
    const { nodeId, logger = silentLogger, fs = denoFileSystem } = options;
    const { metrics, clock = systemClock, newStoreId } = options;
    const path = checkedDirectory(options.directory);
    const segmentSizeBytes = checkedOption(
      "segmentSizeBytes",
      options.segmentSizeBytes ?? SEGMENT_SIZE_DEFAULT_BYTES,
      SEGMENT_SIZE_MIN_BYTES,
      SEGMENT_SIZE_MAX_BYTES,
    );
    const reserveSizeBytes = checkedOption(
      "reserveSizeBytes",
      options.reserveSizeBytes ?? RESERVE_SIZE_DEFAULT_BYTES,
      0,
      SEGMENT_SIZE_MAX_BYTES,
    );
    const cacheSizeBytes = checkedOption(
      "cacheSizeBytes",
      options.cacheSizeBytes ?? CACHE_SIZE_DEFAULT_BYTES,
      0,
      Number.MAX_SAFE_INTEGER,
    );
    let directory: DataDirectory | undefined;
    try {
      directory = await DataDirectory.open(fs, path, "log", { nodeId, newStoreId });
      const log = await recoverLog(fs, directory.paths, directory.identity.storeId, logger);
      const meter = metrics && new StoreMeter(metrics, clock);
      const sizes = { segmentSizeBytes, reserveSizeBytes };
      return new FsLogStore(fs, directory, log, sizes, cacheSizeBytes, meter);
    } catch (error) {
      directory?.release();
      throw asStorageError(error, `cannot open the store in ${path}`);
    }
  }

  /** Term and vote, as they are durable now. */
  get hardState(): HardState {
    return this.#state.hardState;
  }

  /** Index of the first entry; `lastIndex + 1` if there is none. */
  get firstIndex(): Index {
    return this.#state.firstIndex;
  }

  /** Index of the last entry, or of the one before the log if there is none. */
  get lastIndex(): Index {
    return this.#state.lastIndex;
  }

  /** Indexes of the configuration entries in the log, in order. */
  get configurations(): readonly Index[] {
    return this.#state.configurations;
  }

  /**
   * Term of the entry at `index`, from `firstIndex - 1` to `lastIndex`; `undefined` outside of
   * that.
   */
  term(index: Index): Term | undefined {
    return this.#state.term(index);
  }

  /**
   * Entries from `from` on, up to `maxBytes` but at least one; `undefined` if there is none at
   * `from`. Throws {@linkcode DamageError} if they are not what was written.
   */
  read(from: Index, maxBytes: number): EntryRun | undefined {
    if (from < this.firstIndex || from > this.lastIndex) return undefined;
    const cached = this.#cache.read(from, maxBytes);
    if (cached !== undefined) return cached;
    if (this.#closed !== undefined) throw new StorageError(`${this.#name} is closed`);
    try {
      const run = this.#reader.read(from, maxBytes);
      this.#meter?.read(run);
      return run;
    } catch (error) {
      throw asStorageError(error, `${this.#name} cannot be read`);
    }
  }

  /**
   * Makes `writes` durable, in order, as one batch with one sync. Segments that a reset leaves
   * without entries are removed afterwards, while the node goes on: until then they cost room and
   * nothing else.
   *
   * Rejects with a `StorageError` if the disk fails; then the store accepts nothing more until it
   * is opened again. Rejects with an `InvariantViolation`, and writes nothing, for what no node may
   * ask for: entries that do not follow, a truncation before the log, a term that goes back, a vote
   * that changes within a term, more than 256 MiB, or a call while another is under way.
   */
  async persist(writes: readonly LogWrite[]): Promise<void> {
    this.#refuseWrites();
    const change = planChange(this.#state, writes);
    if (change !== undefined) await this.#write(change);
  }

  /**
   * Removes the segments that hold no entry after `index`, oldest first; the newest always stays.
   * May be called while a write is under way. Durable when the promise resolves. Fails as
   * {@linkcode FsLogStore.persist} does.
   */
  async truncatePrefix(index: Index): Promise<void> {
    this.#refuseAfterEnd();
    await this.#removeUpTo(index);
  }

  /** Waits for what is under way, then lets go of all files and the lock. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** {@linkcode FsLogStore.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#writing?.catch(() => {});
    await this.#removing;
    await this.#writer.close(this.#failure !== undefined);
    this.#reader.close();
    this.#cache.clear();
    this.#directory.release();
  }

  #write(change: PlannedChange): Promise<void> {
    const size = batchSizeBytes(change);
    invariant(
      size <= BATCH_SIZE_MAX_BYTES,
      `a batch of ${size} bytes is larger than the limit of ${BATCH_SIZE_MAX_BYTES} bytes`,
    );
    this.#writing = this.#writeBatch(change);
    return this.#writing;
  }

  async #writeBatch(change: PlannedChange): Promise<void> {
    try {
      const { segment, offset, end } = this.#writer.isFullFor(change)
        ? await this.#writer.appendToNext(this.#state, change)
        : await this.#writer.append(change);
      if (segment !== this.#segments[this.#segments.length - 1]) {
        this.#segments.push(segment);
        this.#meter?.rotated();
      }
      this.#meter?.written(change, this.#state);
      this.#state.apply(change, segment, offset, end);
      this.#remember(change);
      // The batch is durable, whatever becomes of the files that it makes unnecessary.
      if (change.cut?.kind === "reset") this.#removeUpTo(change.cut.lastIndex).catch(() => {});
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#writing = undefined;
    }
  }

  #remember(change: PlannedChange): void {
    const { cut, runs } = change;
    if (cut?.kind === "reset") this.#cache.clear();
    else if (cut !== undefined) this.#cache.dropAfter(cut.lastIndex);
    this.#cache.append(runs);
  }

  /** Forgets the segments that hold no entry after `index`, and begins to remove their files. */
  #removeUpTo(index: Index): Promise<void> {
    const removed: Segment[] = [];
    const { firstIndex } = this;
    for (;;) {
      const oldest = this.#segments[0]!;
      // Not the writer's: that may be one whose batch is durable and not taken up yet.
      if (this.#segments.length === 1 || this.#state.lastIndexOfOldest(oldest) > index) break;
      this.#state.dropOldest(oldest);
      this.#reader.forget(oldest);
      this.#segments.shift();
      removed.push(oldest);
    }
    this.#cache.dropBefore(this.firstIndex);
    this.#meter?.removed(this.firstIndex - firstIndex);
    const removing = this.#removing.then(() => this.#remove(removed));
    // Only the caller hears of a failure; the next write or removal finds that the store has
    // failed.
    this.#removing = removing.catch(() => {});
    return removing;
  }

  async #remove(segments: readonly Segment[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      for (const segment of segments) {
        await this.#fs.remove(segment.path);
        // One by one: if names vanished in another order, a crash would leave a hole in the log.
        await this.#fs.syncDirectory(this.#directory.paths.log);
      }
    } catch (error) {
      throw this.#fail(error);
    }
  }

  get #name(): string {
    return `the store in ${this.#directory.paths.directory}`;
  }

  #refuseWrites(): void {
    this.#refuseAfterEnd();
    invariant(this.#writing === undefined, `${this.#name} is being written to`);
  }

  #refuseAfterEnd(): void {
    if (this.#closed !== undefined) throw new StorageError(`${this.#name} is closed`);
    if (this.#failure !== undefined) {
      throw new StorageError(
        `${this.#name} accepts no writes until it is opened again: ${this.#failure.message}`,
        { cause: this.#failure },
      );
    }
  }

  #fail(error: unknown): StorageError {
    const failure = new StorageError(`${this.#name} failed: ${messageOf(error)}`, { cause: error });
    return this.#failure ??= failure;
  }
}
