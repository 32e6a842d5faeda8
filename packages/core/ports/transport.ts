/**
 * The port to other nodes: messages out, messages in, and the news that a connection is gone.
 *
 * @module
 */
import type { ServerAddress, ServerId } from "../model/configuration.ts";
import type { Message } from "../model/message.ts";
import type { Term } from "../model/numbers.ts";
import type { SnapshotPoint } from "../model/snapshot.ts";

/** A node that messages can be sent to, and where. */
export interface Peer {
  /** Its name. */
  readonly id: ServerId;
  /** Where it listens. */
  readonly address: ServerAddress;
}

/** What is said before a snapshot's data. */
export interface SnapshotHeader extends SnapshotPoint {
  /** The leader's term. */
  readonly term: Term;
  /** Bytes of data that follow. */
  readonly sizeBytes: number;
}

/**
 * What a transport tells its node, from `start` until `close` is called. Calls are synchronous, never re-entrant into `send`'s
 * caller, and must not throw.
 */
export interface TransportHandler {
  /** `messages` (at least one) arrived from `from`, in this order. Those that arrive together are handed over together. Their entries are kept: the memory is not used again. */
  receive(from: ServerId, messages: readonly Message[]): void;
  /**
   * A leader sends a snapshot. The promise resolves when this node has it and no longer needs the sender, and rejects with
   * the reason in its message if it does not want it or cannot store it; the sender hears of either. `data` are exactly
   * `header.sizeBytes` bytes, or end with an error: if the sender stops, its source fails or has another size, the connection
   * is lost, what arrives is damaged, or this node closes. They need not be read to their end.
   */
  receiveSnapshot(
    from: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ): Promise<void>;
  /** The connection from or to `peer` is gone, so that messages to or from it may be lost. */
  disconnected(peer: ServerId): void;
}

/**
 * Carries messages between nodes. It may lose, repeat and reorder them; it never alters them. The consensus is right in any case,
 * and quick where nothing of the kind happens: with connections, messages keep their order as long as one holds.
 * `transportConformance` of `@coracle/testing` finds out whether an implementation keeps what is promised here.
 */
export interface Transport {
  /** Where this node listens, as its peers should know it. */
  readonly localAddress: ServerAddress;
  /** Starts handing over what arrives. Called once. */
  start(handler: TransportHandler): void;
  /**
   * The other members, to stay connected with; connections to all others may be given up. Called whenever the
   * configuration changes: a peer that stays where it is keeps its connection, one with another address is reached there. Messages are taken from any node that introduces itself, member or not.
   */
  setPeers(peers: readonly Peer[]): void;
  /**
   * Takes `message` for the node `to` and returns at once. What is sent in one turn of the event loop may leave in one
   * packet. A node that is not among the peers is reached at the address with which it introduced itself: a new node
   * must be able to answer a leader before it knows any configuration. If the outbox is full, or the node cannot be
   * reached or its address is not known, the message is dropped: consensus repeats what matters. Never throws.
   */
  send(to: ServerId, message: Message): void;
  /**
   * Sends a snapshot to the node `to`, as a stream on a connection of its own, so that messages do not wait for it. Reads
   * `data` only as fast as the peer takes it, and lets go of them whatever happens. Resolves when the peer says that it has taken
   * it; rejects with a `TransportError` if it refuses (the message has its reason), the connection breaks or makes no progress,
   * `data` fail or are not of `header.sizeBytes`, nobody knows where the node is, or `signal` fires.
   */
  sendSnapshot(
    to: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Closes every connection and stops listening: its address is free when the promise has resolved. From the call on the handler
   * hears nothing, `send` drops everything, and snapshots end with a `TransportError`. Idempotent.
   */
  close(): Promise<void>;
}
