/**
 * A snapshot on its way to a peer: a connection is dialled for it, the source is read as fast as the peer takes it, and the
 * peer's verdict ends it.
 *
 * @module
 */
import { assertNever, type Peer, type SnapshotHeader, TransportError } from "@coracle/core";
import type { TcpTransportConfig } from "./config.ts";
import { describeError } from "./describe_error.ts";
import { dial } from "./dial.ts";
import { FrameReader } from "./frame_reader.ts";
import { PURPOSE_SNAPSHOT } from "./handshake.ts";
import { InterruptibleSource } from "./interruptible_source.ts";
import type { Identity } from "./negotiation.ts";
import { writeAll } from "./read_write.ts";
import {
  DataFrame,
  decodeVerdict,
  encodeEnd,
  encodeHeader,
  VERDICT_BODY_MAX_BYTES,
} from "./snapshot_codec.ts";
import type { PeerCounters } from "./stats.ts";
import type { Stream } from "./stream_layer.ts";
import { takeTurns } from "./turn.ts";

/** What {@linkcode OutgoingSnapshot} needs to know. */
export interface OutgoingSnapshotContext {
  /** Whom it is for. */
  readonly peer: Peer;
  /** Who sends it. */
  readonly identity: Identity;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
  /** Where to count. */
  readonly counters: PeerCounters;
}

/** Room for keep-alives and most verdicts. */
const READ_BUFFER_SIZE_BYTES = 256;

/** Who is to do something: the source, the peer that takes data, or the peer that has all data. */
type Turn = "source" | "peer" | "peer-at-last";

/** One attempt to send one snapshot. */
export class OutgoingSnapshot {
  readonly #context: OutgoingSnapshotContext;
  readonly #header: SnapshotHeader;
  readonly #source: InterruptibleSource;
  readonly #abort = new AbortController();
  readonly #idleTicksMax: number;
  #stream: Stream | undefined;
  /** How it has ended; `undefined` while it goes on. */
  #end: { readonly error: TransportError | undefined } | undefined;
  #turn: Turn = "peer";
  #progressed = true;
  #idleTicks = 0;
  #ticksSinceWrite = 0;
  #readBytes = 0;
  #sentBytes = 0;

  /** Nothing happens before {@linkcode run}. */
  constructor(
    context: OutgoingSnapshotContext,
    header: SnapshotHeader,
    data: AsyncIterable<Uint8Array>,
  ) {
    const { snapshotIdleTimeoutMs, keepAliveIntervalMs } = context.config;
    this.#context = context;
    this.#header = header;
    this.#source = new InterruptibleSource(data);
    this.#idleTicksMax = Math.ceil(snapshotIdleTimeoutMs / keepAliveIntervalMs);
  }

  /** Resolves when the peer has accepted the snapshot. Rejects with a `TransportError` that says why it has not. Called once. */
  async run(signal: AbortSignal): Promise<void> {
    const abort = () => this.#fail(describeError(signal.reason), signal.reason);
    signal.addEventListener("abort", abort);
    try {
      if (signal.aborted) abort();
      else await this.#converse();
    } catch (error) {
      this.#fail(describeError(error), error);
    } finally {
      signal.removeEventListener("abort", abort);
    }
    if (this.#end?.error !== undefined) throw this.#end.error;
  }

  /** Called at every keep-alive interval. Ticks are counted, not time: while this process was stopped, none went by. */
  tick(): void {
    if (this.#stream === undefined) return;
    this.#ticksSinceWrite += 1;
    this.#idleTicks = this.#progressed ? 0 : this.#idleTicks + 1;
    this.#progressed = false;
    if (this.#idleTicks <= this.#idleTicksMax) return;
    this.#fail(`${this.#silence()} for ${this.#context.config.snapshotIdleTimeoutMs} ms`);
  }

  /** Gives it up; `run` rejects soon. */
  close(reason: string): void {
    this.#fail(reason);
  }

  async #converse(): Promise<void> {
    const header = encodeHeader(this.#header);
    const purpose = PURPOSE_SNAPSHOT;
    const { stream } = await dial({ ...this.#context, purpose }, this.#abort.signal);
    this.#stream = stream;
    // Given up after the answer had been read.
    if (this.#end !== undefined) stream.close();
    await Promise.all([this.#hear(stream), this.#tell(stream, header)]);
  }

  /** Listens until there is a verdict, which may be at any time, or until there can be none. */
  async #hear(stream: Stream): Promise<void> {
    const reader = new FrameReader(VERDICT_BODY_MAX_BYTES, READ_BUFFER_SIZE_BYTES);
    try {
      while (this.#end === undefined) {
        const count = await stream.read(reader.space);
        if (count === null) throw new TransportError("closed by the other side");
        this.#progressed = true;
        reader.advance(count, (body) => {
          if (body.length > 0) this.#judge(body);
        });
      }
    } catch (error) {
      this.#fail(describeError(error), error);
    }
  }

  #judge(body: Uint8Array): void {
    const verdict = decodeVerdict(body);
    switch (verdict.type) {
      case "accepted":
        return this.#conclude(undefined);
      case "refused":
        return this.#fail(`refused: ${verdict.reason}`);
      default:
        assertNever(verdict);
    }
  }

  async #tell(stream: Stream, header: Uint8Array): Promise<void> {
    try {
      await this.#write(stream, header);
      await this.#writeData(stream);
      this.#turn = "peer-at-last";
    } catch (error) {
      // Why a write fails is better known to the one who listens: there may be a verdict.
      if (this.#turn === "source") this.#fail(describeError(error), error);
    } finally {
      await this.#source.release();
    }
  }

  async #writeData(stream: Stream): Promise<void> {
    const { sizeBytes } = this.#header;
    const frame = new DataFrame();
    for (let chunk; (chunk = await this.#pull()) !== undefined;) {
      for (let at = 0; at < chunk.length;) {
        at += frame.add(at === 0 ? chunk : chunk.subarray(at));
        // A source that is slow does not keep the peer waiting until a frame is full.
        if (frame.isFull || this.#ticksSinceWrite > 0) await this.#writeFrame(stream, frame);
      }
    }
    if (this.#readBytes < sizeBytes) throw new TransportError("the source has no more");
    if (frame.sizeBytes > 0) await this.#writeFrame(stream, frame);
    await this.#write(stream, encodeEnd(sizeBytes, frame.crc));
  }

  async #pull(): Promise<Uint8Array | undefined> {
    this.#turn = "source";
    const chunk = await this.#source.next();
    this.#progressed = true;
    this.#readBytes += chunk?.length ?? 0;
    if (this.#readBytes > this.#header.sizeBytes) throw new TransportError("the source has more");
    return chunk;
  }

  async #writeFrame(stream: Stream, frame: DataFrame): Promise<void> {
    const { sizeBytes } = frame;
    await this.#write(stream, frame.take());
    this.#sentBytes += sizeBytes;
  }

  async #write(stream: Stream, frame: Uint8Array): Promise<void> {
    this.#turn = "peer";
    this.#ticksSinceWrite = 0;
    await writeAll(stream, frame, (count) => {
      this.#progressed = true;
      this.#context.counters.sentSnapshotBytes += count;
    });
    await takeTurns();
  }

  #silence(): string {
    switch (this.#turn) {
      case "source":
        return "the source gave nothing";
      case "peer":
        return "the peer took nothing";
      case "peer-at-last":
        return "the peer has all and said nothing";
      default:
        return assertNever(this.#turn);
    }
  }

  #fail(reason: string, cause?: unknown): void {
    const { id, address } = this.#context.peer;
    this.#conclude(
      new TransportError(
        `the snapshot for ${id} at ${address} ended after ${this.#sentBytes} of ` +
          `${this.#header.sizeBytes} bytes: ${reason}`,
        { cause },
      ),
    );
  }

  /** The first end counts. */
  #conclude(error: TransportError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    const over = error ?? new TransportError("the peer has said that it wants no more");
    this.#abort.abort(over);
    this.#source.interrupt(over);
    this.#stream?.close();
  }
}
