/**
 * What can become of a session, as errors.
 *
 * @module
 */
import { type Outcome, RaftError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";

/**
 * The cluster no longer knows the session: it was not used for too long, or too many others were. Whether its last commands
 * took effect can no longer be found out (thesis 6.3). Open a new one.
 */
export class SessionExpiredError extends RaftError {
  /**
   * `session`: its id. `outcome`: `unknown` if the command may have been applied before; `failed` if it came too late for
   * certain; `not-written` if it was not even sent.
   */
  constructor(
    /** The session's id. */
    readonly session: Index,
    outcome: Outcome = "unknown",
  ) {
    super("session-expired", outcome, `session ${session} has expired`);
  }
}

/** The session was closed on this side. */
export class SessionClosedError extends RaftError {
  /** `session`: its id; `outcome`: `unknown` if the command was on its way when it was closed. */
  constructor(
    /** The session's id. */
    readonly session: Index,
    outcome: Outcome,
  ) {
    super("session-closed", outcome, `session ${session} is closed`);
  }
}

/**
 * The command is older than what its session remembers, so its answer is lost: the session's responses were more than
 * `responsesMax` or `responsesSizeMaxBytes`. Nobody knows whether it took effect; it will not from now on.
 */
export class ResponseDroppedError extends RaftError {
  /** `session`: its id. */
  constructor(
    /** The session's id. */
    readonly session: Index,
  ) {
    super(
      "response-dropped",
      "unknown",
      `session ${session} no longer keeps the response to this command: its responses were more than ` +
        `responsesMax, or more bytes than responsesSizeMaxBytes`,
    );
  }
}
