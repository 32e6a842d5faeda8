/**
 * Records what clients do, as the operations that a checker takes.
 *
 * @module
 */
import type { Operation } from "./operation.ts";

/** How a call ended, if not with an answer. */
export type NoAnswer =
  /** It may still take effect, or may have. */
  | "unknown"
  /** It never has and never will. */
  | "failed";

/** A call that has begun. Each is ended once, or never: then its outcome is unknown. */
export interface RecordedCall<Output> {
  /** It was answered; with `undefined` if the answer says nothing. */
  returned(output: Output | undefined): void;
  /** It was not answered. */
  ended(how: NoAnswer): void;
}

/** See the module's description. */
export class History<Input, Output> {
  readonly #now: () => number;
  readonly #operations: Operation<Input, Output>[] = [];

  /**
   * `now`: a clock that never goes back. Without it, the place among all calls and returns is the time, which says
   * the same of their order and needs no clock.
   */
  constructor(now?: () => number) {
    let moment = 0;
    this.#now = now ?? (() => moment++);
  }

  /** What was recorded until now, by the time of the call; what has not ended is of unknown outcome. */
  get operations(): readonly Operation<Input, Output>[] {
    return [...this.#operations];
  }

  /** A client makes a call. */
  called(client: number | string, input: Input): RecordedCall<Output> {
    const at = this.#operations.length;
    const callAt = this.#now();
    this.#operations.push({ client, input, output: undefined, callAt, returnAt: Infinity });
    let hasEnded = false;
    const end = (part: Partial<Operation<Input, Output>>): void => {
      if (hasEnded) throw new Error(`operation ${at} of client ${client} has ended before`);
      hasEnded = true;
      this.#operations[at] = { ...this.#operations[at]!, ...part };
    };
    return {
      returned: (output) => end({ output, returnAt: this.#now() }),
      ended: (how) => end(how === "failed" ? { failed: true } : {}),
    };
  }
}
