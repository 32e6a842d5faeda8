/**
 * The words service.
 *
 * @module
 */
import type { Applied, Index, ReadLevel } from "@coracle/core";
import type { WordsFsm } from "@coracle/fsm-words";
import type { Metadata } from "@grpc/grpc-js";
import type { Example } from "../gen/example_pb.ts";
import type { OpenCalls } from "./open_calls.ts";
import type { CallContext, Handlers } from "./handlers.ts";
import { invalidArgument } from "./status.ts";
import { checkWord } from "./word.ts";

/** What the service needs of a node. `Raft` is one. */
export interface Replicator {
  /** Replicates and applies a command. */
  apply(command: Uint8Array, options: CallOptions): Promise<{ index: Index }>;
  /** Calls `query` when the state machine may be read at the level that is asked for. */
  read<Result>(
    query: () => Result,
    options: CallOptions & { readonly level: ReadLevel },
  ): Promise<Applied<Result>>;
}

/** How long a call may take, and what ends it earlier. */
export interface CallOptions {
  /** In milliseconds. */
  readonly timeoutMs: number;
  /** Fires when the client has given up. */
  readonly signal: AbortSignal;
}

/** Limits of the service. */
export interface ExampleLimits {
  /** Longest word, in bytes of UTF-8. */
  readonly commandSizeMaxBytes: number;
  /** How long a call may take whose client gives no deadline. */
  readonly requestTimeoutMs: number;
}

const encoder = new TextEncoder();

/** The methods of the service. */
export function exampleHandlers(
  raft: Replicator,
  fsm: WordsFsm,
  limits: ExampleLimits,
  calls: OpenCalls,
): Handlers<typeof Example> {
  const options = ({ remainingMs, signal }: CallContext): CallOptions => ({
    timeoutMs: Number.isFinite(remainingMs) ? Math.max(0, remainingMs) : limits.requestTimeoutMs,
    signal,
  });
  return {
    addWord: ({ word }, context) =>
      calls.run(async () => {
        const bytes = encoder.encode(word);
        checkWord(bytes, limits.commandSizeMaxBytes);
        const { index } = await raft.apply(bytes, options(context));
        return { commitIndex: BigInt(index) };
      }),
    getWords: (_request, context) =>
      calls.run(async () => {
        const level = readLevel(context.metadata);
        const read = await raft.read(() => fsm.bestWords(), { ...options(context), level });
        return { readAtIndex: BigInt(read.index), bestWords: read.response };
      }),
  };
}

/** The request metadata that chooses how fresh an answer must be. */
export const READ_LEVEL = "read-level";

function readLevel(metadata: Metadata): ReadLevel {
  const given = metadata.get(READ_LEVEL);
  const level = given.length === 0 ? "linearizable" : given.join(",");
  switch (level) {
    case "linearizable":
    case "lease":
    case "local":
      return level;
    default:
      throw invalidArgument(
        `${READ_LEVEL} is ${JSON.stringify(level)}; allowed is linearizable, lease or local`,
      );
  }
}
