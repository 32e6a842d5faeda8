/**
 * Streams in memory, where a test decides what is read and how far a write gets.
 *
 * @module
 */
import type { Stream } from "../stream_layer.ts";

/** One direction of a pair. */
class Pipe {
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async read(into: Uint8Array, closed: () => boolean): Promise<number | null> {
    for (;;) {
      if (closed()) throw new Error("the stream is closed");
      const chunk = this.#chunks[0];
      if (chunk !== undefined) {
        const part = chunk.subarray(0, into.length);
        into.set(part);
        if (part.length === chunk.length) this.#chunks.shift();
        else this.#chunks[0] = chunk.subarray(part.length);
        return part.length;
      }
      if (this.#ended) return null;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  wake(): void {
    this.#wake?.();
  }
}

/** One end of a pair. */
export class MemoryStream implements Stream {
  readonly remoteAddress = "memory:0";
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #closed = false;
  #allowedBytes = Infinity;
  #wakeWriter: (() => void) | undefined;
  #writes = 0;

  constructor(incoming: Pipe, outgoing: Pipe) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  /** How often it was written to. */
  get writes(): number {
    return this.#writes;
  }

  /** Lets this many further bytes be written; then writes wait, as if nobody read. */
  allowBytes(count: number): void {
    this.#allowedBytes = count;
    this.#wakeWriter?.();
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#incoming.read(into, () => this.#closed);
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.#writes += 1;
    while (this.#allowedBytes === 0 && !this.#closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wakeWriter = resolve;
      await promise;
    }
    if (this.#closed) throw new Error("the stream is closed");
    const count = Math.min(bytes.length, this.#allowedBytes);
    this.#allowedBytes -= count;
    this.#outgoing.push(bytes.subarray(0, count));
    return count;
  }

  close(): void {
    this.#closed = true;
    this.#incoming.wake();
    this.#wakeWriter?.();
    this.#outgoing.end();
  }
}

/** Two streams: what is written to one is read from the other. */
export function memoryStreams(): [MemoryStream, MemoryStream] {
  const [there, back] = [new Pipe(), new Pipe()];
  return [new MemoryStream(back, there), new MemoryStream(there, back)];
}
