/**
 * A connection in memory that carries one snapshot: piece by piece, only as fast as the receiver takes it, on a
 * virtual (or the real) clock.
 *
 * @module
 */
import { type CancelTimer, type Clock, TransportError } from "@coracle/core";

/** How a {@linkcode MemoryStream} behaves. */
export interface MemoryStreamOptions {
  /** What is sent. */
  readonly data: AsyncIterable<Uint8Array>;
  /** How many bytes that must be. */
  readonly sizeBytes: number;
  /** The sender's wish to stop. */
  readonly signal: AbortSignal;
  /** Time. */
  readonly clock: Clock;
  /** How long so many bytes are on their way, in milliseconds. */
  readonly delayMs: (sizeBytes: number) => number;
  /** Whether nothing gets through at the moment. */
  readonly isCut: () => boolean;
  /** How long nothing may get through before both ends give up, in milliseconds. */
  readonly timeoutMs: number;
}

/** See the module's description. */
export class MemoryStream {
  readonly #options: MemoryStreamOptions;
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #broken = Promise.withResolvers<never>();
  readonly #timers = new Set<CancelTimer>();
  readonly #abort = () => this.break(new TransportError("the sender has stopped"));
  #isBroken = false;

  /** A connection on which nothing has moved yet. */
  constructor(options: MemoryStreamOptions) {
    this.#options = options;
    this.#iterator = options.data[Symbol.asyncIterator]();
    this.#broken.promise.catch(() => {});
    options.signal.addEventListener("abort", this.#abort);
    if (options.signal.aborted) this.#abort();
  }

  /** Both ends meet `error` from now on. */
  break(error: unknown): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#broken.reject(error);
  }

  /** Settles as `promise` does, but not after the connection has broken. */
  unlessBroken<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([this.#broken.promise, promise]);
  }

  /** Resolves when `sizeBytes` have got through. Rejects if the connection breaks. */
  async pass(sizeBytes: number): Promise<void> {
    const { delayMs, isCut, timeoutMs } = this.#options;
    await this.#delay(delayMs(sizeBytes));
    if (!isCut()) return;
    await this.#delay(timeoutMs);
    if (isCut()) this.break(new TransportError("the snapshot makes no progress"));
    await this.unlessBroken(Promise.resolve());
  }

  /** What the receiver reads. An error of the sender's data, or another size than was said, ends both ends. */
  async *read(): AsyncGenerator<Uint8Array> {
    let missingBytes = this.#options.sizeBytes;
    for (;;) {
      const { value, done } = await this.unlessBroken(this.#next());
      if (done === true ? missingBytes > 0 : value.length > missingBytes) {
        this.break(new TransportError(`the source has ${done ? "no " : ""}more`));
        await this.unlessBroken(Promise.resolve());
      }
      if (done === true) return;
      missingBytes -= value.length;
      await this.pass(value.length);
      yield value;
    }
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#iterator.next();
    } catch (cause) {
      const error = new TransportError(`the source failed: ${messageOf(cause)}`, { cause });
      this.break(error);
      throw error;
    }
  }

  /** Lets go of everything: whoever still reads meets the end of the connection. */
  end(): void {
    this.break(new TransportError("the connection is closed"));
    this.#options.signal.removeEventListener("abort", this.#abort);
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    // A piece that is being fetched is waited for by nobody any more.
    this.#iterator.return?.().catch(() => {});
  }

  #delay(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.setTimer(ms, () => {
      this.#timers.delete(cancel);
      resolve();
    });
    this.#timers.add(cancel);
    return this.unlessBroken(promise);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
