/**
 * Sends the newest snapshot to followers whose entries are no longer in the log: one stream for each of them.
 *
 * @module
 */
import { SnapshotsUnsupportedError } from "../model/errors.ts";
import type { RaftConfig } from "../model/config.ts";
import { type Configuration, findServer, type ServerId } from "../model/configuration.ts";
import { type Index, NO_INDEX, type Term } from "../model/numbers.ts";
import type { CancelTimer, Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { SnapshotStore } from "../ports/snapshot_store.ts";
import type { Transport } from "../ports/transport.ts";
import type { SnapshotSent } from "../consensus/input.ts";
import type { Meter } from "./meter.ts";

/** What a {@linkcode SnapshotSender} needs of its node. */
export interface SnapshotSenderHost {
  /** The settings of this moment. */
  config(): RaftConfig;
  /** The node's term. */
  term(): Term;
  /** The members. */
  members(): Configuration;
  /** Takes an input to the consensus. */
  input(input: SnapshotSent): void;
}

/** What a {@linkcode SnapshotSender} works with. */
export interface SnapshotSenderOptions {
  /** Its node. */
  readonly host: SnapshotSenderHost;
  /** Where snapshots are kept. */
  readonly store: SnapshotStore | undefined;
  /** The way to the peers. */
  readonly transport: Transport;
  /** Time. */
  readonly clock: Clock;
  /** Where logs go. */
  readonly logger: Logger;
  /** A snapshot need not be kept for a follower any more. */
  readonly ended: () => void;
  /** What measures them, if anything does. */
  readonly meter?: Meter | undefined;
}

/** A snapshot on its way to one follower. */
interface Sending {
  readonly term: Term;
  readonly abort: AbortController;
  /** What it contains, and nothing of what follows: that has to be in the log when it has arrived. */
  lastIncludedIndex: Index | undefined;
  /** The later term in which the same node asked for it again. */
  nextTerm: Term | undefined;
  done: Promise<void>;
}

/** See the module's description. */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  readonly #sending = new Map<ServerId, Sending>();
  #isStopped = false;

  /** Nothing is sent yet. */
  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
  }

  /** The last entry that all followers have which wait for a snapshot to arrive; `Infinity` if there are none. */
  get neededAfter(): number {
    let least = Infinity;
    for (const { lastIncludedIndex } of this.#sending.values()) {
      if (lastIncludedIndex !== undefined) least = Math.min(least, lastIncludedIndex);
    }
    return least;
  }

  /** Sends the newest snapshot to a follower; how that ended becomes an input. One that is removed and only has to hear of that gets none. */
  send(to: ServerId, term: Term): void {
    if (this.#isStopped) return;
    const present = this.#sending.get(to);
    if (present !== undefined) {
      // One of this term will report. One of an earlier term makes room first.
      if (present.term !== term) present.nextTerm = term;
      return;
    }
    const sending: Sending = {
      term,
      abort: new AbortController(),
      lastIncludedIndex: undefined,
      nextTerm: undefined,
      done: Promise.resolve(),
    };
    this.#sending.set(to, sending);
    sending.done = this.#run(to, sending);
  }

  /** This node leads no longer: what it is sending is stale. */
  abandon(reason: unknown = new Error("leadership is lost")): void {
    for (const sending of this.#sending.values()) {
      sending.nextTerm = undefined;
      sending.abort.abort(reason);
    }
  }

  /** Other members: sends on only to them. */
  membersChanged(): void {
    const members = this.#options.host.members();
    for (const [id, { abort }] of this.#sending) {
      if (findServer(members, id) === undefined) {
        abort.abort(new Error(`${id} is no longer a member`));
      }
    }
  }

  /** Stops everything because of `reason`, and waits for it to end. */
  async stop(reason: unknown): Promise<void> {
    this.#isStopped = true;
    const open = [...this.#sending.values()];
    this.abandon(reason);
    await Promise.all(open.map(({ done }) => done));
  }

  async #run(to: ServerId, sending: Sending): Promise<void> {
    const { host, ended } = this.#options;
    const arrived = await this.#send(to, sending);
    if (!arrived) await this.#pause(sending.abort.signal);
    const { lastIncludedIndex = NO_INDEX, term, nextTerm } = sending;
    this.#sending.delete(to);
    if (host.term() === term) {
      host.input({ type: "snapshotSent", peer: to, lastIncludedIndex, arrived });
    }
    if (nextTerm !== undefined && host.term() === nextTerm) this.send(to, nextTerm);
    ended();
  }

  async #send(to: ServerId, sending: Sending): Promise<boolean> {
    const { store, transport, logger, host, meter } = this.#options;
    const { signal } = sending.abort;
    if (findServer(host.members(), to) === undefined) return false;
    try {
      const latest = store?.list()[0];
      if (store === undefined || latest === undefined) throw new SnapshotsUnsupportedError();
      sending.lastIncludedIndex = latest.lastIncludedIndex;
      await using source = await store.open(latest.id);
      const { lastIncludedIndex, lastIncludedTerm, configuration, sizeBytes, id } = source.meta;
      logger.info("sends snapshot {id} to {to}: {sizeBytes} bytes", { id, to, sizeBytes });
      const header = {
        term: sending.term,
        lastIncludedIndex,
        lastIncludedTerm,
        configuration,
        sizeBytes,
      };
      signal.throwIfAborted();
      const arrived = meter?.time("replication.installSnapshot", meter.peerLabels(to));
      await transport.sendSnapshot(to, header, source.read(), signal);
      arrived?.();
      return true;
    } catch (error) {
      if (!signal.aborted) {
        logger.warn("the snapshot for {to} did not arrive: {error}", { to, error });
      }
      return false;
    }
  }

  /** A follower that refuses must not be asked as fast as it can refuse. */
  #pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const { heartbeatTimeoutMs } = this.#options.host.config();
      const cancel: CancelTimer = this.#options.clock.setTimer(heartbeatTimeoutMs, end);
      signal.addEventListener("abort", end);
    });
  }
}
