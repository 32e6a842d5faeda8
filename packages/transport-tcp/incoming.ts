/**
 * One connection from a peer: the peer dialled it and sends its messages on it. What goes back
 * after the handshake are keep-alives.
 *
 * @module
 */
import type { Message, ServerId } from "@coracle/core";
import type { TcpTransportConfig } from "./config.ts";
import { describeError } from "./describe_error.ts";
import { KEEP_ALIVE_FRAME } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import type { Hello } from "./handshake.ts";
import { decodeMessages } from "./message_codec.ts";
import { admit, type Identity } from "./negotiation.ts";
import type { Ending } from "./outgoing.ts";
import { RunKeeper } from "./run_keeper.ts";
import type { PeerCounters } from "./stats.ts";
import type { Stream } from "./stream_layer.ts";

/** What an incoming connection needs to know, and whom it tells. */
export interface IncomingContext {
  /** Who was dialled. */
  readonly identity: Identity;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
  /** Called when the peer was accepted; returns where to count. */
  accepted(connection: IncomingConnection, hello: Hello): PeerCounters;
  /** Called with all messages that arrived together. What it throws ends the process: nobody knows in what state the node is. */
  receive(from: ServerId, messages: readonly Message[]): void;
}

/** Holds what one read may bring; larger frames get memory of their own. */
const READ_BUFFER_SIZE_BYTES = 256 * 1024;

/** Lives from the moment that somebody dialled until the connection has ended. */
export class IncomingConnection {
  readonly #stream: Stream;
  readonly #context: IncomingContext;
  #hello: Hello | undefined;
  #reader: FrameReader | undefined;
  #closedBecause: string | undefined;
  #answering = false;
  #answer: Promise<void> = Promise.resolve();
  #silentTicks = 0;
  #frameTicks = 0;

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

  /** Reads until the connection has ended, whoever ended it. Rejects only with what `receive` threw. */
  async run(): Promise<Ending> {
    let reason: string | undefined;
    try {
      const hello = await this.#admit();
      const counters = this.#context.accepted(this, hello);
      this.#hello = hello;
      reason = await this.#readMessages(hello.from, counters);
    } catch (error) {
      if (error instanceof HandlerFailure) throw error.cause;
      reason = describeError(error);
    } finally {
      this.close(reason ?? "the node failed");
      await this.#answer;
    }
    return { established: this.#hello !== undefined, reason: this.#closedBecause ?? reason };
  }

  /** Called at every keep-alive interval. Ticks are counted, not time: while this process was stopped, none went by. */
  tick(): void {
    if (this.#reader === undefined) return;
    const { keepAliveIntervalMs, keepAliveTimeoutMs, frameTimeoutMs } = this.#context.config;
    this.#silentTicks += 1;
    if (this.#silentTicks > Math.ceil(keepAliveTimeoutMs / keepAliveIntervalMs)) {
      return this.close(`nothing heard for ${keepAliveTimeoutMs} ms`);
    }
    this.#frameTicks = this.#reader.isInsideFrame ? this.#frameTicks + 1 : 0;
    if (this.#frameTicks > Math.ceil(frameTimeoutMs / keepAliveIntervalMs)) {
      this.close(`a frame did not end within ${frameTimeoutMs} ms`);
    }
  }

  /** Ends the connection; `run` resolves soon. The first reason counts. */
  close(reason: string): void {
    this.#closedBecause ??= reason;
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

  /** Hands over what each read brings; resolves to why there will be no more. */
  async #readMessages(from: ServerId, counters: PeerCounters): Promise<string> {
    const reader = new FrameReader(this.#context.config.frameSizeMaxBytes, READ_BUFFER_SIZE_BYTES);
    const keeper = new RunKeeper();
    this.#reader = reader;
    for (;;) {
      const count = await this.#stream.read(reader.space);
      if (count === null) break;
      this.#silentTicks = 0;
      counters.receivedBytes += count;
      const messages: Message[] = [];
      reader.advance(count, (body, owned) => {
        this.#frameTicks = 0;
        if (body.length === 0) this.#answerKeepAlive();
        else decodeMessages(body, owned, keeper, messages);
      });
      if (messages.length === 0) continue;
      counters.receivedMessages += messages.length;
      this.#receive(from, messages);
    }
    return `closed by the other side${reader.isInsideFrame ? " within a frame" : ""}`;
  }

  #receive(from: ServerId, messages: readonly Message[]): void {
    try {
      this.#context.receive(from, messages);
    } catch (error) {
      throw new HandlerFailure(error);
    }
  }

  /** One answer at a time is enough: a peer that does not read them gets no queue of them. */
  #answerKeepAlive(): void {
    if (this.#answering) return;
    this.#answering = true;
    this.#answer = this.#writeKeepAlive();
  }

  async #writeKeepAlive(): Promise<void> {
    try {
      for (let written = 0; written < KEEP_ALIVE_FRAME.length;) {
        written += await this.#stream.write(KEEP_ALIVE_FRAME.subarray(written));
      }
      this.#answering = false;
    } catch (error) {
      this.close(describeError(error));
    }
  }
}

/** Tells what the node threw from what the peer sent. */
class HandlerFailure extends Error {
  constructor(cause: unknown) {
    super("the node failed while it received messages", { cause });
  }
}
