/**
 * The call that hands leadership over, if there is one.
 *
 * @module
 */
import { assertNever } from "../model/assert.ts";
import type { ServerId } from "../model/configuration.ts";
import { type RaftError, TransferFailedError, TransferInProgressError } from "../model/errors.ts";
import type { TransferOutcome } from "../consensus/effect.ts";
import type { TransferLeadership } from "../consensus/input.ts";

interface Caller {
  readonly target: ServerId | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** See the module's description. */
export class Transfers {
  #pending: Caller | undefined;
  #asking: Caller | undefined;

  /** Resolves when this node leads no longer. `submit` takes the question to the consensus. */
  ask(
    target: ServerId | undefined,
    submit: (input: TransferLeadership) => void,
    notLeading: () => RaftError,
  ): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const caller: Caller = { target, resolve, reject };
      this.#asking = caller;
      submit({ type: "transferLeadership", target });
      // Not refused in the same step: it is under way.
      if (this.#asking === caller) this.#pending = caller;
      this.#asking = undefined;
    }).catch((error) => {
      throw error === "not-leader" ? notLeading() : error;
    });
  }

  /** The answer to the question of this step, or the end of the transfer that is under way. */
  ended(outcome: TransferOutcome): void {
    const caller = this.#asking ?? this.#pending;
    if (this.#asking !== undefined) this.#asking = undefined;
    else this.#pending = undefined;
    if (caller === undefined) return;
    if (outcome === "done") caller.resolve();
    else caller.reject(transferError(outcome, caller.target));
  }

  /** The node stops. */
  fail(error: unknown): void {
    this.#pending?.reject(error);
    this.#pending = undefined;
  }
}

function transferError(
  outcome: Exclude<TransferOutcome, "done">,
  target: ServerId | undefined,
): RaftError | "not-leader" {
  switch (outcome) {
    case "not-leader":
      return "not-leader";
    case "in-progress":
      return new TransferInProgressError();
    case "not-voter":
      return new TransferFailedError(`${target} is not a voter`);
    case "itself":
      return new TransferFailedError("cannot transfer leadership to itself");
    case "no-target":
      return new TransferFailedError("there is no other voter");
    case "timed-out":
      return new TransferFailedError("leadership transfer timeout");
    default:
      return assertNever(outcome);
  }
}
