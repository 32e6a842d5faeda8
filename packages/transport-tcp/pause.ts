/**
 * A wait that can be cut short.
 *
 * @module
 */

/** One wait at a time. */
export class Pause {
  #end: (() => void) | undefined;

  /** Resolves after `ms` milliseconds, or when {@linkcode end} is called. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), ms);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the wait, if there is one. */
  end(): void {
    this.#end?.();
    this.#end = undefined;
  }
}
