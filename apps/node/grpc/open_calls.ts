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
  /** How many calls were begun, refused or ended: when it stands still, nobody calls. */
  #activity = 0;
  #closed = false;
  #idle = Promise.withResolvers<void>();

  /** Runs `call`, unless closed: then it throws `ShutdownError`, and nothing was written. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) {
      this.#activity += 1;
      throw new ShutdownError("not-written");
    }
    return await this.finish(call);
  }

  /** Runs `call`, also when closed: it asks for the end of one that was taken before. */
  async finish<T>(call: () => Promise<T>): Promise<T> {
    this.#open += 1;
    this.#activity += 1;
    try {
      return await call();
    } finally {
      this.#open -= 1;
      this.#activity += 1;
      if (this.#open === 0) this.#idle.resolve();
    }
  }

  /**
   * Refuses further calls. Resolves when those under way have ended and no more come, but after `timeoutMs` in any
   * case: whoever closes the connections then cuts off as few calls as can be, since a client cannot know what has
   * become of a call that was cut off.
   */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    const impatience = new AbortController();
    const { signal } = impatience;
    const timer = setTimeout(() => impatience.abort(), timeoutMs);
    try {
      let before: number;
      do {
        await this.#untilIdle(signal);
        before = this.#activity;
        await delay(QUIET_MS, { signal });
      } while (this.#activity !== before);
    } catch (error) {
      if (error !== signal.reason) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #untilIdle(signal: AbortSignal): Promise<void> {
    while (this.#open > 0) {
      this.#idle = Promise.withResolvers();
      await abortable(this.#idle.promise, signal);
    }
  }
}
