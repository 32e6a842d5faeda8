/**
 * A sync that fails: what could not be synced is promised to nobody, and no second try is believed (B32).
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { WordLoad } from "../support/word_load.ts";
import {
  faultTest,
  type FaultyCluster,
  type FaultyNode,
  QUICK_TIMEOUTS,
} from "./lab/faulty_cluster.ts";
import { nothingIsLost, SOME_WORDS } from "./nothing_is_lost.ts";

const NEEDS = { needs: ["compiler"] } as const;

/** A node whose next sync fails ends, and says why. */
async function failsOnce(node: FaultyNode): Promise<void> {
  node.sync!.failNext();
  await eventually(`a sync of ${node.id} fails`, () => node.sync!.hasFailed);
  assertEquals(await node.ends(), 1, node.log);
  assertMatch(node.log, /^coracle: the node has stopped by itself: .*os error 5/m);
}

function load({ endpoints }: FaultyCluster): WordLoad {
  return new WordLoad({ endpoints, clients: 8, name: "sync" });
}

faultTest(
  import.meta.url,
  "B32: a leader stops when a sync fails, the others go on, and it comes back",
  { ...NEEDS, flags: QUICK_TIMEOUTS },
  async (cluster) => {
    const words = load(cluster);
    await words.goesOn(SOME_WORDS);
    const leader = await cluster.leader();
    await failsOnce(leader);
    await words.goesOn(SOME_WORDS);
    leader.start();
    await leader.hasApplied(words.lastIndex);
    await nothingIsLost(cluster, words);
  },
);

faultTest(
  import.meta.url,
  "B32: a follower stops when a sync fails, and nothing else happens",
  NEEDS,
  async (cluster) => {
    const words = load(cluster);
    await words.goesOn(SOME_WORDS);
    const leader = await cluster.leader();
    const follower = cluster.nodes.find((node) => node !== leader)!;
    await failsOnce(follower);
    await words.goesOn(SOME_WORDS);
    assertEquals(await cluster.leader(), leader);
    follower.start();
    await nothingIsLost(cluster, words);
  },
);

faultTest(
  import.meta.url,
  "B32: a sync fails on all nodes, and what they had acknowledged is there afterwards",
  { ...NEEDS, flags: QUICK_TIMEOUTS },
  async (cluster) => {
    const words = load(cluster);
    await words.goesOn(SOME_WORDS);
    // With the followers the cluster has lost its majority: the leader has nobody to write for.
    const leader = await cluster.leader();
    const followers = cluster.nodes.filter((node) => node !== leader);
    await Promise.all(followers.map(failsOnce));
    await eventually("the leader gives up", async () => !await leader.leads());
    leader.sync!.failNext();
    cluster.nodes.filter((node) => node !== leader).forEach((node) => node.start());
    await eventually("its sync fails, too", () => leader.sync!.hasFailed);
    assertEquals(await leader.ends(), 1, leader.log);
    leader.start();
    await nothingIsLost(cluster, words);
  },
);
