/**
 * What a state machine with sessions answers.
 *
 * @module
 */
import type { Index } from "../model/numbers.ts";
import type { SessionLimits } from "./limits.ts";

/** The answer to an entry, by what became of it. Plain data, so that it can be sent on to a client anywhere. */
export type SessionResponse<Response> =
  | {
    /** The command was applied: now, or before, when a client asks again. */
    readonly status: "applied";
    /** What the state machine inside answered; always the same for one command of one session. */
    readonly response: Response;
  }
  | {
    /** There is a new session. */
    readonly status: "registered";
    /** Its id. */
    readonly session: Index;
    /** The limits that hold for it. */
    readonly limits: SessionLimits;
  }
  | {
    /** The session counts as used. */
    readonly status: "kept-alive";
  }
  | {
    /** There is no such session any more. */
    readonly status: "closed";
  }
  | {
    /** There is no such session: it was not used for too long, or was closed. The command was not applied now. */
    readonly status: "expired";
  }
  | {
    /** The command is older than what its session remembers. It was not applied now; whether it ever was is not known. */
    readonly status: "dropped";
  }
  | {
    /** The limits hold from here on. */
    readonly status: "limits-changed";
    /** All of them. */
    readonly limits: SessionLimits;
  }
  | {
    /** The envelope cannot be read; the command was not applied. */
    readonly status: "malformed";
    /** What was found and what is allowed. */
    readonly problem: string;
  };
