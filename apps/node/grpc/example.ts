/**
 * The words service.
 *
 * @module
 */
import type { Index } from "@coracle/core";
import type { WordsFsm } from "@coracle/fsm-words";
import { type Metadata, status } from "@grpc/grpc-js";
import type { Example } from "../gen/example_pb.ts";
import type { OpenCalls } from "./open_calls.ts";
import type { CallContext, Handlers } from "./service.ts";
import { CallError, invalidArgument } from "./status.ts";

/** What the service needs of a node. `Raft` is one. */
export interface Replicator {
  /** Replicates and applies a command. */
  apply(command: Uint8Array, options: CallOptions): Promise<{ index: Index }>;
  /** Waits until everything appended before is applied; rejects if this node does not lead. */
  barrier(options: CallOptions): Promise<Index>;
  /** Up to where the log is applied. */
  readonly appliedIndex: Index;
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
        const barrier = level === "linearizable" ? await raft.barrier(options(context)) : 0;
        // Read in one go: the three numbers and the words belong to the same moment.
        const readAtIndex = Math.max(barrier, raft.appliedIndex, fsm.lastIndex);
        return { readAtIndex: BigInt(readAtIndex), bestWords: fsm.bestWords() };
      }),
  };
}

/** Refuses what the words machine cannot hold; a line feed would be two words in a snapshot. */
function checkWord(bytes: Uint8Array, sizeMaxBytes: number): void {
  if (bytes.length === 0 || bytes.length > sizeMaxBytes) {
    throw invalidArgument(
      `the word has ${bytes.length} bytes of UTF-8; allowed are 1 to ${sizeMaxBytes}`,
    );
  }
  if (bytes.includes(0x0a)) {
    throw invalidArgument("the word has a line feed; allowed is a word without one");
  }
}

/** The request metadata that chooses how fresh an answer must be. */
export const READ_LEVEL = "read-level";

type ReadLevel = "linearizable" | "local";

function readLevel(metadata: Metadata): ReadLevel {
  const given = metadata.get(READ_LEVEL);
  const level = given.length === 0 ? "linearizable" : given.join(",");
  switch (level) {
    case "linearizable":
    case "local":
      return level;
    case "lease":
      throw new CallError(
        status.UNIMPLEMENTED,
        "unimplemented",
        `${READ_LEVEL} "lease" is not available; allowed is linearizable or local`,
      );
    default:
      throw invalidArgument(
        `${READ_LEVEL} is ${JSON.stringify(level)}; allowed is linearizable or local`,
      );
  }
}
