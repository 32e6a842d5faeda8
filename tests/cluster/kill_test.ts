/**
 * What was acknowledged is never lost: real processes, real disks, real TCP, and SIGKILL.
 *
 * @module
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { type Cluster, clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { NodeClient, type WordsRead } from "../support/node_client.ts";
import { type NodeLog, readNodeLog } from "../support/node_log.ts";
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
  const atCrash = await readLogs(cluster);
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
  const logs = await readLogs(cluster);
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
  using client = new NodeClient((await cluster.leader()).grpc);
  const read = await client.words();
  assert(read.ok, JSON.stringify(read));
  return read.value;
}

async function readLogs(cluster: Cluster): Promise<NodeLog[]> {
  return await Promise.all(cluster.nodes.map(({ directory }) => readNodeLog(directory)));
}

/** Every acknowledged word stands where the node has said that it stands. */
function checkHolds(
  { directory, entries }: NodeLog,
  acknowledged: ReadonlyMap<string, number>,
): void {
  for (const [word, index] of acknowledged) {
    assertEquals(entries.get(index)?.data, word, `${directory} has lost entry ${index}`);
  }
}

/** What a majority has on its disks is the same on all of them; nothing is there twice, or that was refused. */
function checkLogs(logs: readonly NodeLog[], loads: readonly WordLoad[]): void {
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
function bestWords({ entries }: NodeLog, index: number): string[] {
  const words = [...entries.values()]
    .filter((entry) => entry.type === "command" && entry.index <= index)
    .map(({ data }) => Buffer.from(data));
  words.sort((a, b) => b.length - a.length || Buffer.compare(a, b));
  return words.slice(0, 3).map((word) => word.toString());
}
