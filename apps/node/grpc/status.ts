/**
 * What went wrong, as gRPC says it. The status codes are those that clients of raft-grpc-leader-rpc
 * expect; the trailing metadata says more, for clients that look: which error it was, whether the write
 * may have happened, and where the leader is.
 *
 * ```text
 * coracle-code            the error's code, such as "not-leader"
 * coracle-outcome         "not-written", "unknown" or "failed"
 * coracle-leader-id       with "not-leader", if a leader is known: its id,
 * coracle-leader-grpc     and where clients reach it, if this node was told
 * ```
 *
 * @module
 */
import { assertNever, NotLeaderError, type Outcome, RaftError } from "@coracle/core";
import { BackupError } from "../backup/format.ts";
import { Metadata, status, type StatusObject } from "@grpc/grpc-js";

/** The names of the trailing metadata. */
export const TRAILER = {
  code: "coracle-code",
  outcome: "coracle-outcome",
  leaderId: "coracle-leader-id",
  leaderGrpc: "coracle-leader-grpc",
} as const;

/** A call that is refused for a reason of its own, before it has reached the cluster. */
export class CallError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "CallError";
  /** `grpcStatus`: the status code; `code`: stable name of the reason; `message`: what was given and what is allowed. */
  constructor(readonly grpcStatus: status, readonly code: string, message: string) {
    super(message);
  }
}

/** A request that is not what the interface says: `message` names what was given and what is allowed. */
export function invalidArgument(message: string): CallError {
  return new CallError(status.INVALID_ARGUMENT, "invalid-argument", message);
}

/** Finds a leader's gRPC address by its id. */
export type LeaderLookup = (id: string) => string | undefined;

/** The status that `error` ends a call with. */
export function statusOf(error: unknown, lookup: LeaderLookup): StatusObject {
  if (error instanceof CallError) {
    return statusObject(error.grpcStatus, error.message, error.code, "not-written");
  }
  if (error instanceof BackupError) {
    // Nothing of it takes effect, also if some of it was written already.
    return statusObject(status.INVALID_ARGUMENT, error.message, "invalid-backup", "failed");
  }
  if (!(error instanceof RaftError)) {
    return statusObject(status.INTERNAL, "internal error", "internal", "unknown");
  }
  const result = statusObject(statusCode(error), error.message, error.code, error.outcome);
  if (error instanceof NotLeaderError && error.leader !== undefined) {
    result.metadata.set(TRAILER.leaderId, error.leader.id);
    const address = lookup(error.leader.id);
    if (address !== undefined) result.metadata.set(TRAILER.leaderGrpc, address);
  }
  return result;
}

function statusObject(
  code: status,
  details: string,
  reason: string,
  outcome: Outcome,
): StatusObject {
  const metadata = new Metadata();
  metadata.set(TRAILER.code, reason);
  metadata.set(TRAILER.outcome, outcome);
  return { code, details, metadata };
}

function statusCode({ code }: RaftError): status {
  switch (code) {
    case "not-leader":
    case "leadership-lost":
    case "shutdown":
    case "enqueue-timeout":
    case "transfer-in-progress":
      return status.UNAVAILABLE;
    case "aborted-by-restore":
      return status.ABORTED;
    case "commit-timeout":
    case "shutdown-timeout":
      return status.DEADLINE_EXCEEDED;
    case "aborted":
      return status.CANCELLED;
    case "overloaded":
      return status.RESOURCE_EXHAUSTED;
    case "command-too-large":
    case "invalid-configuration":
    case "invalid-config":
    case "backup-refused":
      return status.INVALID_ARGUMENT;
    case "cannot-bootstrap":
    case "nothing-to-recover":
    case "nothing-new-to-snapshot":
    case "snapshots-unsupported":
    case "configuration-in-progress":
    case "configuration-changed":
    case "command-refused":
    case "session-expired":
    case "session-closed":
      return status.FAILED_PRECONDITION;
    case "storage":
    case "store-locked":
    case "fsm-failed":
    case "transport":
    case "transfer-failed":
    case "response-dropped":
      return status.UNKNOWN;
    default:
      return assertNever(code);
  }
}
