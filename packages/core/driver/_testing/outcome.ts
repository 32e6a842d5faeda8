/**
 * What has become of a promise, to be looked at without waiting for it.
 *
 * @module
 */
import { RaftError } from "../../model/errors.ts";

/** See the module's description. A rejection is taken care of: it can be looked at, or not. */
export class Watched<T> {
  /** What it was resolved with. */
  value: T | undefined;
  /** What it was rejected with. */
  error: unknown;
  /** Whether it is resolved or rejected. */
  settled = false;

  /** Watches `promise`. */
  constructor(readonly promise: Promise<T>) {
    promise.then(
      (value) => {
        this.settled = true;
        this.value = value;
      },
      (error) => {
        this.settled = true;
        this.error = error;
      },
    );
  }

  /** In short: `open`, `resolved`, or code and outcome of the error. */
  get summary(): string {
    if (!this.settled) return "open";
    if (this.error === undefined) return "resolved";
    return this.error instanceof RaftError
      ? `${this.error.code}/${this.error.outcome}`
      : String(this.error);
  }
}

/** Watches `promise`. */
export function watch<T>(promise: Promise<T>): Watched<T> {
  return new Watched(promise);
}
