/**
 * Takes snapshots of a leader: writes them aside and, when they are whole, offers them to the consensus.
 *
 * @module
 */
import { SnapshotsUnsupportedError, StorageError, TransportError } from "../model/errors.ts";
import type { ServerId } from "../model/configuration.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { SnapshotMeta, SnapshotPoint } from "../model/snapshot.ts";
import type { Logger } from "../ports/logger.ts";
import type { SnapshotSource, SnapshotStore } from "../ports/snapshot_store.ts";
import type { SnapshotHeader } from "../ports/transport.ts";
import type { SnapshotReceived } from "../consensus/input.ts";
import { copy, fillSink } from "./snapshots.ts";
import { discard } from "./streams.ts";

/** What a {@linkcode SnapshotReceiver} needs of its node. */
export interface SnapshotReceiverHost {
  /** The node's term. */
  term(): Term;
  /** The last entry known to be committed. */
  commitIndex(): Index;
  /** Whether a leader is of another cluster. */
  isOfOtherCluster(leader: ServerId): boolean;
  /** Takes an input to the consensus. */
  input(input: SnapshotReceived): void;
}

/** What a {@linkcode SnapshotReceiver} works with. */
export interface SnapshotReceiverOptions {
  /** Its node. */
  readonly host: SnapshotReceiverHost;
  /** Where snapshots are kept; without, all are refused. */
  readonly store: SnapshotStore | undefined;
  /** Where logs go. */
  readonly logger: Logger;
  /** Hears of every snapshot that was received. */
  readonly stored: (meta: SnapshotMeta) => void;
}

/** A snapshot on its way here. */
interface Receiving {
  readonly term: Term;
  readonly abort: AbortController;
  done: Promise<void>;
}

/** See the module's description. */
export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions;
  readonly #open = new Set<Receiving>();
  /** The one that is wanted; others are being given up. */
  #current: Receiving | undefined;
  /** Received and offered to the consensus at this moment; open, so that no newer one makes its store remove it. */
  #offered: SnapshotSource | undefined;
  #stopReason: unknown;

  /** Nothing is on its way. */
  constructor(options: SnapshotReceiverOptions) {
    this.#options = options;
  }

  /** See `TransportHandler.receiveSnapshot`. */
  receive(from: ServerId, header: SnapshotHeader, data: AsyncIterable<Uint8Array>): Promise<void> {
    const problem = this.#problem(from, header);
    if (problem !== undefined) {
      discard(data);
      return Promise.reject(problem);
    }
    if (header.lastIncludedIndex <= this.#options.host.commitIndex()) {
      // There already: the leader may go on with what follows.
      discard(data);
      this.#offer(from, header);
      return Promise.resolve();
    }
    // The same leader begins anew when its connection is lost, and this end may not know of that yet.
    this.#current?.abort.abort(new TransportError("a later snapshot is on its way"));
    const receiving: Receiving = {
      term: header.term,
      abort: new AbortController(),
      done: Promise.resolve(),
    };
    this.#current = receiving;
    this.#open.add(receiving);
    const work = this.#receive(from, header, data, receiving.abort.signal).finally(() => {
      this.#open.delete(receiving);
      if (this.#current === receiving) this.#current = undefined;
    });
    receiving.done = work.catch(() => {});
    return work;
  }

  /** Takes the snapshot that an `installSnapshot` effect speaks of: in the step in which it is offered. */
  takeOffered(point: SnapshotPoint): SnapshotSource {
    const source = this.#offered;
    this.#offered = undefined;
    if (source?.meta.lastIncludedIndex !== point.lastIncludedIndex) {
      throw new StorageError(`the snapshot up to entry ${point.lastIncludedIndex} is not there`);
    }
    return source;
  }

  /** Stops everything because of `reason`, and waits for it to end. */
  async stop(reason: unknown): Promise<void> {
    this.#stopReason = reason;
    for (const { abort } of this.#open) abort.abort(reason);
    await Promise.all([...this.#open].map(({ done }) => done));
  }

  #problem(from: ServerId, { term }: SnapshotHeader): unknown {
    const { host, store } = this.#options;
    if (this.#stopReason !== undefined) return this.#stopReason;
    // Once stored, it would be what the node begins with when it starts again.
    if (host.isOfOtherCluster(from)) {
      return new TransportError("this node is the only voter of another cluster");
    }
    if (store === undefined) return new SnapshotsUnsupportedError();
    if (term < host.term()) {
      return new TransportError(`the sender's term ${term} is over; it is ${host.term()}`);
    }
    return this.#current !== undefined && this.#current.term > term
      ? new TransportError(`a snapshot of term ${this.#current.term} is on its way here`)
      : undefined;
  }

  async #receive(
    from: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const { logger, stored } = this.#options;
    const store = this.#options.store!;
    const { lastIncludedIndex, lastIncludedTerm, configuration } = header;
    const meta = await fillSink(await store.create(), logger, async (sink) => {
      const sizeBytes = await copy(data, sink, signal);
      if (sizeBytes !== header.sizeBytes) {
        throw new TransportError(
          `a snapshot of ${header.sizeBytes} bytes ended after ${sizeBytes}`,
        );
      }
      return { lastIncludedIndex, lastIncludedTerm, configuration };
    });
    stored(meta);
    logger.info("received snapshot {id} from {from}: {sizeBytes} bytes", {
      id: meta.id,
      from,
      sizeBytes: meta.sizeBytes,
    });
    this.#offered = await store.open(meta.id);
    try {
      this.#offer(from, header);
    } finally {
      // Not wanted after all: what it contains has come by the log meanwhile.
      const unwanted = this.#offered;
      this.#offered = undefined;
      await unwanted?.close();
    }
  }

  #offer(
    from: ServerId,
    { term, lastIncludedIndex, lastIncludedTerm, configuration }: SnapshotHeader,
  ): void {
    const { host } = this.#options;
    const point = { lastIncludedIndex, lastIncludedTerm, configuration };
    host.input({ type: "snapshotReceived", from, term, ...point });
  }
}
