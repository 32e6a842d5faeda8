/**
 * The calls of `bootstrap` that wait: first for the answer whether the node takes the configuration, then for
 * the disk.
 *
 * @module
 */
import type { Bootstrapped, PersistId } from "../consensus/effect.ts";

interface Waiting {
  /** The write to wait for; `undefined` until the consensus has answered. */
  after: PersistId | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** See the module's description. */
export class Bootstraps {
  #waiting: Waiting[] = [];

  /** Resolves when the configuration is durable. `submit` takes the question to the consensus. */
  ask(submit: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ after: undefined, resolve, reject });
      submit();
    });
  }

  /** The answer to the first question that has none; `refusal` makes the error if it was refused. */
  answered({ after }: Bootstrapped, refusal: () => Error): void {
    const asked = this.#waiting.find((one) => one.after === undefined)!;
    asked.after = after;
    if (after !== undefined) return;
    this.#waiting = this.#waiting.filter((one) => one !== asked);
    asked.reject(refusal());
  }

  /** Writes up to `id` are durable. */
  persisted(id: PersistId): void {
    if (this.#waiting.length === 0) return;
    const isDurable = ({ after }: Waiting) => after !== undefined && after <= id;
    for (const one of this.#waiting.filter(isDurable)) one.resolve();
    this.#waiting = this.#waiting.filter((one) => !isDurable(one));
  }

  /** Every call ends with `error`. */
  fail(error: unknown): void {
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting = [];
  }
}
