/**
 * The answer to what is no request that can be read, or does not come to its end.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import { HttpError, PROBLEM_TYPE, problemOf } from "./problem.ts";

/** Says what is wrong with it, if somebody is still there, and closes the connection. */
export function answerUnreadable(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { problem } = problemOf(unreadable(error.code), "", () => undefined);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    "connection: close",
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${new TextEncoder().encode(body).length}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

function unreadable(code: string | undefined): HttpError {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new HttpError(408, "header-timeout", "the header of a request has not come in time");
    case "HPE_HEADER_OVERFLOW":
      return new HttpError(431, "header-too-large", "the header has more bytes than it may have");
    default:
      return new HttpError(400, "invalid-argument", "what came is no request of HTTP/1.1");
  }
}
