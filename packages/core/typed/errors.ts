/**
 * How a command is refused: a value in the state machine, an error in the client.
 *
 * @module
 */
import { RaftError } from "../model/errors.ts";

/** Returned by a handler that refuses its command. Made by {@linkcode refuse}. */
export class Refusal<Reason extends string> {
  /** `reason`: why, by name; `message`: why, in words. */
  constructor(
    /** Why, by name. */
    readonly reason: Reason,
    /** Why, in words. */
    readonly message?: string,
  ) {}
}

/**
 * Refuses a command: `return refuse("overflow")`. `message` says it in words; it goes into the response, so it must follow
 * from command and state alone.
 */
export function refuse<Reason extends string>(reason: Reason, message?: string): Refusal<Reason> {
  return new Refusal(reason, message);
}

/**
 * The state machine has refused the command: it is in the log, has changed nothing and never will. The same command may be
 * accepted in another state.
 */
export class CommandRefusedError<Reason extends string = string> extends RaftError {
  /** `command`: its name; `refusal`: why, by name; `message`: why, in words. */
  constructor(
    /** Name of the command. */
    readonly command: string,
    /** Why, by name: one of the command's own errors, or a `CommonRefusal`. */
    readonly refusal: Reason,
    message?: string,
  ) {
    const words = message === undefined ? "" : ` (${message})`;
    super("command-refused", "failed", `the command ${command} was refused: ${refusal}${words}`);
  }
}
