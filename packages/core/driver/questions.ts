/**
 * Questions whether this node is still the leader: those that are asked in one turn of the event loop share a
 * round of confirmation.
 *
 * @module
 */
import { LeadershipLostError, OverloadedError, type RaftError } from "../model/errors.ts";
import { callProblem } from "../ports/given.ts";
import type { Clock } from "../ports/clock.ts";
import type { Verify } from "../consensus/input.ts";
import type { CallOptions } from "./calls.ts";
import { endEarly } from "./endings.ts";

/** What {@linkcode Questions} needs of its node. */
export interface QuestionsHost {
  /** Takes a question to the consensus. */
  input(question: Verify): void;
  /** The settings of this moment. */
  config(): { readonly pendingCallsMax: number };
}

interface Asker {
  readonly resolve: () => void;
  readonly reject: (error: RaftError) => void;
}

/** See the module's description. */
export class Questions {
  readonly #host: QuestionsHost;
  readonly #clock: Clock;
  readonly #rounds = new Map<number, Set<Asker>>();
  #gathering: Set<Asker> | undefined;
  #pending = 0;
  #lastId = 0;

  /** Nothing is asked yet. */
  constructor(host: QuestionsHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** Resolves when leadership is confirmed; rejects with `LeadershipLostError`, or as `options` says. */
  ask(options: CallOptions): Promise<void> {
    const { pendingCallsMax } = this.#host.config();
    const problem = this.#pending >= pendingCallsMax
      ? new OverloadedError("pendingCallsMax", pendingCallsMax)
      : callProblem(options);
    if (problem !== undefined) return Promise.reject(problem);
    return new Promise((resolve, reject) => {
      const askers = this.#round();
      const leave = () => {
        this.#pending -= 1;
        askers.delete(asker);
        stopWatching();
      };
      const asker: Asker = {
        resolve: () => (leave(), resolve()),
        reject: (error) => (leave(), reject(error)),
      };
      const stopWatching = endEarly(options, this.#clock, () => "not-written", asker.reject);
      this.#pending += 1;
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
  fail(error: RaftError): void {
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
      if (this.#gathering !== askers) return;
      this.#gathering = undefined;
      if (askers.size === 0) return;
      const id = ++this.#lastId;
      this.#rounds.set(id, askers);
      this.#host.input({ type: "verify", id });
    });
    return askers;
  }
}
