/**
 * Sessions: commands of clients that retry take effect exactly once (thesis 6.3).
 *
 * @module
 */
export { type SessionClock } from "./deadlines.ts";
export { ResponseDroppedError, SessionClosedError, SessionExpiredError } from "./errors.ts";
export { DEFAULT_SESSION_LIMITS, type SessionLimits } from "./limits.ts";
export { type SessionResponse } from "./response.ts";
export { sessionFsm, type SessionFsmOptions } from "./session_fsm.ts";
export {
  changeSessionLimits,
  Session,
  type SessionOptions,
  type SessionStatus,
} from "./session.ts";
