/**
 * Calls that the leader takes, or any node: the client finds one by itself, and retries what is safe to retry.
 *
 * What was written twice may stand there twice, so a write is sent again only when it is certain that it had no effect: the
 * node said so in its answer, or there was no connection to send it on. When a connection breaks after the write was
 * sent, nobody knows; the caller is told.
 *
 * @module
 */
import { delay } from "@std/async";
import type { ClientSecurity } from "../security/client_security.ts";
import { CallFailure } from "./call_failure.ts";
import { Connection, UnreachableError } from "./connection.ts";

/** Settings of a client. */
export interface ClientSettings {
  /** gRPC addresses of some or all nodes; more are learnt from what nodes say of their leader. */
  readonly endpoints: readonly string[];
  /** How long a call may take, looking for a leader included, in milliseconds. */
  readonly timeoutMs: number;
  /** Whom to trust, and what to present; plain text and nothing by default. */
  readonly security?: ClientSecurity;
}

/** What a call does: whether it may be made again whatever became of it, and whether any node may answer it or only the leader. */
export type CallKind = "local-read" | "read" | "write";

/** What a call has come to when it has not succeeded. */
export type CallOutcome = "not-written" | "unknown";

/** A call that did not succeed. The message says why, at each node. */
export class ClientError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "ClientError";
  /** `outcome`: whether something may have been written; `refused`: whether it would be refused again; `code`: the stable name of the reason, if there is one. */
  constructor(
    readonly outcome: CallOutcome,
    readonly refused: boolean,
    message: string,
    readonly code?: string,
  ) {
    super(message);
  }
}

/** How long one node may take to accept a connection before the next one is tried. */
const CONNECT_TIMEOUT_MS = 1000;
const PAUSE_MIN_MS = 20;
const PAUSE_MAX_MS = 500;
/**
 * A write is not sent again with less time than this share of what there was, but for what is long enough in any case: when its
 * time runs out, nobody knows what has become of it, and of those before it is known.
 */
const LAST_ATTEMPT_SHARE = 0.25;
const LAST_ATTEMPT_MAX_MS = 1000;

/** A client of all nodes of one cluster. */
export class LeaderClient implements Disposable {
  readonly #timeoutMs: number;
  readonly #security: ClientSecurity | undefined;
  readonly #connections: Connection[];
  /** Which connection led to the leader last. */
  #current = 0;

  /** Connects to nothing yet. */
  constructor({ endpoints, timeoutMs, security }: ClientSettings) {
    this.#timeoutMs = timeoutMs;
    this.#security = security;
    this.#connections = endpoints.map((endpoint) => new Connection(endpoint, security));
  }

  /**
   * Makes `call` at one node after another until the leader takes it, or the first that answers a `local-read`. Rejects with
   * {@linkcode ClientError}.
   */
  async onLeader<T>(
    kind: CallKind,
    call: (connection: Connection, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const deadline = Date.now() + this.#timeoutMs;
    const enoughMs = kind === "write"
      ? Math.min(this.#timeoutMs * LAST_ATTEMPT_SHARE, LAST_ATTEMPT_MAX_MS)
      : 0;
    const problems = new Map<string, string>();
    let pauseMs = PAUSE_MIN_MS;
    for (let attempt = 1;; attempt += 1) {
      const at = this.#current;
      const connection = this.#connections[at]!;
      const remainingMs = deadline - Date.now();
      const neededMs = problems.size === 0 ? 0 : enoughMs;
      if (remainingMs <= neededMs) throw this.#noAnswer(kind, problems);
      try {
        await connection.connect(Math.min(CONNECT_TIMEOUT_MS, remainingMs));
        const leftMs = deadline - Date.now();
        if (leftMs > neededMs) return await call(connection, leftMs);
      } catch (error) {
        const verdict = judge(error, kind);
        if (verdict.next === "give-up") throw verdict.error;
        problems.set(connection.address, verdict.problem);
        // Another call may have moved on already.
        if (verdict.next === "move-on" && this.#current === at) this.#moveOn(verdict.leader);
      }
      // Not before every node was asked, so that a new leader is found at once.
      if (attempt % this.#connections.length === 0) {
        await delay(Math.min(pauseMs, Math.max(0, deadline - Date.now())));
        pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
      }
    }
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.close();
  }

  /** To `leader`, if a node named it and Deno lets us, else to the next node in turn. */
  #moveOn(leader: string | undefined): void {
    if (leader === undefined || !mayConnect(leader)) {
      this.#current = (this.#current + 1) % this.#connections.length;
      return;
    }
    const known = this.#connections.findIndex(({ address }) => address === leader);
    this.#current = known >= 0
      ? known
      : this.#connections.push(new Connection(leader, this.#security)) - 1;
  }

  #noAnswer(kind: CallKind, problems: ReadonlyMap<string, string>): ClientError {
    const wanted = kind === "local-read" ? "node" : "leader";
    const found = [...problems].map(([address, problem]) => `${address}: ${problem}`).join("; ");
    return new ClientError(
      "not-written",
      false,
      `no ${wanted} answered within ${this.#timeoutMs} ms (${found || "no time to ask any node"})`,
      `no-${wanted}`,
    );
  }
}

/** Whether Deno lets this process connect to `host`. */
export function mayConnect(host: string): boolean {
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

type Verdict =
  | { readonly next: "move-on"; readonly problem: string; readonly leader: string | undefined }
  | { readonly next: "stay"; readonly problem: string }
  | { readonly next: "give-up"; readonly error: ClientError };

/** What follows from a call that failed. */
function judge(error: unknown, kind: CallKind): Verdict {
  if (error instanceof UnreachableError) {
    return { next: "move-on", problem: error.message, leader: undefined };
  }
  const failure = CallFailure.of(error);
  if (failure !== undefined && (kind !== "write" || failure.isWithoutEffect)) {
    const { message: problem, leaderGrpc: leader } = failure;
    if (failure.isBusy) return { next: "stay", problem };
    if (failure.isElsewhere) return { next: "move-on", problem, leader };
  }
  return { next: "give-up", error: clientErrorOf(error, kind) };
}

/** The end of a call that failed with `error`. Throws what is no failure of a call: a bug. */
export function clientErrorOf(error: unknown, kind: CallKind): ClientError {
  if (error instanceof UnreachableError) {
    return new ClientError("not-written", false, error.message, "unreachable");
  }
  const failure = CallFailure.of(error);
  if (failure === undefined) throw error;
  const { message, code, isRefusal, isWithoutEffect } = failure;
  const outcome = kind !== "write" || isRefusal || isWithoutEffect ? "not-written" : "unknown";
  return new ClientError(outcome, isRefusal, message, code);
}
