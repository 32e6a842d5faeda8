/**
 * Puts frames together from bytes as they arrive, cut anywhere.
 *
 * Small frames pass through one buffer that is used again and again: whoever keeps a part of such a
 * body copies it. A frame that does not fit gets memory of its own, into which the rest of it is
 * read directly; its body may be kept as it is.
 *
 * @module
 */
import { checkFrameBody, checkFrameLength, FRAME_HEADER_SIZE_BYTES } from "./frame.ts";

/** Takes the body of one frame. Unless `owned`, its memory is used again after the call. */
export type VisitBody = (body: Uint8Array<ArrayBuffer>, owned: boolean) => void;

/** A frame that is too large for the buffer, while it arrives. */
interface LargeFrame {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly crc: number;
  filledBytes: number;
}

/**
 * Use: read some bytes into {@linkcode space}, tell {@linkcode advance} how many, and again. After
 * an error it is of no further use, as nobody knows where the next frame begins.
 */
export class FrameReader {
  readonly #bodySizeMaxBytes: number;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  /** Bytes at the start of the buffer that belong to a frame which is not complete. */
  #filledBytes = 0;
  #large: LargeFrame | undefined;

  /** `bodySizeMaxBytes`: a longer body is refused before memory is taken for it; `bufferSizeBytes`: of the buffer for small frames. */
  constructor(bodySizeMaxBytes: number, bufferSizeBytes: number) {
    this.#bodySizeMaxBytes = bodySizeMaxBytes;
    this.#buffer = new Uint8Array(bufferSizeBytes);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Whether a frame has begun and is not complete. */
  get isInsideFrame(): boolean {
    return this.#filledBytes > 0 || this.#large !== undefined;
  }

  /** Where the next bytes go. Never empty. */
  get space(): Uint8Array<ArrayBuffer> {
    const large = this.#large;
    if (large !== undefined) return large.body.subarray(large.filledBytes);
    return this.#filledBytes === 0 ? this.#buffer : this.#buffer.subarray(this.#filledBytes);
  }

  /**
   * `count` bytes were put into {@linkcode space}: hands the frames that they complete to `visit`, in order.
   * Throws `MalformedError` for a body that is too long or does not match its checksum.
   */
  advance(count: number, visit: VisitBody): void {
    const large = this.#large;
    if (large === undefined) return this.#scan(this.#filledBytes + count, visit);
    large.filledBytes += count;
    if (large.filledBytes < large.body.length) return;
    this.#large = undefined;
    checkFrameBody(large.body, large.crc);
    visit(large.body, true);
  }

  #scan(end: number, visit: VisitBody): void {
    let start = 0;
    while (end - start >= FRAME_HEADER_SIZE_BYTES) {
      const length = this.#view.getUint32(start);
      const bodyAt = start + FRAME_HEADER_SIZE_BYTES;
      checkFrameLength(length, this.#bodySizeMaxBytes);
      if (bodyAt + length > end) {
        if (FRAME_HEADER_SIZE_BYTES + length <= this.#buffer.length) break;
        return this.#beginLarge(bodyAt, end, length);
      }
      const body = this.#buffer.subarray(bodyAt, bodyAt + length);
      checkFrameBody(body, this.#view.getUint32(start + 4));
      visit(body, false);
      start = bodyAt + length;
    }
    // The rest moves to the front at most once for each frame, since from then on it starts there.
    if (start > 0 && start < end) this.#buffer.copyWithin(0, start, end);
    this.#filledBytes = end - start;
  }

  #beginLarge(bodyAt: number, end: number, length: number): void {
    const body = new Uint8Array(length);
    body.set(this.#buffer.subarray(bodyAt, end));
    this.#large = { body, crc: this.#view.getUint32(bodyAt - 4), filledBytes: end - bodyAt };
    this.#filledBytes = 0;
  }
}
