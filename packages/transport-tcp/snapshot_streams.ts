/**
 * All snapshots that are on their way, from this node and to it: how many there may be, and what is said of them.
 *
 * @module
 */
import { type Peer, type ServerId, type SnapshotHeader, TransportError } from "@coracle/core";
import type { TcpTransportConfig } from "./config.ts";
import type { Session } from "./incoming.ts";
import { IncomingSnapshot } from "./incoming_snapshot.ts";
import type { Identity } from "./negotiation.ts";
import { OutgoingSnapshot } from "./outgoing_snapshot.ts";
import type { QuietLog } from "./quiet_log.ts";
import type { Verdict } from "./snapshot_codec.ts";
import type { PeerCounters } from "./stats.ts";
import type { Stream } from "./stream_layer.ts";

/** What {@linkcode SnapshotStreams} needs to know, and whom it tells. */
export interface SnapshotStreamsContext {
  /** This node. */
  readonly identity: Identity;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
  /** For what may happen often. */
  readonly quietLog: QuietLog;
  /** Where to count. */
  counters(peer: ServerId): PeerCounters;
  /** Called when one that went to `peer` or came from it has ended. */
  ended(peer: ServerId): void;
  /** See `TransportHandler.receiveSnapshot`. */
  receive(
    from: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ): Promise<void>;
}

/** At most one snapshot goes to each peer and comes from it, and there is a limit for all of them each way. */
export class SnapshotStreams {
  readonly #context: SnapshotStreamsContext;
  readonly #sending = new Map<ServerId, OutgoingSnapshot>();
  /** Those that the node has not done with; their connections may have ended. */
  readonly #receiving = new Set<IncomingSnapshot>();
  /** The last one from each peer, while it is among these. */
  readonly #latest = new Map<ServerId, IncomingSnapshot>();
  #closed = false;

  constructor(context: SnapshotStreamsContext) {
    this.#context = context;
  }

  /** How many go out. */
  get sendingCount(): number {
    return this.#sending.size;
  }

  /** How many come in. */
  get receivingCount(): number {
    return this.#receiving.size;
  }

  /** The peers that they go to or come from. */
  get peers(): Set<ServerId> {
    return new Set([...this.#sending.keys(), ...this.#latest.keys()]);
  }

  /** See `Transport.sendSnapshot`. */
  async send(
    peer: Peer,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const { config, ended } = this.#context;
    const { id } = peer;
    if (this.#sending.has(id)) {
      throw new TransportError(`a snapshot is on its way to ${id} already`);
    }
    if (this.#sending.size >= config.snapshotConnectionsMax) {
      throw new TransportError(
        `no snapshot can go to ${id}: there go ${config.snapshotConnectionsMax} to others`,
      );
    }
    const counters = this.#context.counters(id);
    const snapshot = new OutgoingSnapshot({ ...this.#context, peer, counters }, header, data);
    this.#sending.set(id, snapshot);
    try {
      await snapshot.run(signal);
    } finally {
      this.#sending.delete(id);
      ended(id);
    }
  }

  /** `from` has connected to send a snapshot. If it was sending one before, it has given that up. */
  accept(from: ServerId, stream: Stream): Session {
    const { config, counters, receive } = this.#context;
    const snapshot = new IncomingSnapshot(stream, {
      from,
      config,
      counters: counters(from),
      receive: (header, data) => receive(from, header, data),
    });
    this.#latest.get(from)?.close("the peer sends another one");
    if (this.#receiving.size >= config.snapshotConnectionsMax) {
      snapshot.refuse(`there come ${config.snapshotConnectionsMax} snapshots already`);
    }
    this.#receiving.add(snapshot);
    this.#latest.set(from, snapshot);
    snapshot.decided.then((verdict) => this.#log(from, stream.remoteAddress, verdict));
    snapshot.finished.then(() => this.#finished(from, snapshot));
    return snapshot;
  }

  /** Called at every keep-alive interval. Those that come in hear of it from their connections. */
  tick(): void {
    for (const snapshot of this.#sending.values()) snapshot.tick();
  }

  /** Gives up those that go out. Those that come in end with their connections; nothing is said of them any more. */
  close(reason: string): void {
    this.#closed = true;
    for (const snapshot of this.#sending.values()) snapshot.close(reason);
  }

  #finished(from: ServerId, snapshot: IncomingSnapshot): void {
    this.#receiving.delete(snapshot);
    if (this.#latest.get(from) !== snapshot) return;
    this.#latest.delete(from);
    this.#context.ended(from);
  }

  #log(peer: ServerId, remote: string, verdict: Verdict): void {
    if (this.#closed || verdict.type === "accepted") return;
    const { reason } = verdict;
    this.#context.quietLog.warn(
      // How far it came differs each time.
      `snapshot ${peer} ${reason.replaceAll(/\d+/g, "")}`,
      "the snapshot from {peer} at {remote} is not taken: {reason}",
      { peer, remote, reason },
    );
  }
}
