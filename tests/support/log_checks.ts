/**
 * What must be true of the logs of a cluster, given what its clients were told.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type NodeLog, readNodeLog } from "./node_log.ts";
import type { WordLoad } from "./word_load.ts";

/** The logs of nodes that do not run. */
export async function readLogs(
  nodes: readonly { readonly directory: string }[],
): Promise<NodeLog[]> {
  return await Promise.all(nodes.map(({ directory }) => readNodeLog(directory)));
}

/** Every acknowledged word stands where the node has said that it stands. */
export function checkHolds(
  { directory, entries }: NodeLog,
  acknowledged: ReadonlyMap<string, number>,
): void {
  for (const [word, index] of acknowledged) {
    assertEquals(entries.get(index)?.data, word, `${directory} has lost entry ${index}`);
  }
}

/** What clients were told of the words that they sent. */
export type WordsTold = Pick<WordLoad, "acknowledged" | "notWritten" | "unknown">;

/** What a majority has on its disks is the same on all of them; nothing is there twice, or that was refused. */
export function checkLogs(logs: readonly NodeLog[], loads: readonly WordsTold[]): void {
  const [longest, second] = logs.toSorted((a, b) => b.lastIndex - a.lastIndex);
  for (const { directory, entries, words } of logs) {
    for (const [index, entry] of entries) {
      if (index <= second!.lastIndex) assertEquals(entry, longest!.entries.get(index), directory);
    }
    assertEquals(new Set(words).size, words.length, `${directory} holds a word twice`);
    for (const word of words) {
      const refused = loads.some(({ notWritten }) => notWritten.has(word));
      assert(!refused, `${directory} holds ${word}, of which a node said that it was not written`);
      const sent = loads.some((load) => load.acknowledged.has(word) || load.unknown.has(word));
      assert(sent, `${directory} holds ${word}, which nobody has sent`);
    }
  }
}

/** The three best of the words up to `index`: the longest in bytes, of equally long ones the smallest. */
export function bestWords({ entries }: NodeLog, index: number): string[] {
  const words = [...entries.values()]
    .filter((entry) => entry.type === "command" && entry.index <= index)
    .map(({ data }) => Buffer.from(data));
  words.sort((a, b) => b.length - a.length || Buffer.compare(a, b));
  return words.slice(0, 3).map((word) => word.toString());
}
