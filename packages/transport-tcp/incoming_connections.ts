/**
 * All connections that others have dialled: how many there may be, which one carries a peer's messages, and what is said when one
 * begins, ends or is turned away.
 *
 * @module
 */
import type { Message, ServerId } from "@coracle/core";
import type { TcpTransportConfig } from "./config.ts";
import { type Hello, PURPOSE_MESSAGES, PURPOSE_SNAPSHOT } from "./handshake.ts";
import { IncomingConnection, type Session } from "./incoming.ts";
import { IncomingMessages } from "./incoming_messages.ts";
import type { TransportMeter } from "./metrics.ts";
import type { Identity } from "./negotiation.ts";
import type { QuietLog } from "./quiet_log.ts";
import type { PeerCounters } from "./stats.ts";
import type { Stream } from "./stream_layer.ts";

/** What {@linkcode IncomingConnections} need to know, and whom they tell. */
export interface IncomingConnectionsContext {
  /** Who is dialled. */
  readonly identity: Identity;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
  /** Says what may happen again and again. */
  readonly quietLog: QuietLog;
  /** What measures the transport, if anything does. */
  readonly meter: TransportMeter | undefined;
  /** What is counted of a peer. */
  counters(id: ServerId): PeerCounters;
  /** Messages have arrived. */
  receive(from: ServerId, messages: readonly Message[]): void;
  /** A peer has dialled to send a snapshot. */
  snapshot(from: ServerId, stream: Stream): Session;
  /** A peer has dialled to send its messages. */
  met(hello: Hello): void;
  /** The connection for a peer's messages has ended. */
  ended(from: ServerId): void;
  /** Keeps `task` from being forgotten. */
  spawn(task: Promise<void>): void;
}

/** See the module's description. */
export class IncomingConnections {
  readonly #context: IncomingConnectionsContext;
  /** Those in the handshake included. */
  readonly #all = new Set<IncomingConnection>();
  /** The connection for messages from each peer. */
  readonly #ofPeer = new Map<ServerId, IncomingConnection>();
  #rejected = 0;
  #isClosed = false;

  /** Nobody has dialled yet. */
  constructor(context: IncomingConnectionsContext) {
    this.#context = context;
  }

  /** How many there are, those in the handshake included. */
  get size(): number {
    return this.#all.size;
  }

  /** How many were turned away, or ended in the handshake. */
  get rejected(): number {
    return this.#rejected;
  }

  /** The peers whose messages come in. */
  get peers(): Iterable<ServerId> {
    return this.#ofPeer.keys();
  }

  /** Whether messages of `id` come in. */
  has(id: ServerId): boolean {
    return this.#ofPeer.has(id);
  }

  /** What `id` said when it dialled to send its messages. */
  helloOf(id: ServerId): Hello | undefined {
    return this.#ofPeer.get(id)?.hello;
  }

  /** Somebody has dialled. */
  accept(stream: Stream): void {
    const { config, identity, spawn } = this.#context;
    const max = config.incomingConnectionsMax;
    if (this.#isClosed) return stream.close();
    if (this.#all.size >= max) {
      stream.close();
      return this.#reject(stream.remoteAddress, `there are ${max} connections already`);
    }
    const connection = new IncomingConnection(stream, {
      identity,
      config,
      accepted: (one, hello, stream) => this.#accepted(one, hello, stream),
    });
    spawn(this.#serve(connection));
  }

  /** Called at every keep-alive interval. */
  tick(): void {
    for (const connection of this.#all) connection.tick();
  }

  /** Takes no more, and ends those that carry no messages. */
  closeOthers(reason: string): void {
    this.#isClosed = true;
    for (const connection of this.#all) {
      if (connection.hello?.purpose !== PURPOSE_MESSAGES) connection.close(reason);
    }
  }

  /** Ends all. */
  close(reason: string): void {
    this.#isClosed = true;
    for (const connection of this.#all) connection.close(reason);
  }

  async #serve(connection: IncomingConnection): Promise<void> {
    this.#all.add(connection);
    try {
      const { established, reason } = await connection.run();
      if (this.#isClosed) return;
      if (!established) return this.#reject(connection.remoteAddress, reason);
      const { from, purpose } = connection.hello!;
      if (purpose === PURPOSE_MESSAGES) this.#logLoss(from, connection.remoteAddress, reason);
    } finally {
      this.#all.delete(connection);
      const { hello } = connection;
      if (hello?.purpose === PURPOSE_MESSAGES) this.#ended(hello.from, connection);
    }
  }

  #accepted(connection: IncomingConnection, hello: Hello, stream: Stream): Session {
    const { config, meter, counters, receive, snapshot } = this.#context;
    const { from } = hello;
    if (hello.purpose === PURPOSE_SNAPSHOT) return snapshot(from, stream);
    this.#acceptedMessages(connection, hello);
    return new IncomingMessages(stream, {
      from,
      config,
      counters: counters(from),
      meter,
      receive,
      close: (reason) => connection.close(reason),
    });
  }

  /** A peer has one connection for messages to this node. If it makes another, it has given up the one before, or has been restarted. */
  #acceptedMessages(connection: IncomingConnection, hello: Hello): void {
    const { quietLog, config, met } = this.#context;
    const { from, incarnation } = hello;
    const before = this.#ofPeer.get(from);
    if (before !== undefined && !before.closing && before.hello?.incarnation !== incarnation) {
      quietLog.warn(
        `twice ${from}`,
        "{peer} connects from {remote} while a connection from {before} is open: it was restarted, " +
          "or two processes use this id",
        { peer: from, remote: connection.remoteAddress, before: before.remoteAddress },
      );
    }
    before?.close("the peer has connected again");
    this.#ofPeer.set(from, connection);
    met(hello);
    config.logger.info("connected from {peer} at {remote}", {
      peer: from,
      remote: connection.remoteAddress,
    });
  }

  #ended(from: ServerId, connection: IncomingConnection): void {
    if (this.#ofPeer.get(from) === connection) this.#ofPeer.delete(from);
    this.#context.ended(from);
  }

  #logLoss(peer: ServerId, remote: string, reason: string): void {
    this.#context.quietLog.warn(
      `from ${peer} ${reason}`,
      "lost the connection from {peer} at {remote}: {reason}",
      { peer, remote, reason },
    );
  }

  #reject(remoteAddress: string, reason: string): void {
    this.#rejected += 1;
    // The port differs each time that somebody tries again.
    const host = remoteAddress.slice(0, remoteAddress.lastIndexOf(":"));
    this.#context.quietLog.warn(
      `reject ${host} ${reason}`,
      "rejected a connection from {remote}: {reason}",
      { remote: remoteAddress, reason },
    );
  }
}
