/**
 * What waits to be written to one connection, encoded, in frames, bounded in bytes.
 *
 * There are two buffers. Messages gather in one while the other is being written; when that is
 * done, they change places. So a write takes everything that gathered during the one before it, and
 * a connection in steady use allocates nothing.
 *
 * @module
 */
import { invariant, type Message } from "@coracle/core";
import { FRAME_HEADER_SIZE_BYTES, KEEP_ALIVE_FRAME, sealFrame } from "./frame.ts";
import { encodeMessage, messageSizeBytes } from "./message_codec.ts";

/** Limits of an {@linkcode Outbox}. */
export interface OutboxLimits {
  /** No message is taken while this much or more is waiting or being written. */
  readonly outboxSizeMaxBytes: number;
  /** The largest message: what the other side accepts as the body of a frame. */
  readonly frameSizeMaxBytes: number;
  /** A frame that holds this much gets no further message. */
  readonly batchSizeMaxBytes: number;
}

/** What became of a message. */
export type PushResult = "queued" | "full" | "too-large";

const BUFFER_SIZE_MIN_BYTES = 16 * 1024;
const NO_FRAME = -1;
const NO_BUFFER: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** The outbox of one connection. Ends with it: what is left over is lost. */
export class Outbox {
  readonly #limits: OutboxLimits;
  #frameSizeMaxBytes: number;

  /** Gathers messages. The last frame has no header yet if `frameStart` says where it begins. */
  #buffer = NO_BUFFER;
  #view = new DataView(NO_BUFFER.buffer);
  #end = 0;
  #frameStart = NO_FRAME;
  #waitingMessages = 0;

  /** What {@linkcode take} gave away, until {@linkcode release}. */
  #taken: Uint8Array<ArrayBuffer> | undefined;
  #takenMessages = 0;
  #spare = NO_BUFFER;

  /** The most that was gathered for one write since the last {@linkcode trim}. */
  #highWaterBytes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
    this.#frameSizeMaxBytes = limits.frameSizeMaxBytes;
  }

  /** Bytes that wait or are being written. */
  get sizeBytes(): number {
    return this.#end + (this.#taken?.length ?? 0);
  }

  /** Messages that wait. */
  get waitingMessages(): number {
    return this.#waitingMessages;
  }

  /** Messages that are being written. */
  get takenMessages(): number {
    return this.#takenMessages;
  }

  /** The other side accepts no more than `bytes` in a frame. */
  limitFrameSize(bytes: number): void {
    this.#frameSizeMaxBytes = Math.min(this.#frameSizeMaxBytes, bytes);
  }

  /**
   * Takes `message`, unless there is too much already. Since the limit is looked at before the message is added,
   * a large one is not passed over for ever in favour of small ones: the outbox holds the limit and one message.
   */
  push(message: Message): PushResult {
    const size = messageSizeBytes(message);
    if (size > this.#frameSizeMaxBytes) return "too-large";
    if (this.sizeBytes >= this.#limits.outboxSizeMaxBytes) return "full";
    if (this.#frameStart !== NO_FRAME) {
      const bodySize = this.#end - this.#frameStart - FRAME_HEADER_SIZE_BYTES;
      const full = bodySize >= this.#limits.batchSizeMaxBytes;
      if (full || bodySize + size > this.#frameSizeMaxBytes) this.#seal();
    }
    this.#reserve(size + FRAME_HEADER_SIZE_BYTES);
    if (this.#frameStart === NO_FRAME) {
      this.#frameStart = this.#end;
      this.#end += FRAME_HEADER_SIZE_BYTES;
    }
    this.#end = encodeMessage(this.#buffer, this.#view, this.#end, message);
    this.#waitingMessages += 1;
    return "queued";
  }

  /** Adds a keep-alive, unless something waits already: that says as much, once it can be written. */
  pushKeepAlive(): void {
    if (this.#end > 0) return;
    this.#reserve(FRAME_HEADER_SIZE_BYTES);
    this.#buffer.set(KEEP_ALIVE_FRAME, 0);
    this.#end = FRAME_HEADER_SIZE_BYTES;
  }

  /** Everything that waits, as whole frames, or `undefined`. It is left alone until {@linkcode release}, which must come before the next call. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    invariant(this.#taken === undefined, "the frames taken before are still being written");
    if (this.#end === 0) return undefined;
    this.#seal();
    const taken = this.#buffer.subarray(0, this.#end);
    this.#highWaterBytes = Math.max(this.#highWaterBytes, this.#end);
    this.#taken = taken;
    this.#takenMessages = this.#waitingMessages;
    const buffer = this.#buffer;
    this.#setBuffer(this.#spare);
    this.#spare = buffer;
    this.#end = 0;
    this.#waitingMessages = 0;
    return taken;
  }

  /** What was taken is written. */
  release(): void {
    this.#taken = undefined;
    this.#takenMessages = 0;
  }

  /** Gives back memory that a burst needed and that has not been needed since the last call. */
  trim(): void {
    const wanted = Math.max(BUFFER_SIZE_MIN_BYTES, this.#highWaterBytes * 4);
    if (this.#end === 0 && this.#buffer.length > wanted) this.#setBuffer(NO_BUFFER);
    if (this.#taken === undefined && this.#spare.length > wanted) this.#spare = NO_BUFFER;
    this.#highWaterBytes = this.sizeBytes;
  }

  #seal(): void {
    if (this.#frameStart === NO_FRAME) return;
    sealFrame(this.#buffer, this.#view, this.#frameStart, this.#end);
    this.#frameStart = NO_FRAME;
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#buffer.length) return;
    const size = Math.max(BUFFER_SIZE_MIN_BYTES, needed, this.#buffer.length * 2);
    const buffer = new Uint8Array(size);
    buffer.set(this.#buffer.subarray(0, this.#end));
    this.#setBuffer(buffer);
  }

  #setBuffer(buffer: Uint8Array<ArrayBuffer>): void {
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}
