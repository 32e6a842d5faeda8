/**
 * Clients written in Go work against our nodes as they are: a program on grpc-go that finds the leader by health,
 * over a comma list of addresses, and retries what may be retried. Skipped where there is no Go.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type Cluster, clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { goProblem, runGo } from "../support/go.ts";
import { readNodeLog } from "../support/node_log.ts";
import type { RunningProcess } from "../support/process.ts";

const WORDS = 2000;
const MOVE_INTERVAL_MS = 400;

const reason = await goProblem();
if (reason !== undefined) console.log(`hammer in Go is skipped: ${reason}`);

/** Starts hammer against all nodes. */
async function startHammer(cluster: Cluster, ...args: readonly string[]): Promise<RunningProcess> {
  const addresses = cluster.endpoints.map((address) => address.replace("127.0.0.1", "localhost"));
  const target = `-target=multi:///${addresses.join(",")}`;
  return await runGo("hammer", target, `-words=${WORDS}`, "-workers=10", ...args);
}

/** The words that were added, as hammer has printed them: each with its index. */
function addedWords(hammer: RunningProcess): Map<string, number> {
  const lines = hammer.stdout.matchAll(/^added (\d+) (\S+)$/gm);
  return new Map([...lines].map(([, index, word]) => [word!, Number(index)]));
}

/** Waits until hammer has ended without a failure, and checks that no node has lost a word. */
async function checkEnd(cluster: Cluster, hammer: RunningProcess): Promise<void> {
  const { code, stdout, stderr } = await hammer.exited;
  assertEquals(
    [code, stderr],
    [0, ""],
    stdout.split("\n").filter((line) => /^failed/.test(line)).join("\n"),
  );
  const words = addedWords(hammer);
  assertEquals(words.size, WORDS);
  await cluster.haveApplied(Math.max(...words.values()));
  await cluster.stopAll();
  for (const { directory } of cluster.nodes) {
    const { entries } = await readNodeLog(directory);
    for (const [word, index] of words) {
      assertEquals(entries.get(index)?.data, word, `${directory} has lost entry ${index}`);
    }
  }
}

/** The terms in which some node has led. */
function termsLed(cluster: Cluster): Set<string> {
  const lines = cluster.nodes.flatMap(({ log }) => [...log.matchAll(/ is leader in term (\d+)/g)]);
  return new Set(lines.map(([, term]) => term!));
}

clusterTest(
  "a load client in Go adds its words, also while the leader is killed",
  async (cluster) => {
    await using hammer = await startHammer(cluster);
    await eventually(
      "a quarter of the words are added",
      () => addedWords(hammer).size >= WORDS / 4,
    );
    const leader = await cluster.leader();
    await leader.kill();
    assertEquals(hammer.hasEnded, false, "it was to be killed on the way");
    leader.start();
    await checkEnd(cluster, hammer);
  },
  { ignore: reason !== undefined },
);

clusterTest(
  "a load client in Go adds its words while leadership moves all the time",
  async (cluster) => {
    const startedMs = performance.now();
    await using hammer = await startHammer(cluster, `-move-every=${MOVE_INTERVAL_MS}ms`);
    await checkEnd(cluster, hammer);
    const asked = [...hammer.stdout.matchAll(/^asked$/gm)].length;
    const moved = termsLed(cluster).size - 1;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`${WORDS} words in ${seconds} s, leadership has moved ${moved} times`);
    assert(moved > 0 && moved >= asked / 2, `leadership was to move ${asked} times`);
  },
  { ignore: reason !== undefined },
);
