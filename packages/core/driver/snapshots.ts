/**
 * Snapshots of this node's own state machine: made when they are due or asked for. The log is compacted after each.
 *
 * @module
 */
import {
  AbortedByRestoreError,
  NothingNewToSnapshotError,
  SnapshotsUnsupportedError,
} from "../model/errors.ts";
import type { RaftConfig } from "../model/config.ts";
import { type Index, NO_INDEX } from "../model/numbers.ts";
import type { SnapshotMeta, SnapshotPoint } from "../model/snapshot.ts";
import type { CancelTimer, Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log_store.ts";
import type { SnapshotSink, SnapshotStore } from "../ports/snapshot_store.ts";
import type { Random } from "../consensus/random.ts";
import type { Captured } from "./applier_options.ts";
import type { Meter } from "./meter.ts";
import { untilAborted } from "./streams.ts";

/** What {@linkcode Snapshots} needs of its node. */
export interface SnapshotsHost {
  /** The settings of this moment. */
  config(): RaftConfig;
  /** The last entry that is applied. */
  appliedIndex(): Index;
  /** Up to which entry the state machine holds what they did, though the node may not have come to it yet. */
  stateIndex(): Index;
  /** Entries after this one are needed by a follower that is being sent what is before; `Infinity` if there is none. */
  neededAfter(): number;
  /** The state of the next moment at which no command is being applied; see `Applier.capture`. */
  capture(before: () => Index): Promise<Captured>;
}

/** What {@linkcode Snapshots} works with. */
export interface SnapshotsOptions {
  /** Its node. */
  readonly host: SnapshotsHost;
  /** Where snapshots are kept; without, nothing of this is done. */
  readonly store: SnapshotStore | undefined;
  /** The log that is compacted. */
  readonly log: LogStore;
  /** Time. */
  readonly clock: Clock;
  /** What staggers the automatic ones. */
  readonly random: Random;
  /** Where logs go. */
  readonly logger: Logger;
  /** Hears of every snapshot that was made. */
  readonly stored: (meta: SnapshotMeta) => void;
  /** What measures them, if anything does. */
  readonly meter?: Meter | undefined;
}

/** A snapshot that is being made, or is the next to be made. */
interface Taking {
  /** The last entry that it contains; `undefined` until the state is captured. */
  index: Index | undefined;
  readonly promise: Promise<SnapshotMeta>;
}

/** See the module's description. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #stop = new AbortController();
  /** The one that is being made, and the next: that one contains what is applied by the time it is begun. */
  readonly #taking: Taking[] = [];
  #work: Promise<unknown> = Promise.resolve();
  #compacting: Promise<void> = Promise.resolve();
  #cancelTimer: CancelTimer | undefined;

  /** Nothing happens by itself before {@linkcode schedule}. */
  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** The newest snapshot, if there is one. */
  get latest(): SnapshotMeta | undefined {
    return this.#options.store?.list()[0];
  }

  /** Looks, from now on and from time to time, whether a snapshot is due. */
  schedule(): void {
    const { clock, random, host, store } = this.#options;
    this.#cancelTimer?.();
    if (store === undefined || this.#stop.signal.aborted) return;
    const { snapshotIntervalMs } = host.config();
    this.#cancelTimer = clock.setTimer(
      random.between(snapshotIntervalMs, 2 * snapshotIntervalMs),
      () => {
        this.#takeIfDue();
        this.schedule();
      },
    );
  }

  /** Another interval holds from now on. */
  reschedule(): void {
    if (this.#cancelTimer !== undefined) this.schedule();
  }

  /**
   * Makes a snapshot of what is applied now, or later, and compacts the log. Calls share one that contains what is applied when
   * they come. Rejects with `NothingNewToSnapshotError`, `SnapshotsUnsupportedError`, `AbortedByRestoreError`, `StorageError`,
   * or what the state machine throws.
   */
  take(): Promise<SnapshotMeta> {
    const last = this.#taking.at(-1);
    if (last !== undefined && (last.index ?? Infinity) >= this.#options.host.appliedIndex()) {
      return last.promise;
    }
    const promise = this.#work.then(async () => {
      try {
        return await this.#take(taking);
      } finally {
        this.#taking.shift();
      }
    });
    const taking: Taking = { index: undefined, promise };
    this.#taking.push(taking);
    this.#work = promise.catch(() => {});
    return promise;
  }

  /**
   * Drops the entries that no snapshot needs, except for the trailing ones and those that somebody needs. The log goes on reaching back
   * to the oldest snapshot that it reaches: if the newest turns out to be damaged, an older one and the log make up for it (B47). Before
   * a snapshot that was received there may be nothing; then an older one is of no use any more.
   */
  compact(): Promise<void> {
    return this.#compacting = this.#compacting.then(() => this.#compact());
  }

  /** Stops everything because of `reason`, and waits for it to end. The store is closed by its owner. */
  async stop(reason: unknown): Promise<void> {
    this.#stop.abort(reason);
    this.#cancelTimer?.();
    await this.#work;
    await this.#compacting;
  }

  #takeIfDue(): void {
    const { host, logger } = this.#options;
    const since = this.latest?.lastIncludedIndex ?? NO_INDEX;
    if (host.appliedIndex() - since < host.config().snapshotThreshold) return;
    this.take().catch((error) => {
      const isExpected = this.#stop.signal.aborted || error instanceof AbortedByRestoreError ||
        error instanceof NothingNewToSnapshotError;
      if (!isExpected) logger.error("the snapshot could not be made: {error}", { error });
    });
  }

  async #take(taking: Taking): Promise<SnapshotMeta> {
    const { host, store, logger, stored, meter } = this.#options;
    const { signal } = this.#stop;
    signal.throwIfAborted();
    if (store === undefined) throw new SnapshotsUnsupportedError();
    const before = () => {
      const stateIndex = host.stateIndex();
      // It would hold more than the entry that it is named after.
      if (host.appliedIndex() < stateIndex) throw new NothingNewToSnapshotError(stateIndex);
      return this.latest?.lastIncludedIndex ?? NO_INDEX;
    };
    if (host.appliedIndex() <= before()) throw new NothingNewToSnapshotError(before());
    // The state is captured when there is a place for it: what the state machine keeps for a snapshot is surely read or released.
    const taken = meter?.time("snapshot.takeSnapshot");
    const created = meter?.time("snapshot.create");
    const place = await store.create();
    created?.();
    let persisted: (() => void) | undefined;
    const meta = await fillSink(place, logger, async (sink) => {
      const { point, data } = await host.capture(before);
      persisted = meter?.time("snapshot.persist");
      taking.index = point.lastIncludedIndex;
      await copy(data, sink, signal);
      return point;
    });
    persisted?.();
    stored(meta);
    logger.info("snapshot {id} contains everything up to entry {index}: {sizeBytes} bytes", {
      id: meta.id,
      index: meta.lastIncludedIndex,
      sizeBytes: meta.sizeBytes,
    });
    await this.compact();
    taken?.();
    return meta;
  }

  async #compact(): Promise<void> {
    const { log, host, logger, meter } = this.#options;
    const { latest } = this;
    const isReached = ({ lastIncludedIndex }: SnapshotMeta) =>
      lastIncludedIndex + 1 >= log.firstIndex;
    const oldest = this.#options.store?.list().findLast(isReached);
    if (latest === undefined || oldest === undefined || this.#stop.signal.aborted) return;
    const index = Math.min(
      latest.lastIncludedIndex - host.config().trailingLogs,
      oldest.lastIncludedIndex,
      // A snapshot that was received may be ahead of what is applied.
      host.appliedIndex(),
      host.neededAfter(),
      // And the log may not be made to follow it yet.
      log.lastIndex,
    );
    if (index < log.firstIndex) return;
    const compacted = meter?.time("compactLogs");
    try {
      await log.truncatePrefix(index as Index);
      compacted?.();
    } catch (error) {
      // The snapshot is there all the same. If the disk has failed, the next write stops the node.
      logger.error("the log could not be compacted: {error}", { error });
    }
  }
}

/** Commits `sink` as what `fill` says, or gives it up and throws what that threw. */
export async function fillSink(
  sink: SnapshotSink,
  logger: Logger,
  fill: (sink: SnapshotSink) => Promise<SnapshotPoint>,
): Promise<SnapshotMeta> {
  try {
    return await sink.commit(await fill(sink));
  } catch (error) {
    await sink.abort().catch((cause) => {
      logger.warn("an unfinished snapshot could not be removed: {error}", { error: cause });
    });
    throw error;
  }
}

/** Writes `data` to `sink`, at its pace. Returns how many bytes there were. */
export async function copy(
  data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  sink: SnapshotSink,
  signal: AbortSignal,
): Promise<number> {
  let sizeBytes = 0;
  for await (const chunk of untilAborted(data, signal)) {
    await sink.write(chunk);
    sizeBytes += chunk.length;
  }
  // Commits nothing that nobody wants any more.
  signal.throwIfAborted();
  return sizeBytes;
}
