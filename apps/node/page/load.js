/**
 * Writes words all the time, so that there is something to see: short ones, which never are among the best for long.
 *
 * @module
 */

const WORDS_AT_ONCE = 20;
const WRITERS = 2;
/** How long a writer waits after a failure. */
const PAUSE_MS = 200;

/** See the module's description. */
export class Load {
  #api;
  #watch;
  #told;
  #running = false;
  #acknowledged = 0;
  #failed = 0;

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./watch.js").Watch} watch
   * @param {(counts: { acknowledged: number, failed: number }) => void} told
   */
  constructor(api, watch, told) {
    this.#api = api;
    this.#watch = watch;
    this.#told = told;
  }

  /** Whether it writes. */
  get running() {
    return this.#running;
  }

  /** Begins, or ends. */
  toggle() {
    this.#running = !this.#running;
    if (!this.#running) return;
    for (let writer = 0; writer < WRITERS; writer++) void this.#write();
  }

  async #write() {
    while (this.#running) {
      const words = Array.from({ length: WORDS_AT_ONCE }, shortWord);
      try {
        await this.#api.ask(this.#watch.anyUrl, "POST", "/v1/words?forward=true", {
          body: { words },
          timeoutMs: 3000,
        });
        this.#acknowledged += words.length;
      } catch {
        this.#failed += words.length;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      this.#told({ acknowledged: this.#acknowledged, failed: this.#failed });
    }
  }
}

function shortWord() {
  const letter = () => String.fromCharCode(97 + Math.floor(Math.random() * 26));
  return letter() + letter() + letter();
}
