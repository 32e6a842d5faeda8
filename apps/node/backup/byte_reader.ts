/**
 * Reads so many bytes at a time from chunks of any size.
 *
 * @module
 */

/** See the module's description. Holds one chunk, or what was asked for. */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #offset = 0;

  /** `chunks` are read as they are needed. */
  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]();
  }

  /** How many bytes were taken; after an end that came too early, how many there were. */
  get offset(): number {
    return this.#offset;
  }

  /** The next `count` bytes, or `undefined` if there are not so many. Rejects with what the chunks throw. */
  async take(count: number): Promise<Uint8Array | undefined> {
    if (this.#chunk.length >= count) return this.#cut(count);
    const bytes = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      if (this.#chunk.length === 0 && !await this.#fill()) return undefined;
      const part = this.#cut(Math.min(count - filled, this.#chunk.length));
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }

  /** Whether nothing follows. */
  async isAtEnd(): Promise<boolean> {
    return this.#chunk.length === 0 && !await this.#fill();
  }

  /** Asks for no more: the chunks end where they are. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  #cut(count: number): Uint8Array {
    const part = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    this.#offset += count;
    return part;
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { value, done } = await this.#iterator.next();
      if (done) return false;
      this.#chunk = value;
    }
    return true;
  }
}
