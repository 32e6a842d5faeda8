/**
 * A worker that reads the logs of nodes, running or not, so that the clients need not wait meanwhile. It is sent a
 * {@linkcode LogQuestion} and answers with a {@linkcode LogAnswer}.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { inspectStore } from "@coracle/store-fs";
import type { LogImage } from "./book.ts";
import { numberOf } from "./words.ts";

/** Which log is to be read. */
export interface LogQuestion {
  readonly nodeId: string;
  readonly directory: string;
  /** Words before this index are not asked for. */
  readonly fromIndex: number;
}

/** What is in it, and what is wrong with it. */
export interface LogAnswer {
  readonly image: LogImage;
  /** What is damaged. What follows it may be in the image nevertheless, so that there is a hole. */
  readonly damage: readonly string[];
}

/** How often a log is read anew that has changed while it was read. */
const TRIES = 10;

/** Reads a log. What a node has just written looks damaged if it was read half, and something behind it whole; damage that is real stays. */
export async function readLog(
  { nodeId, directory, fromIndex }: LogQuestion,
  inspect: typeof inspectStore = inspectStore,
): Promise<LogAnswer> {
  for (let tries = 1;; tries += 1) {
    try {
      const store = await inspect(directory);
      const words: number[] = [];
      const text = new TextDecoder();
      for (const { index, type, data } of store.entries()) {
        if (type !== "command" || index < fromIndex) continue;
        // A word that is none of ours has a number that nobody has sent.
        words.push(index, numberOf(text.decode(data)) ?? Infinity);
      }
      const damage = store.findings.filter(({ kind }) => kind === "damage")
        .map(({ file, offset, expected, found }) =>
          `${file} at ${offset}: ${found}, not ${expected}`
        );
      if (damage.length > 0 && tries < TRIES) continue;
      const { firstIndex } = store;
      return {
        image: { nodeId, firstIndex, fromIndex, words: Float64Array.from(words) },
        damage,
      };
    } catch (error) {
      // The node has dropped a segment, or cut its log, at this moment.
      if (tries === TRIES) throw error;
    }
  }
}

if (typeof self !== "undefined" && "postMessage" in self) {
  self.onmessage = async ({ data }: MessageEvent<LogQuestion>) => {
    self.postMessage(await readLog(data));
  };
}
