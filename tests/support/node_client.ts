/**
 * A gRPC client of one node that does nothing by itself: it makes each call once, and says exactly how it ended.
 *
 * @module
 */
import "./no_goaway.ts";
import {
  Client,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { delay } from "@std/async";
import { encodeText, numberField, textFields } from "./protobuf.ts";

/** How a call ended. */
export type CallResult<T> = { readonly ok: true; readonly value: T } | CallFailure;

/** A call that failed. */
export interface CallFailure {
  readonly ok: false;
  /** gRPC's status code, by name, such as "UNAVAILABLE". */
  readonly status: string;
  /** The status in words. */
  readonly details: string;
  /** What the node said of the write: "not-written", "unknown" or "failed"; "unknown" if it said nothing. */
  readonly outcome: string;
  /** Where the node says that clients reach the leader. */
  readonly leader: string | undefined;
}

/** The three best words of a node. */
export interface WordsRead {
  /** The words hold what the log says up to this index. */
  readonly readAtIndex: number;
  /** The best first. */
  readonly bestWords: readonly string[];
}

const CALL_TIMEOUT_MS = 5000;
const SERVING = 1;
const RECONNECT_MAX_MS = 200;
/**
 * grpc-js 1.14.7 lets timers of a channel run on that is closed while it connects: until the next address would be tried, after 250 ms, and
 * until the connection would be tried again, after RECONNECT_MAX_MS and a fifth.
 */
const TIMERS_MAX_MS = 250;

/** One connection to one node, shared with nobody; it reconnects when a call is made. */
export class NodeClient implements AsyncDisposable {
  readonly #client: Client;

  /** `address`: the node's gRPC address. */
  constructor(readonly address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": RECONNECT_MAX_MS,
      "grpc.enable_retries": 0,
    });
  }

  /** Adds `word`; resolves to its index in the log. */
  async addWord(word: string | Uint8Array, timeoutMs?: number): Promise<CallResult<number>> {
    const answer = await this.call("/Example/AddWord", encodeText(word), { timeoutMs });
    return answer.ok ? { ok: true, value: numberField(answer.value, 1) } : answer;
  }

  /** The three best words: of the whole cluster, or with "local" as far as this node knows. */
  async words(
    level: "linearizable" | "lease" | "local" = "linearizable",
    timeoutMs?: number,
  ): Promise<CallResult<WordsRead>> {
    const metadata = { "read-level": level };
    const answer = await this.call("/Example/GetWords", new Uint8Array(0), { metadata, timeoutMs });
    if (!answer.ok) return answer;
    const readAtIndex = numberField(answer.value, 1);
    return { ok: true, value: { readAtIndex, bestWords: textFields(answer.value, 2) } };
  }

  /** Whether the node is there and says that it leads. */
  async leads(): Promise<boolean> {
    const answer = await this.call("/grpc.health.v1.Health/Check", encodeText("quis.RaftLeader"));
    return answer.ok && numberField(answer.value, 1) === SERVING;
  }

  /** Calls the method at `path` with the bytes of a request; resolves to those of the answer. */
  call(
    path: string,
    request: Uint8Array,
    { timeoutMs = CALL_TIMEOUT_MS, metadata = {} }: {
      readonly timeoutMs?: number | undefined;
      readonly metadata?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<CallResult<Uint8Array>> {
    const sent = new Metadata();
    for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        path,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer) => new Uint8Array(bytes),
        request,
        sent,
        { deadline: Date.now() + timeoutMs },
        (error, value) => resolve(error === null ? { ok: true, value: value! } : failure(error)),
      );
    });
  }

  /** Closes the connection, and waits until nothing of it is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    const state = this.#client.getChannel().getConnectivityState(false);
    this.#client.close();
    if (state !== connectivityState.CONNECTING && state !== connectivityState.TRANSIENT_FAILURE) {
      return;
    }
    // Timers end in the order in which they are due, so those of the channel have ended before this one.
    await delay(TIMERS_MAX_MS);
  }
}

function failure({ code, details, metadata }: ServiceError): CallFailure {
  return {
    ok: false,
    status: status[code],
    details,
    outcome: metadata.get("coracle-outcome")[0]?.toString() ?? "unknown",
    leader: metadata.get("coracle-leader-grpc")[0]?.toString(),
  };
}
