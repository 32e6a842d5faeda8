/**
 * The end of a node: what has to end before it has stopped, and how long somebody waits for that.
 *
 * @module
 */
import { CommitTimeoutError, ShutdownTimeoutError } from "../model/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { CallOptions } from "./calls.ts";
import { endEarly } from "./endings.ts";

/** Works that end, by names that people understand. */
export class Stopping {
  readonly #waitingFor = new Set<string>();
  readonly #logger: Logger;
  readonly #id: string;

  /** Nothing has to end yet. */
  constructor(id: string, logger: Logger) {
    this.#id = id;
    this.#logger = logger;
  }

  /** What has not ended. */
  get waitingFor(): string[] {
    return [...this.#waitingFor];
  }

  /** Begins all of `works` and waits until they have ended. One that fails or throws is logged: the node stops all the same. */
  async all(works: Readonly<Record<string, () => Promise<unknown> | undefined>>): Promise<void> {
    const ends = Object.entries(works).map(async ([name, begin]) => {
      this.#waitingFor.add(name);
      try {
        await begin();
      } catch (error) {
        this.#logger.warn("while node {id} stopped: {error}", { id: this.#id, error });
      }
      this.#waitingFor.delete(name);
    });
    await Promise.all(ends);
  }
}

/**
 * Waits for `stopped` as long as `options` say. Rejects with a `ShutdownTimeoutError` that names what `stopping` waits for, or with
 * `AbortedError`; the node goes on stopping.
 */
export function waitStopped(
  stopped: Promise<void>,
  options: CallOptions,
  stopping: Stopping,
  clock: Clock,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopWatching = endEarly(options, clock, () => "not-written", (error) => {
      const isTime = error instanceof CommitTimeoutError;
      reject(isTime ? new ShutdownTimeoutError(options.timeoutMs!, stopping.waitingFor) : error);
    });
    stopped.finally(stopWatching).then(resolve, reject);
  });
}
