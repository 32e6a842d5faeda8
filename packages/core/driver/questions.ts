/**
 * Questions whether this node is still the leader: those that are asked in one turn of the event loop share a
 * round of confirmation.
 *
 * @module
 */
import { AbortedError, CommitTimeoutError, LeadershipLostError } from "../model/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Verify } from "../consensus/input.ts";
import { type CallOptions, callProblem } from "./calls.ts";

interface Asker {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** See the module's description. */
export class Questions {
  readonly #clock: Clock;
  readonly #submit: (question: Verify) => void;
  readonly #rounds = new Map<number, Set<Asker>>();
  #gathering: Set<Asker> | undefined;
  #lastId = 0;

  /** `submit` takes each question to the consensus. */
  constructor(clock: Clock, submit: (question: Verify) => void) {
    this.#clock = clock;
    this.#submit = submit;
  }

  /** Resolves when leadership is confirmed; rejects with `LeadershipLostError`, or as `options` says. */
  ask(options: CallOptions): Promise<void> {
    const problem = callProblem(options);
    if (problem !== undefined) return Promise.reject(problem);
    const { timeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      const askers = this.#round();
      const leave = () => {
        askers.delete(asker);
        cancel?.();
        signal?.removeEventListener("abort", abort);
      };
      const asker: Asker = {
        resolve: () => (leave(), resolve()),
        reject: (error) => (leave(), reject(error)),
      };
      const abort = () => asker.reject(new AbortedError("not-written", signal?.reason));
      signal?.addEventListener("abort", abort);
      const cancel = timeoutMs === undefined || timeoutMs === Infinity
        ? undefined
        : this.#clock.setTimer(
          timeoutMs,
          () => asker.reject(new CommitTimeoutError(timeoutMs, "not-written")),
        );
      askers.add(asker);
    });
  }

  /** The answer to the question `id`. */
  answered(id: number, confirmed: boolean): void {
    const askers = this.#rounds.get(id);
    this.#rounds.delete(id);
    for (const asker of askers ?? []) {
      if (confirmed) asker.resolve();
      else asker.reject(new LeadershipLostError("not-written"));
    }
  }

  /** Every question ends with `error`. */
  fail(error: unknown): void {
    const rounds = [...this.#rounds.values(), this.#gathering ?? []];
    this.#rounds.clear();
    this.#gathering = undefined;
    for (const askers of rounds) {
      for (const asker of askers) asker.reject(error);
    }
  }

  #round(): Set<Asker> {
    if (this.#gathering !== undefined) return this.#gathering;
    const askers = new Set<Asker>();
    this.#gathering = askers;
    queueMicrotask(() => {
      this.#gathering = undefined;
      if (askers.size === 0) return;
      const id = ++this.#lastId;
      this.#rounds.set(id, askers);
      this.#submit({ type: "verify", id });
    });
    return askers;
  }
}
