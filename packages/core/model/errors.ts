/**
 * Every error that a caller can meet, as a class with a stable `code` and the one fact that a caller
 * needs in order to retry safely: whether the write may have happened.
 *
 * @module
 */
import type { ServerAddress, ServerId } from "./configuration.ts";
import type { Index } from "./numbers.ts";

/**
 * Whether a write that ended with an error may have happened.
 *
 * - `not-written`: it was never appended to any log. Retry as you like.
 * - `unknown`: it was appended and may still commit, or may be lost. Retry only what may happen twice.
 * - `failed`: it was appended and is certain never to take effect; or a backup was restored, which undoes what it did.
 */
export type Outcome = "not-written" | "unknown" | "failed";

/** Names every error for good: programs compare codes, people read messages. */
export type RaftErrorCode =
  | "not-leader"
  | "leadership-lost"
  | "shutdown"
  | "shutdown-timeout"
  | "enqueue-timeout"
  | "commit-timeout"
  | "aborted"
  | "overloaded"
  | "command-too-large"
  | "cannot-bootstrap"
  | "nothing-to-recover"
  | "invalid-configuration"
  | "configuration-in-progress"
  | "configuration-changed"
  | "transfer-in-progress"
  | "transfer-failed"
  | "aborted-by-restore"
  | "backup-refused"
  | "nothing-new-to-snapshot"
  | "snapshots-unsupported"
  | "invalid-config"
  | "storage"
  | "store-locked"
  | "fsm-failed"
  | "transport"
  | "session-expired"
  | "session-closed"
  | "response-dropped"
  | "command-refused";

/** What all errors of Coracle have in common. */
export abstract class RaftError extends Error {
  /** Made by the subclasses only. */
  constructor(
    /** Stable name of this kind of error. */
    readonly code: RaftErrorCode,
    /** Whether the write that ended with this error may have happened. */
    readonly outcome: Outcome,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The class's name, as it is printed. */
  override get name(): string {
    return this.constructor.name;
  }
}

/** Where the leader is, as far as the node that refused knows. */
export interface LeaderHint {
  /** The leader's name. */
  readonly id: ServerId;
  /** The leader's address, in the transport's notation; empty if this node knows no configuration that contains it. */
  readonly address: ServerAddress;
}

/** The node is not the leader; nothing was appended. hashicorp/raft: `ErrNotLeader`. */
export class NotLeaderError extends RaftError {
  /** `leader`: the leader that the node follows, or `undefined` if it knows none. */
  constructor(
    /** The leader that the node follows, or `undefined` if it knows none. */
    readonly leader: LeaderHint | undefined,
  ) {
    super(
      "not-leader",
      "not-written",
      leader === undefined
        ? "node is not the leader, and knows of none"
        : `node is not the leader; that is ${leader.id} at ${leader.address}`,
    );
  }
}

/** Leadership was lost while the entry was on its way: it may still commit. hashicorp/raft: `ErrLeadershipLost`. */
export class LeadershipLostError extends RaftError {
  /** `outcome`: `unknown` for a write, `not-written` for a question such as `verifyLeader`. */
  constructor(outcome: Outcome = "unknown") {
    super(
      "leadership-lost",
      outcome,
      outcome === "unknown"
        ? "leadership lost while committing; the entry may still commit"
        : "leadership lost",
    );
  }
}

/** The node is shut down, or was while the call was under way. hashicorp/raft: `ErrRaftShutdown`. */
export class ShutdownError extends RaftError {
  /** `outcome`: `unknown` if the entry had been appended. `cause`: what stopped the node, if it was not asked to stop. */
  constructor(outcome: Outcome, cause?: unknown) {
    const why = cause === undefined ? "" : ` because of ${cause}`;
    const then = outcome === "unknown" ? "; the entry may still commit" : "";
    super(
      "shutdown",
      outcome,
      `raft is shut down${why}${then}`,
      cause === undefined ? undefined : { cause },
    );
  }
}

/** The node takes part no longer, but something that it waits for before it has stopped has not ended in time. */
export class ShutdownTimeoutError extends RaftError {
  /** `timeoutMs`: what the caller allowed; `waitingFor`: what has not ended. */
  constructor(
    timeoutMs: number,
    /** What has not ended, in words. */
    readonly waitingFor: readonly string[],
  ) {
    super(
      "shutdown-timeout",
      "not-written",
      `the node is still stopping after ${timeoutMs} ms, and waits for ${waitingFor.join(", ")}`,
    );
  }
}

/** The deadline passed before the entry was appended. hashicorp/raft: `ErrEnqueueTimeout`. */
export class EnqueueTimeoutError extends RaftError {
  /** `timeoutMs`: what the caller allowed. */
  constructor(timeoutMs: number) {
    super(
      "enqueue-timeout",
      "not-written",
      `timed out after ${timeoutMs} ms before the entry was appended`,
    );
  }
}

/** The deadline passed after the entry was appended: it may still commit. */
export class CommitTimeoutError extends RaftError {
  /** `timeoutMs`: what the caller allowed; `outcome`: `not-written` for a question such as `verifyLeader`. */
  constructor(timeoutMs: number, outcome: Outcome = "unknown") {
    super(
      "commit-timeout",
      outcome,
      outcome === "unknown"
        ? `timed out after ${timeoutMs} ms while committing; the entry may still commit`
        : `timed out after ${timeoutMs} ms`,
    );
  }
}

/** The caller's `AbortSignal` fired; `cause` is its reason. */
export class AbortedError extends RaftError {
  /** `outcome`: whether the entry may have been appended; `cause`: the signal's reason. */
  constructor(outcome: Outcome, cause: unknown) {
    super("aborted", outcome, "the caller aborted the call", { cause });
  }
}

/** A bound is reached: more is waiting than this node takes. Try again when some of it has gone. */
export class OverloadedError extends RaftError {
  /** `field`: the configuration field whose bound is reached; `limit`: the bound. */
  constructor(
    /** The configuration field whose bound is reached. */
    readonly field: string,
    /** The bound. */
    readonly limit: number,
  ) {
    super("overloaded", "not-written", `the limit ${field} of ${limit} is reached`);
  }
}

/** A command is larger than the configured limit. Splitting it helps, retrying does not. */
export class CommandTooLargeError extends RaftError {
  /** `sizeBytes`: of command and extensions; `limitBytes`: what is allowed. */
  constructor(
    /** Size of command and extensions, in bytes. */
    readonly sizeBytes: number,
    /** What is allowed, in bytes. */
    readonly limitBytes: number,
  ) {
    super(
      "command-too-large",
      "not-written",
      `a command of ${sizeBytes} bytes is larger than the limit of ${limitBytes} bytes`,
    );
  }
}

/** Bootstrap works only on a node that holds nothing yet. hashicorp/raft: `ErrCantBootstrap`. */
export class CannotBootstrapError extends RaftError {
  /** `lastIndex`, `term`: what the node already holds. */
  constructor(lastIndex: Index, term: number) {
    super(
      "cannot-bootstrap",
      "not-written",
      `bootstrap only works on new clusters; this node is in term ${term} with a log up to ${lastIndex}`,
    );
  }
}

/**
 * The node whose disk it is has no entry and no snapshot, so there is nothing of a cluster to be recovered: perhaps it is the wrong
 * disk. hashicorp/raft: "refused to recover cluster with no initial state".
 */
export class NothingToRecoverError extends RaftError {
  /** `term`: the latest term that the node has seen. */
  constructor(term: number) {
    super(
      "nothing-to-recover",
      "not-written",
      `the node holds no entry and no snapshot (its term is ${term}); allowed is one that was a member of the lost cluster`,
    );
  }
}

/** A cluster configuration that cannot be: no voter, or an id or address that is empty, too long or used twice; for a bootstrap also one without the node itself, for a recovery one in which it has no vote. */
export class InvalidConfigurationError extends RaftError {
  /** `problem`: what is wrong, in words. */
  constructor(problem: string) {
    super("invalid-configuration", "not-written", problem);
  }
}

/** Another change of the membership is not committed yet, or nothing of the leader's term is. Try again soon. */
export class ConfigurationInProgressError extends RaftError {
  /** No arguments. */
  constructor() {
    super("configuration-in-progress", "not-written", "another configuration is not committed yet");
  }
}

/** The configuration is not the one that the caller had in mind. hashicorp/raft: "configuration changed since …". */
export class ConfigurationChangedError extends RaftError {
  /**
   * `prevIndex`: what the caller gave; `latestIndex`: index of the configuration in force; `outcome`: `failed` if the change was
   * made and somebody has undone it since, `unknown` if somebody wants another whole configuration than the one that it was on
   * the way to.
   */
  constructor(
    /** The index that the caller gave, or of the change that was undone. */
    readonly prevIndex: Index,
    /** Index of the configuration in force. */
    readonly latestIndex: Index,
    outcome: Outcome = "not-written",
  ) {
    super(
      "configuration-changed",
      outcome,
      `configuration changed since ${prevIndex} (latest is ${latestIndex})`,
    );
  }
}

/** The leader is handing leadership over and takes no writes meanwhile. hashicorp/raft: `ErrLeadershipTransferInProgress`. */
export class TransferInProgressError extends RaftError {
  /** No arguments. */
  constructor() {
    super("transfer-in-progress", "not-written", "leadership transfer in progress");
  }
}

/** Leadership could not be handed over; this node still leads, or never did. */
export class TransferFailedError extends RaftError {
  /** `problem`: why, in words. */
  constructor(problem: string) {
    super("transfer-failed", "not-written", problem);
  }
}

/**
 * A backup was restored meanwhile: the command has no effect and never will. If it was applied before the backup replaced the
 * state, readers may have seen what it did until then. hashicorp/raft: `ErrAbortedByRestore`.
 */
export class AbortedByRestoreError extends RaftError {
  /** `outcome`: `failed` if the entry was appended, else `not-written`. */
  constructor(outcome: "failed" | "not-written") {
    super("aborted-by-restore", outcome, "a backup is being restored; the command has no effect");
  }
}

/** The state machine that a backup was tried on could not restore it: no replica has. `cause` is what it threw. */
export class BackupRefusedError extends RaftError {
  /** `cause`: what the state machine threw. */
  constructor(cause: unknown) {
    super(
      "backup-refused",
      "failed",
      `the state machine cannot restore the backup: ${cause}; nothing has changed`,
      { cause },
    );
  }
}

/** Nothing was applied since the last snapshot. hashicorp/raft: `ErrNothingNewToSnapshot`. */
export class NothingNewToSnapshotError extends RaftError {
  /** `index`: what the last snapshot contains. */
  constructor(index: Index) {
    super("nothing-new-to-snapshot", "not-written", `nothing new to snapshot since entry ${index}`);
  }
}

/** The node has no snapshot store, or its state machine no `snapshot` and `restore`. */
export class SnapshotsUnsupportedError extends RaftError {
  /** No arguments. */
  constructor() {
    super(
      "snapshots-unsupported",
      "not-written",
      "snapshots need a snapshot store, and a state machine with snapshot() and restore()",
    );
  }
}

/** A setting, or what a call was given, that cannot be: the message names the field, what was given and what is allowed. */
export class InvalidConfigError extends RaftError {
  /** `field`: whose value is wrong; `given`: that value; `allowed`: what would be right, in words. `outcome`: another one if an answer has shown it. */
  constructor(
    /** The field whose value is wrong. */
    readonly field: string,
    given: unknown,
    allowed: string,
    outcome: Outcome = "not-written",
  ) {
    super("invalid-config", outcome, `${field} is ${String(given)}; allowed is ${allowed}`);
  }
}

/** Storage failed or holds damage. The message names the file and, for damage, the offset. */
export class StorageError extends RaftError {
  /** `message`: what failed and where. `cause`: the operating system's error, if there was one. */
  constructor(message: string, options?: ErrorOptions) {
    super("storage", "unknown", message, options);
  }
}

/** The store is open already, in this process or another. */
export class StoreLockedError extends RaftError {
  /** `directory`: the store's directory. */
  constructor(
    /** The store's directory. */
    readonly directory: string,
  ) {
    super(
      "store-locked",
      "not-written",
      `the store in ${directory} is open already, in this process or another`,
    );
  }
}

/** The state machine threw: the node has stopped. `cause` is what it threw. */
export class FsmFailedError extends RaftError {
  /** `index`: of the entry whose command it was, or of the last one in a snapshot; `doing`: what it was to do with it. */
  constructor(
    /** Index of the entry whose command it was, or of the last one in a snapshot. */
    readonly index: Index,
    cause: unknown,
    doing: "applying" | "restoring the snapshot of" = "applying",
  ) {
    super(
      "fsm-failed",
      "unknown",
      `the state machine threw while ${doing} entry ${index}; the node has stopped`,
      { cause },
    );
  }
}

/** The transport cannot do what it was asked, such as to listen on an address. */
export class TransportError extends RaftError {
  /** `message`: what failed, with the address. `cause`: the operating system's error, if there was one. */
  constructor(message: string, options?: ErrorOptions) {
    super("transport", "not-written", message, options);
  }
}
