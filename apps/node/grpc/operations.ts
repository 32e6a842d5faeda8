/**
 * Operations that outlive the call that began them: whoever has the token of one comes back for its result.
 *
 * Tokens live in this process. There is a bound on them, since a client that goes away forgets none: when it is reached, the
 * oldest operation that has ended is forgotten, and if none has ended, a further one is refused.
 *
 * @module
 */
import { OverloadedError } from "@coracle/core";
import { status } from "@grpc/grpc-js";
import { abortable } from "@std/async";
import { CallError } from "./status.ts";

/** How an operation has ended. */
export type OperationResult =
  | {
    /** It is done. */
    readonly ok: true;
    /** Index of its entry in the log, if it has one. */
    readonly index: number | undefined;
  }
  | {
    /** It failed. */
    readonly ok: false;
    /** Why. */
    readonly error: unknown;
  };

/** An operation that somebody may ask for. */
interface Operation {
  readonly result: Promise<OperationResult>;
  hasEnded: boolean;
  readonly forgotten: PromiseWithResolvers<void>;
}

/** How many tokens there may be. */
export const OPERATIONS_MAX = 1024;
const TOKEN_SIZE_BYTES = 20;

/** See the module's description. */
export class Operations {
  readonly #operationsMax: number;
  /** By token, the oldest first. */
  readonly #operations = new Map<string, Operation>();

  /** `operationsMax`: how many tokens there may be. */
  constructor(operationsMax: number = OPERATIONS_MAX) {
    this.#operationsMax = operationsMax;
  }

  /** Begins an operation, and returns its token: 40 hexadecimal digits. Throws `OverloadedError`, and begins nothing. */
  begin(start: () => Promise<number | void>): string {
    this.#makeRoom();
    const operation: Operation = {
      result: Promise.try(start).then(
        (index): OperationResult => ({ ok: true, index: index ?? undefined }),
        (error): OperationResult => ({ ok: false, error }),
      ).finally(() => operation.hasEnded = true),
      hasEnded: false,
      forgotten: Promise.withResolvers(),
    };
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_SIZE_BYTES)).toHex();
    this.#operations.set(token, operation);
    return token;
  }

  /** The result of an operation, when it has one. Throws a {@linkcode CallError} for an unknown token, and the reason of `signal`. */
  async result(token: string, signal: AbortSignal): Promise<OperationResult> {
    const operation = this.#operations.get(token);
    if (operation === undefined) {
      throw new CallError(
        status.UNKNOWN,
        "unknown-token",
        `token ${JSON.stringify(token)} unknown`,
      );
    }
    return await abortable(operation.result, signal);
  }

  /** Nobody will ask for the operation again. It goes on. */
  forget(token: string): void {
    this.#operations.get(token)?.forgotten.resolve();
    this.#operations.delete(token);
  }

  /** Resolves when the token is forgotten. */
  async forgotten(token: string): Promise<void> {
    await this.#operations.get(token)?.forgotten.promise;
  }

  #makeRoom(): void {
    if (this.#operations.size < this.#operationsMax) return;
    for (const [token, { hasEnded }] of this.#operations) {
      if (hasEnded) return this.forget(token);
    }
    throw new OverloadedError("operationsMax", this.#operationsMax);
  }
}
