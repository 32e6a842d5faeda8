/**
 * How every test of faults ends: all is well again, and everything is where it was said to be.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { checkHolds, checkLogs, readLogs } from "../support/log_checks.ts";
import type { WordLoad } from "../support/word_load.ts";
import type { FaultyCluster } from "./lab/faulty_cluster.ts";

/** How many words more must be acknowledged before it is believed that the cluster works. */
export const SOME_WORDS = 50;

/**
 * Lets the clients write some words more and end; then all nodes, started again if need be, come to hold the same,
 * and every word stands where a client was told.
 */
export async function nothingIsLost(cluster: FaultyCluster, load: WordLoad): Promise<void> {
  await load.goesOn(SOME_WORDS);
  await load.end();
  cluster.startAll();
  await cluster.haveApplied(load.lastIndex);
  await cluster.stopAll();
  const logs = await readLogs(cluster.nodes);
  checkLogs(logs, [load]);
  for (const log of logs) {
    checkHolds(log, load.acknowledged);
    assertEquals(log.words, logs[0]!.words, `${log.directory} differs from ${logs[0]!.directory}`);
  }
}
