/**
 * Reads a stream of chunks as exact numbers of bytes, then hands on what is left.
 *
 * @module
 */
import { MalformedError } from "../model/entry_codec.ts";

/** See the module's description. Whoever makes one ends with {@linkcode ByteSource.rest} or {@linkcode ByteSource.cancel}. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #offset = 0;
  #isRestTaken = false;

  /** Reads nothing yet. */
  constructor(data: AsyncIterable<Uint8Array>) {
    this.#chunks = data[Symbol.asyncIterator]();
  }

  /** How many bytes were taken. */
  get offset(): number {
    return this.#offset;
  }

  /** The next `sizeBytes` bytes, as a copy. Throws `MalformedError` that says within `what` the stream ended, if it does. */
  async take(sizeBytes: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array[] = [];
    let missing = sizeBytes;
    while (missing > 0) {
      if (this.#at === this.#chunk.length && !await this.#next()) {
        const had = this.#offset + sizeBytes - missing;
        throw new MalformedError(`the snapshot ends after ${had} bytes, within ${what}`);
      }
      const part = this.#chunk.subarray(this.#at, this.#at + missing);
      this.#at += part.length;
      missing -= part.length;
      parts.push(part);
    }
    this.#offset += sizeBytes;
    // What was announced is allocated only when it has come.
    const bytes = new Uint8Array(sizeBytes);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** What was not taken. Whoever stops reading it early stops the stream. */
  async *rest(): AsyncGenerator<Uint8Array> {
    this.#isRestTaken = true;
    try {
      if (this.#at < this.#chunk.length) yield this.#chunk.subarray(this.#at);
      while (await this.#next()) yield this.#chunk;
    } finally {
      await this.#chunks.return?.();
    }
  }

  /** Stops the stream, unless {@linkcode ByteSource.rest} is being read. */
  async cancel(): Promise<void> {
    if (!this.#isRestTaken) await this.#chunks.return?.();
  }

  async #next(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    this.#chunk = done === true ? new Uint8Array(0) : value;
    this.#at = 0;
    return done !== true;
  }
}
