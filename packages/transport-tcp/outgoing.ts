/**
 * One connection to a peer: dialled by this node, and used for this node's messages. What comes back
 * on it after the handshake are keep-alives.
 *
 * @module
 */
import type { Message, Peer } from "@coracle/core";
import type { TcpTransportConfig } from "./config.ts";
import { describeError } from "./describe_error.ts";
import { dial } from "./dial.ts";
import { FrameReader } from "./frame_reader.ts";
import { PURPOSE_MESSAGES } from "./handshake.ts";
import type { Identity } from "./negotiation.ts";
import { Outbox, type PushResult } from "./outbox.ts";
import type { PeerCounters } from "./stats.ts";
import type { Stream } from "./stream_layer.ts";

/** What an outgoing connection needs to know, and whom it tells. */
export interface OutgoingContext {
  /** Whom to dial. */
  readonly peer: Peer;
  /** Who dials. */
  readonly identity: Identity;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
  /** Where to count. */
  readonly counters: PeerCounters;
  /** Called when the peer has accepted. */
  onEstablished(): void;
}

/** How a connection ended. */
export interface Ending {
  /** Whether the peer had accepted it. */
  readonly established: boolean;
  /** Why it ended, in words. */
  readonly reason: string;
}

/** Room for the keep-alives that come back. */
const READ_BUFFER_SIZE_BYTES = 64;

/** Lives through one attempt to connect and, if that succeeds, one connection. */
export class OutgoingConnection {
  readonly #context: OutgoingContext;
  readonly #outbox: Outbox;
  readonly #silentTicksMax: number;
  /** After so many silent ticks the peer is asked whether it is there. */
  readonly #askingTicks: number;
  readonly #abort = new AbortController();
  /** Resolves when the peer has accepted, or when it is certain that it will not. */
  readonly #opened = Promise.withResolvers<void>();
  #stream: Stream | undefined;
  #established = false;
  #closedBecause: string | undefined;

  /** A flush is queued as a microtask: all that is sent until it runs leaves in one write. */
  #flushQueued = false;
  #writing = false;
  #writer: Promise<void> = Promise.resolve();
  /** Whether the write that is under way has got further since the last tick. */
  #writeProgressed = false;
  #silentTicks = 0;

  constructor(context: OutgoingContext) {
    const { config } = context;
    this.#context = context;
    this.#outbox = new Outbox(config);
    this.#silentTicksMax = Math.ceil(config.keepAliveTimeoutMs / config.keepAliveIntervalMs);
    // Every other tick, where that leaves time to ask twice: of what an idle cluster costs, half were keep-alives.
    this.#askingTicks = this.#silentTicksMax < 4 ? 1 : 2;
  }

  /** Bytes that wait or are being written. */
  get outboxSizeBytes(): number {
    return this.#outbox.sizeBytes;
  }

  /** Messages of which it is not known that they were written. */
  get unsentMessages(): number {
    return this.#outbox.waitingMessages + this.#outbox.takenMessages;
  }

  /** Connects, and resolves when the connection has ended, whoever ended it. Never rejects. */
  async run(): Promise<Ending> {
    let reason: string;
    try {
      const stream = await this.#connect();
      this.#established = true;
      this.#opened.resolve();
      this.#context.onEstablished();
      this.#flush();
      await this.#hearKeepAlives(stream);
      reason = "closed by the other side";
    } catch (error) {
      reason = describeError(error);
    }
    this.close(reason);
    await this.#writer;
    return { established: this.#established, reason: this.#closedBecause ?? reason };
  }

  /** Takes `message` into the outbox; it leaves at the end of this turn, or with the next write. */
  send(message: Message): PushResult {
    const result = this.#outbox.push(message);
    if (result === "queued" && this.#established && !this.#writing && !this.#flushQueued) {
      this.#flushQueued = true;
      queueMicrotask(this.#flush);
    }
    return result;
  }

  /** Resolves once everything that was sent is written, or can no longer be. */
  async drained(): Promise<void> {
    if (this.#outbox.sizeBytes === 0) return;
    await this.#opened.promise;
    this.#flush();
    await this.#writer;
  }

  /** Called at every keep-alive interval. Ticks are counted, not time: while this process was stopped, none went by. */
  tick(): void {
    if (!this.#established) return;
    this.#outbox.trim();
    // A write waits while the kernel's buffer is full; that it gets on at all shows that the peer reads.
    if (this.#writing && this.#writeProgressed) this.#silentTicks = 0;
    this.#writeProgressed = false;
    this.#silentTicks += 1;
    if (this.#silentTicks > this.#silentTicksMax) {
      return this.close(`nothing heard for ${this.#context.config.keepAliveTimeoutMs} ms`);
    }
    if (this.#silentTicks < this.#askingTicks) return;
    this.#outbox.pushKeepAlive();
    this.#flush();
  }

  /** Ends the connection or the attempt; `run` resolves soon. The first reason counts. */
  close(reason: string): void {
    if (this.#closedBecause !== undefined) return;
    this.#closedBecause = reason;
    this.#opened.resolve();
    this.#abort.abort();
    this.#stream?.close();
  }

  async #connect(): Promise<Stream> {
    const purpose = PURPOSE_MESSAGES;
    const { stream, answer } = await dial({ ...this.#context, purpose }, this.#abort.signal);
    this.#stream = stream;
    // Closed after the answer had been read.
    if (this.#closedBecause !== undefined) stream.close();
    this.#outbox.limitFrameSize(answer.frameSizeMaxBytes);
    return stream;
  }

  async #hearKeepAlives(stream: Stream): Promise<void> {
    const reader = new FrameReader(0, READ_BUFFER_SIZE_BYTES);
    for (;;) {
      const count = await stream.read(reader.space);
      if (count === null) return;
      this.#silentTicks = 0;
      reader.advance(count, () => {});
    }
  }

  #flush = (): void => {
    this.#flushQueued = false;
    const stream = this.#stream;
    if (stream === undefined || this.#writing || this.#closedBecause !== undefined) return;
    this.#writer = this.#write(stream);
  };

  /** Writes until nothing waits. The first write begins before this returns. */
  async #write(stream: Stream): Promise<void> {
    const { counters } = this.#context;
    const outbox = this.#outbox;
    this.#writing = true;
    try {
      for (let frames = outbox.take(); frames !== undefined; frames = outbox.take()) {
        let written = await stream.write(frames);
        while (written < frames.length) {
          this.#writeProgressed = true;
          written += await stream.write(frames.subarray(written));
        }
        counters.sentMessages += outbox.takenMessages;
        counters.sentBytes += frames.length;
        outbox.release();
      }
      this.#writing = false;
    } catch (error) {
      // `writing` stays: nothing can be written to this connection any more.
      this.close(describeError(error));
    }
  }
}
