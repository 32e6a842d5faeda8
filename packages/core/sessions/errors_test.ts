/**
 * What errors of sessions say.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { RaftError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { ResponseDroppedError, SessionClosedError, SessionExpiredError } from "./errors.ts";

Deno.test("every error of sessions has its code, outcome, name, session and words", () => {
  const errors = [
    new SessionExpiredError(toIndex(7)),
    new SessionExpiredError(toIndex(7), "failed"),
    new SessionClosedError(toIndex(7), "not-written"),
    new ResponseDroppedError(toIndex(7)),
  ];
  for (const error of errors) assert(error instanceof RaftError && error.session === 7);
  assertEquals(errors.map(({ name, code, outcome }) => `${name} ${code} ${outcome}`), [
    "SessionExpiredError session-expired unknown",
    "SessionExpiredError session-expired failed",
    "SessionClosedError session-closed not-written",
    "ResponseDroppedError response-dropped unknown",
  ]);
  assertEquals(errors.map(({ message }) => message), [
    "session 7 has expired",
    "session 7 has expired",
    "session 7 is closed",
    "session 7 no longer keeps the response to this command: its responses were more than " +
    "responsesMax, or more bytes than responsesSizeMaxBytes",
  ]);
});
