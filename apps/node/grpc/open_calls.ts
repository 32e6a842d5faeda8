/**
 * The calls that are under way, so that a server can let them end before it closes.
 *
 * @module
 */
import { ShutdownError } from "@coracle/core";
import { abortable, delay } from "@std/async";

/** A client that is refused goes elsewhere; when none was refused for this long, all have gone. */
const QUIET_MS = 50;

/** Counts calls, and refuses further ones once it is closed. */
export class OpenCalls {
  #open = 0;
  #refused = 0;
  #closed = false;
  readonly #allEnded = Promise.withResolvers<void>();

  /** Runs `call`, unless closed: then it throws `ShutdownError`, and nothing was written. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) {
      this.#refused += 1;
      throw new ShutdownError("not-written");
    }
    this.#open += 1;
    try {
      return await call();
    } finally {
      this.#open -= 1;
      this.#settle();
    }
  }

  /**
   * Refuses further calls. Resolves when those under way have ended and no more come, but after `timeoutMs` in any
   * case: whoever closes the connections then cuts off as few calls as can be, since a client cannot know what has
   * become of a call that was cut off.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    this.#settle();
    const impatience = new AbortController();
    const timer = setTimeout(() => impatience.abort(), timeoutMs);
    try {
      await abortable(this.#allEnded.promise, impatience.signal);
      let before: number;
      do {
        before = this.#refused;
        await delay(QUIET_MS, { signal: impatience.signal });
      } while (this.#refused !== before);
    } catch (error) {
      if (error !== impatience.signal.reason) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #settle(): void {
    if (this.#closed && this.#open === 0) this.#allEnded.resolve();
  }
}
