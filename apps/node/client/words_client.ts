/**
 * The client of the words service.
 *
 * @module
 */
import { Example } from "../gen/example_pb.ts";
import { READ_LEVEL } from "../grpc/example.ts";
import { type ClientSettings, LeaderClient } from "./leader_client.ts";

/** What the nodes answered to a read. */
export interface WordsAnswer {
  /** The answer holds what the log says up to this index. */
  readonly readAtIndex: bigint;
  /** Always three, the best first; empty where there is none. */
  readonly bestWords: readonly string[];
}

/** Adds and reads words, wherever the leader is. */
export class WordsClient implements Disposable {
  readonly #nodes: LeaderClient;

  /** Connects to nothing yet. */
  constructor(settings: ClientSettings) {
    this.#nodes = new LeaderClient(settings);
  }

  /** Adds `word` and returns its index in the log. Rejects with `ClientError`. */
  async addWord(word: string): Promise<bigint> {
    const { commitIndex } = await this.#nodes.onLeader(
      "write",
      (connection, timeoutMs) => connection.call(Example.method.addWord, { word }, { timeoutMs }),
    );
    return commitIndex;
  }

  /** The three best words: of the leader, or with `local` of whichever node answers first. Rejects with `ClientError`. */
  async words(level: "linearizable" | "local" = "linearizable"): Promise<WordsAnswer> {
    return await this.#nodes.onLeader(
      level === "local" ? "local-read" : "read",
      (connection, timeoutMs) =>
        connection.call(Example.method.getWords, {}, {
          timeoutMs,
          metadata: { [READ_LEVEL]: level },
        }),
    );
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    this.#nodes[Symbol.dispose]();
  }
}
