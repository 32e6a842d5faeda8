/**
 * One connection that a peer has dialled, from its first byte: the handshake, and then what the peer said that it is for.
 *
 * @module
 */
import type { TcpTransportConfig } from "./config.ts";
import { describeError } from "./describe_error.ts";
import type { Hello } from "./handshake.ts";
import { admit, type Identity } from "./negotiation.ts";
import type { Ending } from "./outgoing.ts";
import type { Stream } from "./stream_layer.ts";

/** What a connection is used for after the handshake. */
export interface Session {
  /**
   * Goes on until there is no more to do; resolves to why, in words. An error of the connection or of the peer may be
   * thrown instead; {@linkcode NodeFailure} is no such error.
   */
  run(): Promise<string>;
  /** Called at every keep-alive interval. Ticks are counted, not time: while this process was stopped, none went by. */
  tick(): void;
  /** The connection is being closed; the stream is, right after this call. Called any number of times. */
  close(reason: string): void;
  /** Called after {@linkcode close}: resolves when no write and no timer is left. */
  settled(): Promise<void>;
}

/** Tells what the node threw (the cause) from what the peer did. */
export class NodeFailure extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "NodeFailure";
}

/** What an incoming connection needs to know, and whom it tells. */
export interface IncomingContext {
  /** Who was dialled. */
  readonly identity: Identity;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
  /** Called when the peer was accepted; returns what the connection is used for. */
  accepted(connection: IncomingConnection, hello: Hello, stream: Stream): Session;
}

/** Lives from the moment that somebody dialled until the connection has ended. */
export class IncomingConnection {
  readonly #stream: Stream;
  readonly #context: IncomingContext;
  #hello: Hello | undefined;
  #session: Session | undefined;
  #closedBecause: string | undefined;

  constructor(stream: Stream, context: IncomingContext) {
    this.#stream = stream;
    this.#context = context;
  }

  /** What the peer said first, once it was accepted. */
  get hello(): Hello | undefined {
    return this.#hello;
  }

  /** Who is at the other end, for logs. */
  get remoteAddress(): string {
    return this.#stream.remoteAddress;
  }

  /** Whether this node closed it itself. */
  get closing(): boolean {
    return this.#closedBecause !== undefined;
  }

  /** Goes on until the connection has ended, whoever ended it. Rejects only with what the node itself threw. */
  async run(): Promise<Ending> {
    let reason: string | undefined;
    try {
      const hello = await this.#admit();
      this.#session = this.#context.accepted(this, hello, this.#stream);
      this.#hello = hello;
      reason = await this.#session.run();
    } catch (error) {
      if (error instanceof NodeFailure) throw error.cause;
      reason = describeError(error);
    } finally {
      this.close(reason ?? "the node failed");
      await this.#session?.settled();
    }
    return { established: this.#hello !== undefined, reason: this.#closedBecause ?? reason };
  }

  /** Called at every keep-alive interval. */
  tick(): void {
    this.#session?.tick();
  }

  /** Ends the connection; `run` resolves soon. The first reason counts. */
  close(reason: string): void {
    this.#closedBecause ??= reason;
    this.#session?.close(this.#closedBecause);
    this.#stream.close();
  }

  async #admit(): Promise<Hello> {
    const timeoutMs = this.#context.config.handshakeTimeoutMs;
    const timer = setTimeout(
      () => this.close(`the handshake did not end within ${timeoutMs} ms`),
      timeoutMs,
    );
    try {
      return await admit(this.#stream, this.#context.identity);
    } finally {
      clearTimeout(timer);
    }
  }
}
