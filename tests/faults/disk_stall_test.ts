/**
 * A disk that hangs: whoever has it leads no longer, and the others go on (B63).
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { WordLoad } from "../support/word_load.ts";
import { faultTest, type FaultyCluster, QUICK_TIMEOUTS } from "./lab/faulty_cluster.ts";
import { nothingIsLost, SOME_WORDS } from "./nothing_is_lost.ts";

const NEEDS = { needs: ["compiler"], flags: QUICK_TIMEOUTS } as const;

/** The leader's disk hangs; others write, it does not come back to lead, and when its disk goes on it follows. */
async function leaderHangs(cluster: FaultyCluster, words: WordLoad): Promise<void> {
  const leader = await cluster.leader();
  leader.sync!.hang();
  await eventually("a sync of the leader hangs", () => leader.sync!.hangs);
  await eventually("another node leads", async () => await cluster.leader() !== leader);
  await words.goesOn(10 * SOME_WORDS);
  assertEquals(await leader.leads(), false);
  assert(leader.isRunning, leader.log);
  leader.sync!.heal();
  await leader.hasApplied(words.lastIndex);
}

faultTest(
  import.meta.url,
  "B63: a leader whose quick disk hangs is replaced, and follows when it goes on",
  NEEDS,
  async (cluster) => {
    const { endpoints } = cluster;
    const words = new WordLoad({ endpoints, clients: 8, name: "quick" });
    await words.goesOn(SOME_WORDS);
    await leaderHangs(cluster, words);
    await nothingIsLost(cluster, words);
  },
);

faultTest(
  import.meta.url,
  "B63: a leader whose slow disk hangs gives up by itself, though its heartbeats could go on",
  NEEDS,
  async (cluster) => {
    const { endpoints } = cluster;
    const words = new WordLoad({ endpoints, clients: 8, name: "slow" });
    // A slow disk is waited for aside: everything but the disk works while it hangs.
    for (const { sync } of cluster.nodes) sync!.slow();
    await words.goesOn(SOME_WORDS);
    const leader = await cluster.leader();
    await leaderHangs(cluster, words);
    assert(/gives up leadership|stalled/.test(leader.log), leader.log);
    await nothingIsLost(cluster, words);
  },
);
