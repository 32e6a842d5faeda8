/**
 * What was acknowledged is never lost: real processes, real disks, real TCP, and SIGKILL.
 *
 * @module
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { type Cluster, clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { NodeClient, type WordsRead } from "../support/node_client.ts";
import { bestWords, checkHolds, checkLogs, readLogs } from "../support/log_checks.ts";
import { WordLoad } from "../support/word_load.ts";

const WORDS = 5000;
const CLIENTS = 10;

clusterTest("no acknowledged word is lost, whichever nodes are killed", async (cluster) => {
  const { endpoints } = cluster;
  const load = new WordLoad({ endpoints, clients: CLIENTS, name: "leaders-die" });
  await load.reaches(WORDS / 10);
  await killLeader(cluster, load);
  await killLeader(cluster, load);
  await load.end(WORDS);
  const best = await readWords(cluster);
  await cluster.haveApplied(load.lastIndex);

  const later = new WordLoad({ endpoints, clients: CLIENTS, name: "all-die" });
  await later.reaches(WORDS / 10);
  await killAll(cluster);
  const acknowledged = new Map(later.acknowledged);
  const atCrash = await readLogs(cluster.nodes);
  checkLogs(atCrash, [load, later]);
  for (const log of atCrash) {
    checkHolds(log, load.acknowledged);
    assertEquals(bestWords(log, best.readAtIndex), best.bestWords, log.directory);
  }
  for (const [word, index] of acknowledged) {
    const holders = atCrash.filter(({ entries }) => entries.get(index)?.data === word);
    assertGreaterOrEqual(holders.length, 2, `${word} is not on the disks of a majority`);
  }

  cluster.startAll();
  await later.goesOn(WORDS / 10);
  await later.end();
  const bestAfter = await readWords(cluster);
  await cluster.haveApplied(bestAfter.readAtIndex);
  await cluster.stopAll();
  const logs = await readLogs(cluster.nodes);
  checkLogs(logs, [load, later]);
  for (const log of logs) {
    checkHolds(log, load.acknowledged);
    checkHolds(log, later.acknowledged);
    assertEquals(bestWords(log, bestAfter.readAtIndex), bestAfter.bestWords, log.directory);
  }
});

/** Kills the leader, sees that the others go on without it, and starts it again. */
async function killLeader(cluster: Cluster, load: WordLoad): Promise<void> {
  const leader = await cluster.leader();
  await leader.kill();
  await load.goesOn(WORDS / 10);
  leader.start();
  // From here on a majority is left when the next one dies.
  await leader.hasApplied(load.lastIndex);
}

/**
 * Kills all nodes at once. The followers are frozen before, so that what the leader has last written is on its own
 * disk only: it must not have acknowledged any of it.
 */
async function killAll(cluster: Cluster): Promise<void> {
  const leader = await cluster.leader();
  for (const node of cluster.nodes) if (node !== leader) node.freeze();
  await eventually("the leader has noticed that nobody follows", async () => !await leader.leads());
  await cluster.killAll();
}

/** The three best words, from whichever node leads. */
async function readWords(cluster: Cluster): Promise<WordsRead> {
  await using client = new NodeClient((await cluster.leader()).grpc);
  const read = await client.words();
  assert(read.ok, JSON.stringify(read));
  return read.value;
}
