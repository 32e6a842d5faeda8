/**
 * Snapshots: made when they are due or asked for, sent to followers whose entries are gone, received from a leader. The
 * log is compacted after each.
 *
 * @module
 */
import {
  NothingNewToSnapshotError,
  ShutdownError,
  SnapshotsUnsupportedError,
  TransportError,
} from "../model/errors.ts";
import type { RaftConfig } from "../model/config.ts";
import type { ServerId } from "../model/configuration.ts";
import { type Index, NO_INDEX, type Term } from "../model/numbers.ts";
import type { SnapshotMeta, SnapshotPoint } from "../model/snapshot.ts";
import type { CancelTimer, Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore } from "../ports/log_store.ts";
import type { SnapshotSource, SnapshotStore } from "../ports/snapshot_store.ts";
import type { SnapshotHeader, Transport } from "../ports/transport.ts";
import type { SnapshotReceived, SnapshotSent } from "../consensus/input.ts";
import type { Random } from "../consensus/random.ts";
import type { Captured } from "./applier.ts";
import type { Meter } from "./meter.ts";

/** What {@linkcode Snapshots} needs of its node. */
export interface SnapshotsHost {
  /** The settings of this moment. */
  config(): RaftConfig;
  /** The node's term. */
  term(): Term;
  /** The last entry known to be committed. */
  commitIndex(): Index;
  /** The last entry that is applied. */
  appliedIndex(): Index;
  /** The state of the next moment at which no command is being applied. */
  capture(): Promise<Captured>;
  /** Takes an input to the consensus. */
  input(input: SnapshotSent | SnapshotReceived): void;
}

/** What {@linkcode Snapshots} works with. */
export interface SnapshotsOptions {
  /** Its node. */
  readonly host: SnapshotsHost;
  /** Where snapshots are kept; without, nothing of this is done. */
  readonly store: SnapshotStore | undefined;
  /** The log that is compacted. */
  readonly log: LogStore;
  /** The way to the peers. */
  readonly transport: Transport;
  /** Time. */
  readonly clock: Clock;
  /** What staggers the automatic ones. */
  readonly random: Random;
  /** Where logs go. */
  readonly logger: Logger;
  /** Hears of every snapshot that was made or received. */
  readonly stored: (meta: SnapshotMeta) => void;
  /** What measures them, if anything does. */
  readonly meter?: Meter | undefined;
}

/** A snapshot on its way here. */
interface Receiving {
  readonly term: Term;
  readonly abort: AbortController;
}

/** See the module's description. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #stop = new AbortController();
  readonly #sending = new Map<ServerId, AbortController>();
  readonly #work = new Set<Promise<unknown>>();
  #receiving: Receiving | undefined;
  #taking: Promise<SnapshotMeta> | undefined;
  #cancelTimer: CancelTimer | undefined;

  /** Nothing happens by itself before {@linkcode start}. */
  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** The newest snapshot, if there is one. */
  get latest(): SnapshotMeta | undefined {
    return this.#options.store?.list()[0];
  }

  /** Begins to look, from time to time, whether a snapshot is due. */
  start(): void {
    const { clock, random, host, store } = this.#options;
    if (store === undefined || this.#stop.signal.aborted) return;
    const { snapshotIntervalMs } = host.config();
    this.#cancelTimer = clock.setTimer(
      random.between(snapshotIntervalMs, 2 * snapshotIntervalMs),
      () => {
        this.#takeIfDue();
        this.start();
      },
    );
  }

  /**
   * Makes a snapshot of what is applied now and compacts the log. Calls that come meanwhile share it. Rejects with
   * `NothingNewToSnapshotError`, `SnapshotsUnsupportedError`, `StorageError`, or what the state machine throws.
   */
  take(): Promise<SnapshotMeta> {
    return this.#taking ??= this.#track(this.#take()).finally(() => this.#taking = undefined);
  }

  /** Sends the newest snapshot to a follower; how that ended becomes an input. */
  send(to: ServerId, term: Term): void {
    if (this.#sending.has(to) || this.#stop.signal.aborted) return;
    const abort = new AbortController();
    this.#sending.set(to, abort);
    this.#track(this.#send(to, term, abort.signal).finally(() => this.#sending.delete(to)));
  }

  /** This node leads no longer: what it is sending is stale. */
  abandonSending(): void {
    for (const abort of this.#sending.values()) abort.abort(new Error("leadership lost"));
  }

  /** See `TransportHandler.receiveSnapshot`. */
  receive(from: ServerId, header: SnapshotHeader, data: AsyncIterable<Uint8Array>): Promise<void> {
    const received = this.#options.meter?.time("rpc.installSnapshot");
    return this.#track(this.#receive(from, header, data).then(received));
  }

  /** Opens the snapshot that an `installSnapshot` effect speaks of. */
  open(point: SnapshotPoint): Promise<SnapshotSource> {
    const { store } = this.#options;
    const meta = store?.list().find((one) =>
      one.lastIncludedIndex === point.lastIncludedIndex &&
      one.lastIncludedTerm === point.lastIncludedTerm
    );
    if (store === undefined || meta === undefined) throw new SnapshotsUnsupportedError();
    return store.open(meta.id);
  }

  /** Drops the entries that the newest snapshot makes unnecessary, except for the trailing ones. */
  async compact(): Promise<void> {
    const { log, host, meter } = this.#options;
    const { latest } = this;
    if (latest === undefined) return;
    const index = latest.lastIncludedIndex - host.config().trailingLogs;
    if (index < log.firstIndex) return;
    const compacted = meter?.time("compactLogs");
    await log.truncatePrefix(index as Index);
    compacted?.();
  }

  /** Stops everything and waits for it to end. The store is closed by its owner. */
  async stop(): Promise<void> {
    this.#stop.abort(new ShutdownError("not-written"));
    this.#cancelTimer?.();
    this.abandonSending();
    this.#receiving?.abort.abort(this.#stop.signal.reason);
    await Promise.allSettled(this.#work);
  }

  #takeIfDue(): void {
    const { host, logger } = this.#options;
    const since = this.latest?.lastIncludedIndex ?? NO_INDEX;
    if (host.appliedIndex() - since < host.config().snapshotThreshold) return;
    this.take().catch((error) => {
      if (this.#stop.signal.aborted) return;
      logger.error("the snapshot could not be made: {error}", { error });
    });
  }

  async #take(): Promise<SnapshotMeta> {
    const { host, store, logger, meter } = this.#options;
    if (store === undefined) throw new SnapshotsUnsupportedError();
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const before = this.latest?.lastIncludedIndex ?? NO_INDEX;
    if (host.appliedIndex() <= before) throw new NothingNewToSnapshotError(before);
    const taken = meter?.time("snapshot.takeSnapshot");
    const { point, data } = await host.capture();
    const meta = await this.#write(store, data, point, signal);
    await this.compact();
    taken?.();
    logger.info("snapshot {id} contains everything up to entry {index}: {sizeBytes} bytes", {
      id: meta.id,
      index: meta.lastIncludedIndex,
      sizeBytes: meta.sizeBytes,
    });
    return meta;
  }

  async #write(
    store: SnapshotStore,
    data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    point: SnapshotPoint,
    signal: AbortSignal,
    sizeBytes?: number,
  ): Promise<SnapshotMeta> {
    // Only a snapshot that is received has a size that is known before.
    const meter = sizeBytes === undefined ? this.#options.meter : undefined;
    const created = meter?.time("snapshot.create");
    const sink = await store.create();
    created?.();
    const persisted = meter?.time("snapshot.persist");
    try {
      let written = 0;
      for await (const chunk of data) {
        signal.throwIfAborted();
        await sink.write(chunk);
        written += chunk.length;
      }
      signal.throwIfAborted();
      if (sizeBytes !== undefined && written !== sizeBytes) {
        throw new TransportError(`a snapshot of ${sizeBytes} bytes ended after ${written}`);
      }
      const meta = await sink.commit(point);
      persisted?.();
      this.#options.stored(meta);
      return meta;
    } catch (error) {
      await sink.abort();
      throw error;
    }
  }

  async #send(to: ServerId, term: Term, signal: AbortSignal): Promise<void> {
    const { host, store, transport, logger, meter } = this.#options;
    const { latest } = this;
    let arrived = false;
    try {
      if (store === undefined || latest === undefined) throw new SnapshotsUnsupportedError();
      await using source = await store.open(latest.id);
      const { lastIncludedIndex, lastIncludedTerm, configuration, sizeBytes } = source.meta;
      logger.info("sends snapshot {id} to {to}: {sizeBytes} bytes", {
        id: latest.id,
        to,
        sizeBytes,
      });
      const header = { term, lastIncludedIndex, lastIncludedTerm, configuration, sizeBytes };
      const sent = meter?.time("replication.installSnapshot", meter.peerLabels(to));
      await transport.sendSnapshot(to, header, source.read(), signal);
      sent?.();
      arrived = true;
    } catch (error) {
      if (!signal.aborted) {
        logger.warn("the snapshot for {to} did not arrive: {error}", { to, error });
      }
    }
    const lastIncludedIndex = latest?.lastIncludedIndex ?? NO_INDEX;
    host.input({ type: "snapshotSent", peer: to, lastIncludedIndex, arrived });
  }

  async #receive(
    from: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { host, store, logger } = this.#options;
    this.#stop.signal.throwIfAborted();
    if (store === undefined) throw new SnapshotsUnsupportedError();
    if (header.term < host.term()) {
      throw new TransportError(`the sender's term ${header.term} is over; it is ${host.term()}`);
    }
    const { lastIncludedIndex, lastIncludedTerm, configuration, term } = header;
    const point = { lastIncludedIndex, lastIncludedTerm, configuration };
    if (lastIncludedIndex > host.commitIndex()) {
      if (this.#receiving !== undefined && this.#receiving.term >= term) {
        throw new TransportError("another snapshot is on its way here");
      }
      this.#receiving?.abort.abort(new TransportError("a later leader sends a snapshot"));
      const receiving = { term, abort: new AbortController() };
      this.#receiving = receiving;
      try {
        const { signal } = receiving.abort;
        const meta = await this.#write(store, data, point, signal, header.sizeBytes);
        logger.info("received snapshot {id} from {from}: {sizeBytes} bytes", {
          id: meta.id,
          from,
          sizeBytes: meta.sizeBytes,
        });
      } finally {
        if (this.#receiving === receiving) this.#receiving = undefined;
      }
    }
    host.input({ type: "snapshotReceived", from, term, ...point });
  }

  #track<Result>(work: Promise<Result>): Promise<Result> {
    const tracked: Promise<unknown> = work.catch(() => {}).finally(() =>
      this.#work.delete(tracked)
    );
    this.#work.add(tracked);
    return work;
  }
}
