/**
 * A node's place on a network in memory.
 *
 * @module
 */
import {
  type Message,
  type Peer,
  type ServerAddress,
  type ServerId,
  type SnapshotHeader,
  type Transport,
  TransportError,
  type TransportHandler,
} from "@coracle/core";

/** One node's {@linkcode Transport}, made by {@linkcode MemoryNetwork.transport}. A message to a node whose address it does not know is lost. */
export interface MemoryTransport extends Transport {
  /** The node. */
  readonly id: ServerId;
}

/** What a {@linkcode Station} asks of its network. */
export interface Wire {
  /** Carries a message. */
  carry(from: Station, toId: ServerId, to: ServerAddress | undefined, message: Message): void;
  /** Carries a snapshot. */
  stream(
    from: Station,
    toId: ServerId,
    to: ServerAddress | undefined,
    parcel: Parcel,
  ): Promise<void>;
  /** The station closes. */
  leave(station: Station): void;
}

/** A snapshot that is sent. */
export interface Parcel {
  /** What is said before the data. */
  readonly header: SnapshotHeader;
  /** The data. */
  readonly data: AsyncIterable<Uint8Array>;
  /** The sender's wish to stop. */
  readonly signal: AbortSignal;
}

/** A node's place on the network. */
export class Station implements MemoryTransport {
  readonly #wire: Wire;
  #handler: TransportHandler | undefined;
  #isClosed = false;
  #peers = new Map<ServerId, ServerAddress>();
  /** Nodes that are not peers but have sent something. */
  readonly #introduced = new Map<ServerId, ServerAddress>();

  /** A node that is not started. */
  constructor(wire: Wire, readonly id: ServerId, readonly localAddress: ServerAddress) {
    this.#wire = wire;
  }

  /** See {@linkcode Transport.start}. */
  start(handler: TransportHandler): void {
    if (this.#handler !== undefined) throw new Error("a transport is started once");
    this.#handler = handler;
  }

  /** See {@linkcode Transport.setPeers}. */
  setPeers(peers: readonly Peer[]): void {
    this.#peers = new Map(peers.map(({ id, address }) => [id, address]));
  }

  /** See {@linkcode Transport.send}. */
  send(to: ServerId, message: Message): void {
    if (this.#isClosed) return;
    this.#wire.carry(this, to, this.#addressOf(to), message);
  }

  /** See {@linkcode Transport.sendSnapshot}. */
  sendSnapshot(
    to: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#isClosed) return Promise.reject(new TransportError("the transport is closed"));
    return this.#wire.stream(this, to, this.#addressOf(to), { header, data, signal });
  }

  /** See {@linkcode Transport.close}. */
  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#wire.leave(this);
    }
    return Promise.resolve();
  }

  /** Sends and takes nothing any more. */
  fallSilent(): void {
    this.#isClosed = true;
  }

  /** Whether a connection with `id` may exist. */
  isConnectedWith(id: ServerId): boolean {
    return this.#peers.has(id) || this.#introduced.has(id);
  }

  /** Hands over what arrived for `to`; returns whether this is that node and it is started. */
  hand(to: ServerId, from: Station, messages: readonly Message[]): boolean {
    if (this.id !== to || this.#isClosed || this.#handler === undefined) return false;
    this.#introduced.set(from.id, from.localAddress);
    this.#handler.receive(from.id, messages);
    return true;
  }

  /** Hands over a snapshot for `to`. Rejects with the reason if this is not that node, or it does not want it. */
  async handSnapshot(
    to: ServerId,
    from: Station,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    if (this.id !== to || this.#isClosed || this.#handler === undefined) {
      throw new TransportError(`${to} does not listen on ${this.localAddress}`);
    }
    this.#introduced.set(from.id, from.localAddress);
    try {
      await this.#handler.receiveSnapshot(from.id, header, data);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : cause;
      throw new TransportError(`${to} refused the snapshot: ${reason}`, { cause });
    }
  }

  /** Tells the node that a connection is lost. */
  tellDisconnected(peer: ServerId): void {
    if (!this.#isClosed) this.#handler?.disconnected(peer);
  }

  #addressOf(id: ServerId): ServerAddress | undefined {
    return this.#peers.get(id) ?? this.#introduced.get(id);
  }
}
