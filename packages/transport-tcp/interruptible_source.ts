/**
 * A source of bytes that can be given up while it is silent.
 *
 * @module
 */

/** Pulls from an async iterable. `for await` does the same, but cannot be left while the iterable owes an item. */
export class InterruptibleSource {
  readonly #iterable: AsyncIterable<Uint8Array>;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #pulling = false;
  #ended = false;
  #interrupted: Error | undefined;
  #rejectPull: ((error: Error) => void) | undefined;

  /** `iterable` is not touched before the first {@linkcode next}. */
  constructor(iterable: AsyncIterable<Uint8Array>) {
    this.#iterable = iterable;
  }

  /** The next item, or `undefined` after the last. Rejects with what the iterable throws, and once it is interrupted. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#interrupted !== undefined) throw this.#interrupted;
    const iterator = this.#iterator ??= this.#iterable[Symbol.asyncIterator]();
    try {
      const { done, value } = await this.#pull(iterator);
      if (done !== true) return value;
    } catch (error) {
      // An iterable that has thrown is at its end. One that owes an item still is not.
      if (!this.#pulling) this.#ended = true;
      throw error;
    }
    this.#ended = true;
    return undefined;
  }

  /** Rejects the pull that is under way and all later ones. */
  interrupt(error: Error): void {
    this.#interrupted ??= error;
    this.#rejectPull?.(this.#interrupted);
  }

  /** Lets go of the iterable. Waits until that has cleaned up, unless it owes an item: that may take for ever. */
  async release(): Promise<void> {
    if (this.#iterator === undefined || this.#ended) return;
    this.#ended = true;
    const pulling = this.#pulling;
    try {
      const returned = this.#iterator.return?.();
      if (pulling) returned?.catch(() => {});
      else await returned;
    } catch {
      // Whoever lets go of it does not want to know any more.
    }
  }

  /** No `Promise.race`: it would keep every item for as long as the promise for the interruption lives. */
  #pull(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    return new Promise((resolve, reject) => {
      const item = iterator.next();
      this.#rejectPull = reject;
      this.#pulling = true;
      item
        .finally(() => {
          this.#pulling = false;
          this.#rejectPull = undefined;
        })
        .then(resolve, reject);
    });
  }
}
