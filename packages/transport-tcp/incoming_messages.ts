/**
 * What a connection for messages is on the side that was dialled: messages come in, and what goes back are keep-alives.
 *
 * @module
 */
import type { Message, ServerId } from "@coracle/core";
import type { TcpTransportConfig } from "./config.ts";
import { FrameReader } from "./frame_reader.ts";
import { NodeFailure, type Session } from "./incoming.ts";
import { KeepAliveWriter } from "./keep_alive_writer.ts";
import { decodeMessages } from "./message_codec.ts";
import type { TransportMeter } from "./metrics.ts";
import { RunKeeper } from "./run_keeper.ts";
import type { PeerCounters } from "./stats.ts";
import type { Stream } from "./stream_layer.ts";

/** What {@linkcode IncomingMessages} needs to know, and whom it tells. */
export interface IncomingMessagesContext {
  /** Whose messages they are. */
  readonly from: ServerId;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
  /** Where to count. */
  readonly counters: PeerCounters;
  /** What measures reads, if anything does. */
  readonly meter?: TransportMeter | undefined;
  /** Called with all messages that arrived together. What it throws ends the process: nobody knows in what state the node is. */
  receive(from: ServerId, messages: readonly Message[]): void;
  /** Ends the connection. */
  close(reason: string): void;
}

/** Holds what one read may bring; larger frames get memory of their own. */
const READ_BUFFER_SIZE_BYTES = 256 * 1024;

/** Reads messages until the connection has ended. */
export class IncomingMessages implements Session {
  readonly #stream: Stream;
  readonly #context: IncomingMessagesContext;
  readonly #reader: FrameReader;
  readonly #keepAlives: KeepAliveWriter;
  #silentTicks = 0;
  #frameTicks = 0;

  /** `stream` is past the handshake. */
  constructor(stream: Stream, context: IncomingMessagesContext) {
    this.#stream = stream;
    this.#context = context;
    this.#reader = new FrameReader(context.config.frameSizeMaxBytes, READ_BUFFER_SIZE_BYTES);
    this.#keepAlives = new KeepAliveWriter(stream, (reason) => context.close(reason));
  }

  /** Hands over what each read brings. */
  async run(): Promise<string> {
    const { from, counters, meter } = this.#context;
    const reader = this.#reader;
    const keeper = new RunKeeper();
    for (;;) {
      const count = await this.#stream.read(reader.space);
      if (count === null) break;
      this.#silentTicks = 0;
      counters.receivedBytes += count;
      const beganMs = meter?.begin();
      const messages: Message[] = [];
      reader.advance(count, (body, owned) => {
        this.#frameTicks = 0;
        if (body.length === 0) this.#keepAlives.write();
        else decodeMessages(body, owned, keeper, messages);
      });
      if (messages.length === 0) continue;
      counters.receivedMessages += messages.length;
      const decodedMs = meter?.decoded(beganMs!);
      this.#receive(from, messages);
      meter?.handedOver(decodedMs!);
    }
    return `closed by the other side${reader.isInsideFrame ? " within a frame" : ""}`;
  }

  tick(): void {
    const { keepAliveIntervalMs, keepAliveTimeoutMs, frameTimeoutMs } = this.#context.config;
    this.#silentTicks += 1;
    if (this.#silentTicks > Math.ceil(keepAliveTimeoutMs / keepAliveIntervalMs)) {
      return this.#context.close(`nothing heard for ${keepAliveTimeoutMs} ms`);
    }
    this.#frameTicks = this.#reader.isInsideFrame ? this.#frameTicks + 1 : 0;
    if (this.#frameTicks > Math.ceil(frameTimeoutMs / keepAliveIntervalMs)) {
      this.#context.close(`a frame did not end within ${frameTimeoutMs} ms`);
    }
  }

  close(): void {}

  settled(): Promise<void> {
    return this.#keepAlives.settled;
  }

  #receive(from: ServerId, messages: readonly Message[]): void {
    try {
      this.#context.receive(from, messages);
    } catch (cause) {
      throw new NodeFailure("the node failed while it received messages", { cause });
    }
  }
}
