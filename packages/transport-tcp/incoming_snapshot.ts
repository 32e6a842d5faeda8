/**
 * What a connection for a snapshot is on the side that was dialled: the node pulls the data, and what goes back are
 * keep-alives while there is progress, and at last a verdict.
 *
 * Nothing is read before the node asks for it, so what is in memory is one frame; TCP keeps the peer from sending more.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { MalformedError, type ServerId, type SnapshotHeader, TransportError } from "@coracle/core";
import type { TcpTransportConfig } from "./config.ts";
import { describeError } from "./describe_error.ts";
import { FrameReader } from "./frame_reader.ts";
import type { Session } from "./incoming.ts";
import { KeepAliveWriter } from "./keep_alive_writer.ts";
import { writeAll } from "./read_write.ts";
import {
  decodeSnapshotFrame,
  encodeVerdict,
  SNAPSHOT_BODY_MAX_BYTES,
  type SnapshotEnd,
  type SnapshotFrame,
  type Verdict,
} from "./snapshot_codec.ts";
import type { PeerCounters } from "./stats.ts";
import type { Stream } from "./stream_layer.ts";
import { takeTurns } from "./turn.ts";

/** What {@linkcode IncomingSnapshot} needs to know, and whom it tells. */
export interface IncomingSnapshotContext {
  /** Who sends it. */
  readonly from: ServerId;
  /** The transport's settings. */
  readonly config: TcpTransportConfig;
  /** Where to count. */
  readonly counters: PeerCounters;
  /** See `TransportHandler.receiveSnapshot`. */
  receive(header: SnapshotHeader, data: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Holds a frame without data, and what of the next one arrives with it. */
const READ_BUFFER_SIZE_BYTES = 1024;

/**
 * How long the verdict has to get to the peer, which then closes the connection. If this side closed it with data unread, it
 * would be reset, and the verdict might be lost.
 */
const VERDICT_TIMEOUT_MS = 1000;

/** Who is to do something: the peer that owes a frame, the node that was given one, or the node that wants no more of them. */
type Turn = "peer" | "node" | "node-at-last";

/** Lives from the end of the handshake until the peer has heard the verdict. */
export class IncomingSnapshot implements Session {
  readonly #stream: Stream;
  readonly #context: IncomingSnapshotContext;
  readonly #reader = new FrameReader(SNAPSHOT_BODY_MAX_BYTES, READ_BUFFER_SIZE_BYTES);
  readonly #keepAlives: KeepAliveWriter;
  readonly #idleTicksMax: number;
  readonly #decided = Promise.withResolvers<Verdict>();
  readonly #finished = Promise.withResolvers<void>();
  #verdict: Verdict | undefined;
  /** Bodies of frames that arrived with the one before; not many, since the buffer is small. */
  readonly #bodies: Uint8Array<ArrayBuffer>[] = [];
  #pause: Promise<void> = Promise.resolve();
  #reading = false;
  #turn: Turn = "peer";
  #progressed = true;
  #idleTicks = 0;

  /** `stream` is past the handshake. */
  constructor(stream: Stream, context: IncomingSnapshotContext) {
    const { snapshotIdleTimeoutMs, keepAliveIntervalMs } = context.config;
    this.#stream = stream;
    this.#context = context;
    this.#keepAlives = new KeepAliveWriter(stream, (reason) => this.close(reason));
    this.#idleTicksMax = Math.ceil(snapshotIdleTimeoutMs / keepAliveIntervalMs);
  }

  /** Resolves when the node has done with the snapshot, which may be after the connection has ended. Never rejects. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Resolves when it is known what becomes of the snapshot. Never rejects. */
  get decided(): Promise<Verdict> {
    return this.#decided.promise;
  }

  /** Refuses the snapshot. If that is before {@linkcode run}, the node hears nothing of it. */
  refuse(reason: string): void {
    this.#decide({ type: "refused", reason });
  }

  async run(): Promise<string> {
    const receiving = this.#verdict === undefined ? this.#receive() : Promise.resolve();
    receiving.then(() => this.#finished.resolve());
    const verdict = await this.#decided.promise;
    await this.#tell(verdict);
    return verdict.type;
  }

  tick(): void {
    if (this.#verdict !== undefined) return;
    if (this.#progressed || this.#turn === "node-at-last") {
      this.#progressed = false;
      this.#idleTicks = 0;
      return this.#keepAlives.write();
    }
    this.#idleTicks += 1;
    if (this.#idleTicks <= this.#idleTicksMax) return;
    const what = this.#turn === "peer" ? "nothing arrived" : "the node asked for no more";
    this.refuse(`${what} for ${this.#context.config.snapshotIdleTimeoutMs} ms`);
  }

  close(reason: string): void {
    this.refuse(reason);
    this.#stream.close();
  }

  async settled(): Promise<void> {
    await this.#keepAlives.settled;
    await this.#pause;
  }

  /** The first decision counts. */
  #decide(verdict: Verdict): void {
    if (this.#verdict !== undefined) return;
    this.#verdict = verdict;
    this.#decided.resolve(verdict);
  }

  async #receive(): Promise<void> {
    try {
      const frame = await this.#nextFrame();
      if (frame.type !== "header") {
        throw new MalformedError(`${frame.type} comes before the header`);
      }
      this.#pass("node");
      await this.#context.receive(frame.header, this.#data(frame.header.sizeBytes));
      this.#decide({ type: "accepted" });
    } catch (error) {
      this.refuse(describeError(error));
    }
  }

  async *#data(sizeBytes: number): AsyncGenerator<Uint8Array, void, void> {
    let received = 0;
    let crc = 0;
    try {
      for (;;) {
        this.#pass("peer");
        const frame = await this.#nextFrame();
        if (frame.type === "header") throw new MalformedError("a second header comes");
        if (frame.type === "end") return checkEnd(frame, sizeBytes, received, crc);
        received += frame.data.length;
        crc = crc32(frame.data, crc);
        if (received > sizeBytes) throw new MalformedError("there is more than the header says");
        this.#pass("node");
        yield frame.data;
      }
    } catch (error) {
      throw this.#brokenOff(`broke off after ${received} of ${sizeBytes} bytes`, error);
    } finally {
      this.#pass("node-at-last");
    }
  }

  /** The node gets the reason that was there first; so does the peer. */
  #brokenOff(where: string, cause: unknown): TransportError {
    const verdict = this.#verdict;
    const reason = verdict?.type === "refused" ? verdict.reason : describeError(cause);
    const message = `the snapshot from ${this.#context.from} ${where}: ${reason}`;
    this.refuse(message);
    return new TransportError(message, { cause });
  }

  async #nextFrame(): Promise<SnapshotFrame> {
    this.#checkOpen();
    this.#pause = takeTurns();
    await this.#pause;
    for (;;) {
      this.#checkOpen();
      const body = this.#bodies.shift();
      if (body !== undefined) return decodeSnapshotFrame(body);
      await this.#read();
    }
  }

  #checkOpen(): void {
    if (this.#verdict !== undefined) throw new TransportError("its verdict is spoken");
  }

  async #read(): Promise<void> {
    this.#reading = true;
    const count = await this.#stream.read(this.#reader.space);
    this.#reading = false;
    if (count === null) throw new TransportError("closed by the other side");
    this.#progressed = true;
    this.#context.counters.receivedSnapshotBytes += count;
    this.#reader.advance(count, (body, owned) => this.#bodies.push(owned ? body : body.slice()));
  }

  #pass(turn: Turn): void {
    this.#turn = turn;
    this.#progressed = true;
  }

  /** Says what became of the snapshot, and waits until the peer closes the connection. */
  async #tell(verdict: Verdict): Promise<void> {
    const timer = setTimeout(() => this.#stream.close(), VERDICT_TIMEOUT_MS);
    try {
      await this.#keepAlives.settled;
      await writeAll(this.#stream, encodeVerdict(verdict));
      // If a read is under way, then nothing is there that could be lost.
      const rest = new Uint8Array(this.#reading ? 0 : SNAPSHOT_BODY_MAX_BYTES);
      while (rest.length > 0 && await this.#stream.read(rest) !== null) await takeTurns();
    } catch {
      // Who has closed the connection hears no verdict.
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Throws `MalformedError` unless what was received is what was sent. */
function checkEnd(end: SnapshotEnd, sizeBytes: number, received: number, crc: number): void {
  if (received !== sizeBytes || end.sizeBytes !== sizeBytes) {
    throw new MalformedError(`its end comes after ${received} bytes and says ${end.sizeBytes}`);
  }
  if (end.crc !== crc) {
    throw new MalformedError(`its data has checksum ${hex(crc)}; its end says ${hex(end.crc)}`);
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}
