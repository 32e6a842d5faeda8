/**
 * A call that failed at a node: what went wrong, whether anything was written, and where the leader is.
 *
 * @module
 */
import type { Outcome } from "@coracle/core";
import { type Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { TRAILER } from "../grpc/status.ts";

/** Why a node does not do what another one may do. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "not-leader",
  "leadership-lost",
  "shutdown",
  "transfer-in-progress",
  "enqueue-timeout",
]);

/** What a node said of a call that failed. */
export class CallFailure extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "CallFailure";
  /** The stable name of the reason, such as "not-leader"; `undefined` if no node said one. */
  readonly code: string | undefined;
  /** Whether something may have been written; `undefined` if no node said so. */
  readonly outcome: Outcome | undefined;
  /** Where clients reach the leader, if the node said so. */
  readonly leaderGrpc: string | undefined;

  private constructor(message: string, readonly status: status | undefined, trailer: Metadata) {
    super(message);
    const value = (key: string) => trailer.get(key)[0]?.toString();
    this.code = value(TRAILER.code);
    this.outcome = value(TRAILER.outcome) as Outcome | undefined;
    this.leaderGrpc = value(TRAILER.leaderGrpc);
  }

  /** The failure of a call that ended with a status; `undefined` if `error` is something else. */
  static of(error: unknown): CallFailure | undefined {
    if (error instanceof CallFailure) return error;
    if (!isServiceError(error)) return undefined;
    return new CallFailure(error.details, error.code, error.metadata);
  }

  /** The failure that was the answer of `RaftAdmin/Await`. */
  static ofOperation(message: string, trailer: Metadata): CallFailure {
    return new CallFailure(message, undefined, trailer);
  }

  /** Whether the node has too much to do, or has to finish something first. */
  get isBusy(): boolean {
    return this.status === status.RESOURCE_EXHAUSTED || this.code === "overloaded" ||
      this.code === "configuration-in-progress";
  }

  /** Whether another node may do what this one does not. */
  get isElsewhere(): boolean {
    return this.status === status.UNAVAILABLE || ELSEWHERE.has(this.code ?? "");
  }

  /** Whether it is certain that nothing was written, and nothing will be. */
  get isWithoutEffect(): boolean {
    return this.outcome === "not-written" || this.outcome === "failed";
  }

  /** Whether the same call would be refused again. */
  get isRefusal(): boolean {
    return this.outcome === "not-written" || this.status === status.UNIMPLEMENTED;
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error;
}
