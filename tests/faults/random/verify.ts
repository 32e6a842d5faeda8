/**
 * What must be true when all is over: of what the clients saw, and of what the nodes hold.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  checkLinearizable,
  checkMonotonicReads,
  checkNoPhantomValue,
  checkOneIndexPerWrite,
  checkReadYourWrites,
  wordsModel,
} from "@coracle/testing/linearizability";
import type { NodeLog } from "../../support/node_log.ts";
import type { Clients } from "./clients.ts";

/** Linearizable reads and writes happened one after another, and the indexes that were named say the same. */
export function verifyHistory({ history, sessions }: Clients): { readonly steps: number } {
  for (
    const check of [
      checkMonotonicReads,
      checkReadYourWrites,
      checkNoPhantomValue,
      checkOneIndexPerWrite,
    ]
  ) {
    const verdict = check(sessions);
    assert(verdict.type === "kept", verdict.type === "broken" ? verdict.text : "");
  }
  const verdict = checkLinearizable(wordsModel, history.operations, { stepsMax: 20_000_000 });
  assert(verdict.type === "linearizable", verdict.type === "linearizable" ? "" : verdict.text);
  return verdict;
}

/** All logs say the same, and hold what clients were told, as far as they reach back. */
export function verifyLogs(logs: readonly NodeLog[], clients: Clients): void {
  const { acknowledged, notWritten, unknown } = clients;
  const whole = new Map(logs.flatMap(({ entries }) => [...entries]));
  for (const { directory, entries, words } of logs) {
    for (const [index, entry] of entries) {
      assertEquals(entry, whole.get(index), `${directory} differs at ${index}`);
    }
    assertEquals(new Set(words).size, words.length, `${directory} holds a word twice`);
    for (const word of words) {
      assert(!notWritten.has(word), `${directory} holds ${word}, which was said not to be written`);
      const sent = acknowledged.has(word) || unknown.has(word);
      assert(sent, `${directory} holds ${word}, which nobody has sent`);
    }
    const firstIndex = entries.keys().reduce((a, b) => Math.min(a, b), Infinity);
    for (const [word, index] of acknowledged) {
      if (index < firstIndex) continue;
      assertEquals(entries.get(index)?.data, word, `${directory} has lost entry ${index}`);
    }
  }
  if (whole.has(1)) verifyReads(whole, clients);
}

/** Every read, of any level, saw exactly what the log holds up to the index that it named. */
function verifyReads(log: NodeLog["entries"], { reads }: Clients): void {
  let words = wordsModel.init();
  let index = 0;
  for (const read of reads.toSorted((a, b) => a.index - b.index)) {
    while (index < read.index) {
      index += 1;
      const entry = log.get(index);
      assert(entry !== undefined, `a read names index ${read.index}; the log has no ${index}`);
      if (entry.type !== "command") continue;
      words = wordsModel.step(words, { type: "add", word: entry.data }, undefined)!.state;
    }
    assertEquals(read.words, words, `a ${read.level} read at index ${read.index}`);
  }
}
