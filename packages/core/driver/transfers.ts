/**
 * The call that hands leadership over, if there is one.
 *
 * @module
 */
import { assertNever } from "../model/assert.ts";
import type { ServerId } from "../model/configuration.ts";
import {
  NotLeaderError,
  type RaftError,
  TransferFailedError,
  TransferInProgressError,
} from "../model/errors.ts";
import type { TransferOutcome } from "../consensus/effect.ts";
import type { TransferLeadership } from "../consensus/input.ts";

/** What {@linkcode Transfers} needs of its node. */
export interface TransfersHost {
  /** Takes the wish to the consensus. */
  input(input: TransferLeadership): void;
  /** Why nothing can be handed over here, if that is so: the node does not lead, or is stopped. */
  notLeading(): RaftError | undefined;
  /** Whether a backup is being restored: then leadership stays. */
  isRestoring(): boolean;
}

interface Caller {
  readonly target: ServerId | undefined;
  readonly resolve: () => void;
  readonly reject: (error: RaftError) => void;
}

/** See the module's description. */
export class Transfers {
  readonly #host: TransfersHost;
  #caller: Caller | undefined;

  /** Nothing is handed over yet. */
  constructor(host: TransfersHost) {
    this.#host = host;
  }

  /** Resolves when this node leads no longer. */
  ask(target: ServerId | undefined): Promise<void> {
    const refusal = this.#host.notLeading() ??
      (this.#caller === undefined ? undefined : new TransferInProgressError());
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#host.isRestoring()) {
      return Promise.reject(new TransferFailedError("a backup is being restored"));
    }
    return new Promise((resolve, reject) => {
      this.#caller = { target, resolve, reject };
      this.#host.input({ type: "transferLeadership", target });
    });
  }

  /** A transfer has ended, or was refused. Returns whether a caller wanted it. */
  ended(outcome: TransferOutcome): boolean {
    const caller = this.#caller;
    this.#caller = undefined;
    if (caller === undefined) return false;
    if (outcome === "done") caller.resolve();
    else caller.reject(this.#error(outcome, caller.target));
    return true;
  }

  /** The node stops. */
  fail(error: RaftError): void {
    this.#caller?.reject(error);
    this.#caller = undefined;
  }

  #error(
    outcome: Exclude<TransferOutcome, "done">,
    target: ServerId | undefined,
  ): RaftError {
    switch (outcome) {
      case "not-leader":
        return this.#host.notLeading() ?? new NotLeaderError(undefined);
      case "in-progress":
        return new TransferInProgressError();
      case "not-voter":
        return new TransferFailedError(`${target} is not a voter`);
      case "itself":
        return new TransferFailedError("cannot transfer leadership to itself");
      case "no-target":
        return new TransferFailedError("there is no other voter that may lead");
      case "never-leads":
        return new TransferFailedError(`${target} has priority 0 and never leads`);
      case "timed-out":
        return new TransferFailedError("leadership transfer timeout");
      default:
        return assertNever(outcome);
    }
  }
}
