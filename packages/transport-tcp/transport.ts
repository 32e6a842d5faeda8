/**
 * Messages over TCP: one connection each way for each peer, dialled by the side that sends. Snapshots: one connection each.
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
import { Acceptor } from "./acceptor.ts";
import { formatAddress } from "./address.ts";
import { resolveConfig, type TcpTransportConfig, type TcpTransportOptions } from "./config.ts";
import { describeError } from "./describe_error.ts";
import type { Hello } from "./handshake.ts";
import { IncomingConnections } from "./incoming_connections.ts";
import { drainLinks, Link, type LinkContext } from "./link.ts";
import { TransportMeter } from "./metrics.ts";
import type { Identity } from "./negotiation.ts";
import { QuietLog } from "./quiet_log.ts";
import { SnapshotStreams } from "./snapshot_streams.ts";
import { PeerCounters, type PeerStats, type TransportStats } from "./stats.ts";
import type { StreamListener } from "./stream_layer.ts";

/**
 * Carries messages between nodes over TCP.
 *
 * Every node dials its peers and sends its own messages on these connections; what its peers send comes in on
 * those that they have dialled. Messages of one connection arrive in the order in which they were sent, and none
 * twice. A message may be lost when a connection is, or when the peer cannot be reached or does not keep up.
 *
 * Each snapshot has a connection of its own, dialled for it.
 */
export class TcpTransport implements Transport {
  /** Where this node can be dialled. */
  readonly localAddress: ServerAddress;

  readonly #config: TcpTransportConfig;
  readonly #identity: Identity;
  readonly #acceptor: Acceptor;
  readonly #quietLog: QuietLog;
  readonly #meter: TransportMeter | undefined;
  readonly #tasks = new Set<Promise<void>>();

  readonly #snapshots: SnapshotStreams;
  readonly #links = new Map<ServerId, Link>();
  /** The peers that were given to `setPeers`: their links stay, however little is sent. */
  #members: ReadonlySet<ServerId> = new Set();
  readonly #incoming: IncomingConnections;
  /** Where clients reach the peers, as these have said. */
  readonly #clientAddresses = new Map<ServerId, string>();
  readonly #counters = new Map<ServerId, PeerCounters>();
  #unaddressedMessages = 0;

  #handler: TransportHandler | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  private constructor(config: TcpTransportConfig, listener: StreamListener) {
    const { hostname, port } = config.advertise;
    this.#config = config;
    this.localAddress = formatAddress({
      hostname,
      port: port === 0 ? listener.address.port : port,
    });
    this.#identity = {
      id: config.id,
      clusterId: config.clusterId,
      address: this.localAddress,
      clientAddress: config.clientAddress,
      incarnation: Math.floor(Math.random() * Number.MAX_SAFE_INTEGER),
      frameSizeMaxBytes: config.frameSizeMaxBytes,
    };
    this.#quietLog = new QuietLog(config.logger);
    this.#meter = config.metrics && new TransportMeter(config.metrics);
    this.#acceptor = new Acceptor(listener, {
      accepted: (stream) => this.#incoming.accept(stream),
      failed: (reason) => this.#acceptFailed(reason),
    });
    this.#snapshots = new SnapshotStreams({
      identity: this.#identity,
      config,
      quietLog: this.#quietLog,
      counters: (id) => this.#countersOf(id),
      ended: (id) => this.#forgetCounters(id),
      receive: (from, header, data) => this.#receiveSnapshot(from, header, data),
    });
    this.#incoming = new IncomingConnections({
      identity: this.#identity,
      config,
      quietLog: this.#quietLog,
      meter: this.#meter,
      counters: (id) => this.#countersOf(id),
      receive: (from, messages) => {
        if (!this.#closed) this.#handler?.receive(from, messages);
      },
      snapshot: (from, stream) => this.#snapshots.accept(from, stream),
      met: (hello) => this.#meet(hello),
      ended: (from) => {
        this.#forgetCounters(from);
        this.#disconnected(from);
      },
      spawn: (task) => this.#spawn(task),
    });
  }

  /**
   * Listens, so that the address is known and taken; connections are accepted and made from `start` on.
   *
   * Throws `InvalidConfigError` for options that cannot be, and `TransportError` if the address cannot be listened on
   * or is not one that a peer could dial.
   */
  static async listen(options: TcpTransportOptions): Promise<TcpTransport> {
    const config = resolveConfig(options);
    try {
      return new TcpTransport(config, await config.streamLayer.listen(config.listen));
    } catch (cause) {
      throw new TransportError(
        `cannot listen on ${options.listenAddress}: ${describeError(cause)}`,
        { cause },
      );
    }
  }

  /** See `Transport.start`. */
  start(handler: TransportHandler): void {
    if (this.#closed) return;
    if (this.#handler !== undefined) throw new TransportError("the transport is started already");
    this.#handler = handler;
    this.#ticker = setInterval(() => this.#tick(), this.#config.keepAliveIntervalMs);
    this.#spawn(this.#acceptor.run());
    for (const link of this.#links.values()) this.#spawn(link.run());
  }

  /**
   * See `Transport.setPeers`. This node itself may be among them and is left out. A node that is no longer
   * a peer keeps an established connection until nothing was sent on it for a while.
   */
  setPeers(peers: readonly Peer[]): void {
    if (this.#closed) return;
    const others = peers.filter(({ id }) => id !== this.#identity.id);
    this.#members = new Set(others.map(({ id }) => id));
    for (const id of this.#clientAddresses.keys()) {
      if (!this.#members.has(id)) this.#clientAddresses.delete(id);
    }
    for (const [id, link] of this.#links) {
      const connected = link.connectedSinceMs !== undefined;
      if (!connected && !this.#members.has(id)) this.#dropLink(link, "no longer a peer");
    }
    for (const peer of others) {
      const link = this.#links.get(peer.id);
      if (link?.peer.address === peer.address) continue;
      if (link !== undefined) this.#dropLink(link, `its address is ${peer.address} now`);
      this.#addLink(peer);
    }
  }

  /** See `Transport.send`. A node that is not a peer is dialled when something is sent to it. */
  send(to: ServerId, message: Message): void {
    if (this.#closed) return;
    const link = this.#links.get(to) ?? this.#linkToStranger(to);
    if (link !== undefined) return link.send(message);
    this.#unaddressedMessages += 1;
    this.#quietLog.warn(`nowhere ${to}`, "a message ({type}) to {peer} is dropped: {reason}", {
      peer: to,
      type: message.type,
      reason: to === this.#identity.id ? "it is this node" : "its address is not known",
    });
  }

  /**
   * See `Transport.sendSnapshot`. At most one snapshot at a time goes to each node, and only so many to all together; the
   * error says so. A node that is not a peer is dialled where it said that it can be.
   */
  async sendSnapshot(
    to: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const address = this.#links.get(to)?.peer.address ?? this.#incoming.helloOf(to)?.fromAddress;
    if (this.#closed) throw new TransportError("the transport is closed");
    if (this.#handler === undefined) throw new TransportError("the transport is not started");
    if (address === undefined) {
      throw new TransportError(`no snapshot can go to ${to}: its address is not known`);
    }
    const sending = this.#snapshots.send({ id: to, address }, header, data, signal);
    this.#spawn(sending.catch(() => {}));
    await sending;
  }

  /** Where clients reach `id`, as that has said when it connected last; `undefined` if it has not, or is no peer. */
  clientAddressOf(id: ServerId): string | undefined {
    const said = id === this.#identity.id
      ? this.#identity.clientAddress
      : this.#incoming.helloOf(id)?.clientAddress ?? this.#clientAddresses.get(id);
    return said === "" ? undefined : said;
  }

  /** What was sent, received and dropped, and who is connected. */
  stats(): TransportStats {
    const ids = new Set([
      ...this.#links.keys(),
      ...this.#incoming.peers,
      ...this.#snapshots.peers,
    ]);
    return {
      peers: [...ids].map((id) => this.#peerStats(id)),
      incomingConnections: this.#incoming.size,
      rejectedConnections: this.#incoming.rejected,
      unaddressedMessages: this.#unaddressedMessages,
      sendingSnapshots: this.#snapshots.sendingCount,
      receivingSnapshots: this.#snapshots.receivingCount,
    };
  }

  /**
   * See `Transport.close`. The handler hears nothing any more from the moment of the call. What was sent before it has a
   * tenth of a second to leave.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#ticker);
    this.#acceptor.close();
    const reason = "the transport is closed";
    this.#snapshots.close(reason);
    // Connections for messages stay a little: a peer that loses one may think that this node is gone, before it has heard
    // what this node says last.
    this.#incoming.closeOthers(reason);
    const waiting: Link[] = [];
    for (const link of this.#links.values()) {
      if (link.outboxSizeBytes === 0) link.close(reason);
      else waiting.push(link);
    }
    if (waiting.length > 0) await drainLinks(waiting);
    for (const link of this.#links.values()) link.close(reason);
    this.#incoming.close(reason);
    while (this.#tasks.size > 0) await Promise.allSettled(this.#tasks);
    this.#meter?.emit(this.stats());
  }

  #linkToStranger(id: ServerId): Link | undefined {
    const address = this.#incoming.helloOf(id)?.fromAddress;
    if (address === undefined) return undefined;
    this.#makeRoomForStranger();
    return this.#addLink({ id, address });
  }

  /** Who dials under ever new names must not make this node dial without end. */
  #makeRoomForStranger(): void {
    const strangers = [...this.#links.values()].filter(({ peer }) => !this.#members.has(peer.id));
    const max = this.#config.incomingConnectionsMax;
    if (strangers.length < max) return;
    const idlest = strangers.reduce((one, other) => other.idleTicks > one.idleTicks ? other : one);
    this.#dropLink(idlest, `there are ${max} to others that are no peers`);
  }

  #addLink(peer: Peer): Link {
    const link = new Link(peer, this.#countersOf(peer.id), this.#linkContext);
    this.#links.set(peer.id, link);
    if (this.#handler !== undefined) this.#spawn(link.run());
    return link;
  }

  #dropLink(link: Link, reason: string): void {
    this.#links.delete(link.peer.id);
    link.close(reason);
    this.#forgetCounters(link.peer.id);
  }

  #acceptFailed(reason: string): void {
    this.#quietLog.warn(`accept ${reason}`, "cannot accept connections: {reason}", { reason });
  }

  /** A peer that connects is evidently up; and if it is not a member, nobody knows better than itself where. */
  #meet({ from, fromAddress, clientAddress }: Hello): void {
    if (this.#members.has(from)) this.#clientAddresses.set(from, clientAddress);
    const link = this.#links.get(from);
    if (link === undefined) return;
    if (this.#members.has(from) || link.peer.address === fromAddress) return link.wake();
    this.#dropLink(link, `its address is ${fromAddress} now`);
  }

  async #receiveSnapshot(
    from: ServerId,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const handler = this.#handler;
    if (this.#closed || handler === undefined) throw new TransportError("the transport is closed");
    await handler.receiveSnapshot(from, header, data);
  }

  #disconnected(peer: ServerId): void {
    if (!this.#closed) this.#handler?.disconnected(peer);
  }

  #tick(): void {
    const { idleTimeoutMs, keepAliveIntervalMs } = this.#config;
    // Before the keep-alives, which are not what an outbox is watched for.
    this.#meter?.emit(this.stats());
    this.#incoming.tick();
    this.#snapshots.tick();
    for (const [id, link] of this.#links) {
      link.tick();
      const idleMs = link.idleTicks * keepAliveIntervalMs;
      if (idleMs > idleTimeoutMs && !this.#members.has(id)) this.#dropLink(link, "idle");
    }
  }

  /** `task` must not reject except for a bug, which then ends the process as an unhandled rejection. */
  #spawn(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  #countersOf(id: ServerId): PeerCounters {
    const known = this.#counters.get(id);
    if (known !== undefined) return known;
    const counters = new PeerCounters();
    this.#counters.set(id, counters);
    return counters;
  }

  #forgetCounters(id: ServerId): void {
    const { peers } = this.#snapshots;
    if (this.#links.has(id) || this.#incoming.has(id) || peers.has(id)) return;
    this.#meter?.forget(this.#peerStats(id));
    this.#counters.delete(id);
  }

  #peerStats(id: ServerId): PeerStats {
    const link = this.#links.get(id);
    return this.#countersOf(id).stats({
      id,
      address: link?.peer.address ?? this.#incoming.helloOf(id)?.fromAddress,
      connectedSinceMs: link?.connectedSinceMs,
      incoming: this.#incoming.has(id),
      outboxSizeBytes: link?.outboxSizeBytes ?? 0,
    });
  }

  get #linkContext(): LinkContext {
    return {
      identity: this.#identity,
      config: this.#config,
      logger: this.#config.logger,
      quietLog: this.#quietLog,
      disconnected: (peer) => this.#disconnected(peer),
    };
  }
}
