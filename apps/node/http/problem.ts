/**
 * What went wrong, as HTTP says it: `application/problem+json` (RFC 9457) with the error's stable `code`, its `outcome`, and
 * where the leader is.
 *
 * A node that does not lead sends clients on to the leader with 307, which keeps method and body: clients that follow redirects
 * arrive, and those that do not find the leader in the problem. If it does not know where clients reach the leader, it says 421;
 * if there is no leader, 503, and to try again.
 *
 * @module
 */
import { assertNever, NotLeaderError, type Outcome, RaftError } from "@coracle/core";
import { status as grpcStatus } from "@grpc/grpc-js";
import { z } from "zod";
import { BackupError } from "../backup/format.ts";
import { CallError } from "../grpc/status.ts";

/** The media type of a problem. */
export const PROBLEM_TYPE = "application/problem+json";

const leaderSchema = z.strictObject({
  id: z.string().meta({ description: "Its name." }),
  url: z.string().optional().meta({ description: "Where clients reach it, if the node knows." }),
}).meta({ description: "The leader that the node knows of, if it does not lead itself." });

/** A problem, as it is sent. */
export const problemSchema = z.strictObject({
  title: z.string().meta({ description: "What the status code means." }),
  status: z.int().meta({ description: "The status code." }),
  detail: z.string().meta({ description: "What is wrong: what was given and what is allowed." }),
  code: z.string().meta({ description: "Stable name of the error, such as not-leader." }),
  outcome: z.enum(["not-written", "unknown", "failed"]).meta({
    description: "Whether what was asked for may have been done: not-written (try again as you " +
      "like), unknown (it may still happen), failed (certain never to take effect).",
  }),
  leader: leaderSchema.optional(),
  words: z.array(z.strictObject({
    word: z.string(),
    index: z.int().optional(),
    code: z.string().optional(),
    outcome: z.enum(["not-written", "unknown", "failed"]).optional(),
  })).optional().meta({
    description: "If several words were to be added and not all of them are: what became of each.",
  }),
}).meta({ description: "What went wrong." });

/** A problem, as it is sent. */
export type Problem = z.output<typeof problemSchema>;

/** A request that is refused for a reason of HTTP's own, before anything was done. */
export class HttpError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "HttpError";
  /** `status`: the status code; `code`: stable name of the reason; `message`: what was given and what is allowed. */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: {
      readonly outcome?: Outcome;
      readonly headers?: Readonly<Record<string, string>>;
      readonly words?: Problem["words"];
    } = {},
  ) {
    super(message);
  }
}

/** Finds where clients reach a leader over HTTP, by its id. */
export type LeaderUrl = (id: string) => string | undefined;

/** How a problem is sent. */
export interface ProblemAnswer {
  /** Its body. */
  readonly problem: Problem;
  /** What goes with it. */
  readonly headers: Readonly<Record<string, string>>;
}

/** When to try again after a state that passes by itself within an election. */
const RETRY_AFTER = { "retry-after": "1" };

/** The answer to a request of `target` (path and query) that `error` ended. */
export function problemOf(error: unknown, target: string, leaderUrl: LeaderUrl): ProblemAnswer {
  if (error instanceof HttpError) {
    const { outcome = "not-written", headers = {}, words } = error.details;
    const problem = problemBody(error.status, error.message, error.code, outcome);
    return { problem: words === undefined ? problem : { ...problem, words }, headers };
  }
  if (error instanceof CallError) {
    const status = error.grpcStatus === grpcStatus.INVALID_ARGUMENT ? 400 : 404;
    return { problem: problemBody(status, error.message, error.code, "not-written"), headers: {} };
  }
  if (error instanceof BackupError) {
    // Nothing of it takes effect, also if some of it was written already.
    return { problem: problemBody(400, error.message, "invalid-backup", "failed"), headers: {} };
  }
  if (error instanceof NotLeaderError) return notLeader(error, target, leaderUrl);
  if (!(error instanceof RaftError)) {
    return { problem: problemBody(500, "internal error", "internal", "unknown"), headers: {} };
  }
  const status = statusOf(error);
  return {
    problem: problemBody(status, error.message, error.code, error.outcome),
    headers: status === 503 || status === 429 ? RETRY_AFTER : {},
  };
}

function notLeader(error: NotLeaderError, target: string, leaderUrl: LeaderUrl): ProblemAnswer {
  const { leader, message, code, outcome } = error;
  if (leader === undefined) {
    return { problem: problemBody(503, message, code, outcome), headers: RETRY_AFTER };
  }
  const url = leaderUrl(leader.id);
  if (url === undefined) {
    const problem = problemBody(421, message, code, outcome);
    return { problem: { ...problem, leader: { id: leader.id } }, headers: {} };
  }
  const problem = problemBody(307, message, code, outcome);
  return {
    problem: { ...problem, leader: { id: leader.id, url } },
    headers: { location: url + target },
  };
}

function problemBody(status: number, detail: string, code: string, outcome: Outcome): Problem {
  return { title: TITLES[status] ?? "Error", status, detail, code, outcome };
}

const TITLES: Readonly<Record<number, string>> = {
  307: "Temporary Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  499: "Client Closed Request",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** The status code of an error of the consensus. */
export function statusOf({ code }: RaftError): number {
  switch (code) {
    case "not-leader":
    case "leadership-lost":
    case "shutdown":
    case "enqueue-timeout":
    case "transfer-in-progress":
      return 503;
    case "commit-timeout":
    case "shutdown-timeout":
      return 504;
    case "aborted":
      return 499;
    case "overloaded":
      return 429;
    case "command-too-large":
      return 413;
    case "invalid-configuration":
    case "invalid-config":
    case "backup-refused":
      return 400;
    case "aborted-by-restore":
    case "cannot-bootstrap":
    case "nothing-to-recover":
    case "nothing-new-to-snapshot":
    case "snapshots-unsupported":
    case "configuration-in-progress":
    case "configuration-changed":
    case "command-refused":
    case "session-expired":
    case "session-closed":
    case "transfer-failed":
      return 409;
    case "storage":
    case "store-locked":
    case "fsm-failed":
    case "transport":
    case "response-dropped":
      return 500;
    default:
      return assertNever(code);
  }
}
