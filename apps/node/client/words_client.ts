/**
 * The client of the words service: it finds the leader by itself, and retries what is safe to retry.
 *
 * A word that was added twice stands there twice, so a word is sent again only when it is certain that it was
 * not written: the node said so in its answer, or there was no connection to send it on. When a connection
 * breaks after the word was sent, nobody knows; the caller is told.
 *
 * @module
 */
import { delay } from "@std/async";
import { type ServiceError, status } from "@grpc/grpc-js";
import { Example } from "../gen/example_pb.ts";
import { READ_LEVEL } from "../grpc/example.ts";
import { TRAILER } from "../grpc/status.ts";
import { Connection, UnreachableError } from "./connection.ts";

/** Settings of a client. */
export interface WordsClientOptions {
  /** gRPC addresses of some or all nodes; more are learnt from what nodes say of their leader. */
  readonly endpoints: readonly string[];
  /** How long a call may take, looking for a leader included, in milliseconds. */
  readonly timeoutMs: number;
}

/** What a call has come to when it has not succeeded. */
export type CallOutcome = "not-written" | "unknown";

/** A call that did not succeed. The message says why, at each node. */
export class WordsClientError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "WordsClientError";
  /** `outcome`: whether a word may have been written; `refused`: whether it would be refused again. */
  constructor(readonly outcome: CallOutcome, readonly refused: boolean, message: string) {
    super(message);
  }
}

/** What the nodes answered to a read. */
export interface WordsAnswer {
  /** The answer holds what the log says up to this index. */
  readonly readAtIndex: bigint;
  /** Always three, the best first; empty where there is none. */
  readonly bestWords: readonly string[];
}

/** How long one node may take to accept a connection before the next one is tried. */
const CONNECT_TIMEOUT_MS = 1000;
const PAUSE_MIN_MS = 20;
const PAUSE_MAX_MS = 500;

/** A client of all nodes of one cluster. */
export class WordsClient implements Disposable {
  readonly #timeoutMs: number;
  readonly #connections: Connection[];
  /** Which connection led to the leader last. */
  #current = 0;

  /** Connects to nothing yet. */
  constructor({ endpoints, timeoutMs }: WordsClientOptions) {
    this.#timeoutMs = timeoutMs;
    this.#connections = endpoints.map((endpoint) => new Connection(endpoint));
  }

  /** Adds `word` and returns its index in the log. Rejects with {@linkcode WordsClientError}. */
  async addWord(word: string): Promise<bigint> {
    const { commitIndex } = await this.#onLeader(
      "write",
      (connection, timeoutMs) => connection.call(Example.method.addWord, { word }, { timeoutMs }),
    );
    return commitIndex;
  }

  /** The three best words: of the leader, or with `local` of whichever node answers first. Rejects with {@linkcode WordsClientError}. */
  async words(level: "linearizable" | "local" = "linearizable"): Promise<WordsAnswer> {
    return await this.#onLeader(
      "read",
      (connection, timeoutMs) =>
        connection.call(Example.method.getWords, {}, {
          timeoutMs,
          metadata: { [READ_LEVEL]: level },
        }),
    );
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.close();
  }

  async #onLeader<T>(
    kind: "read" | "write",
    call: (connection: Connection, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const deadline = Date.now() + this.#timeoutMs;
    const problems = new Map<string, string>();
    let pauseMs = PAUSE_MIN_MS;
    for (let attempt = 1;; attempt += 1) {
      const at = this.#current;
      const connection = this.#connections[at]!;
      const remainingMs = deadline - Date.now();
      if (remainingMs <= 0) throw this.#noLeader(problems);
      try {
        await connection.connect(Math.min(CONNECT_TIMEOUT_MS, remainingMs));
        const leftMs = deadline - Date.now();
        if (leftMs > 0) return await call(connection, leftMs);
      } catch (error) {
        const verdict = judge(error, kind);
        if (verdict.next === "give-up") throw verdict.error;
        problems.set(connection.address, (error as Error).message);
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

  /** To `leader`, if a node named it and Deno lets us, else to the next node in turn. */
  #moveOn(leader: string | undefined): void {
    if (leader === undefined || !mayConnect(leader)) {
      this.#current = (this.#current + 1) % this.#connections.length;
      return;
    }
    const known = this.#connections.findIndex(({ address }) => address === leader);
    this.#current = known >= 0 ? known : this.#connections.push(new Connection(leader)) - 1;
  }

  #noLeader(problems: ReadonlyMap<string, string>): WordsClientError {
    const found = [...problems].map(([address, problem]) => `${address}: ${problem}`).join("; ");
    return new WordsClientError(
      "not-written",
      false,
      `no leader answered within ${this.#timeoutMs} ms (${found || "no time to ask any node"})`,
    );
  }
}

function mayConnect(host: string): boolean {
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

type Verdict =
  | { readonly next: "move-on"; readonly leader: string | undefined }
  | { readonly next: "stay" }
  | { readonly next: "give-up"; readonly error: WordsClientError };

/** What follows from a call that failed. */
function judge(error: unknown, kind: "read" | "write"): Verdict {
  if (error instanceof UnreachableError) return { next: "move-on", leader: undefined };
  if (!isServiceError(error)) throw error;
  const trailer = (key: string) => error.metadata?.get(key)[0]?.toString();
  const outcome = trailer(TRAILER.outcome);
  const temporary = error.code === status.UNAVAILABLE || error.code === status.RESOURCE_EXHAUSTED;
  if (temporary && (kind === "read" || outcome === "not-written" || outcome === "failed")) {
    return error.code === status.RESOURCE_EXHAUSTED
      ? { next: "stay" }
      : { next: "move-on", leader: trailer(TRAILER.leaderGrpc) };
  }
  const refused = outcome === "not-written" || error.code === status.UNIMPLEMENTED;
  const known = kind === "read" || refused || outcome === "failed";
  return {
    next: "give-up",
    error: new WordsClientError(known ? "not-written" : "unknown", refused, error.details),
  };
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error;
}
