/**
 * A file system without room: the node stops and says so, the others go on, and with room it comes back (B40).
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { WordLoad } from "../support/word_load.ts";
import { faultTest, type FaultyNode, QUICK_TIMEOUTS } from "./lab/faulty_cluster.ts";
import { nothingIsLost, SOME_WORDS } from "./nothing_is_lost.ts";

const NEEDS = { needs: ["mounts"], smallDisks: [0, 1, 2], flags: QUICK_TIMEOUTS } as const;
const NO_ROOM = /^coracle: the node has stopped by itself: .*No space left on device/m;

/** Takes a node's room and waits until it has ended for that. */
async function fillUp(node: FaultyNode): Promise<void> {
  node.disk!.fill();
  assertEquals(await node.ends(), 1, node.log);
  assertMatch(node.log, NO_ROOM);
}

faultTest(
  import.meta.url,
  "B40: a leader without room stops, the others go on, and it comes back when there is room",
  NEEDS,
  async (cluster) => {
    const { endpoints } = cluster;
    const words = new WordLoad({ endpoints, clients: 8, name: "leader-full" });
    await words.goesOn(SOME_WORDS);
    const leader = await cluster.leader();
    await fillUp(leader);
    await words.goesOn(SOME_WORDS);

    // Without room it starts, since reading needs none, and stops at the first write.
    leader.start();
    assertEquals(await leader.ends(), 1, leader.log);
    assertMatch(leader.log, NO_ROOM);
    await leader.disk!.free();
    leader.start();
    await leader.hasApplied(words.lastIndex);
    await nothingIsLost(cluster, words);
  },
);

faultTest(
  import.meta.url,
  "B40: a majority without room acknowledges nothing, and loses nothing",
  NEEDS,
  async (cluster) => {
    const { endpoints } = cluster;
    const words = new WordLoad({ endpoints, clients: 8, name: "majority-full" });
    await words.goesOn(SOME_WORDS);
    const leader = await cluster.leader();
    const followers = cluster.nodes.filter((node) => node !== leader);
    await Promise.all(followers.map(fillUp));
    await eventually("the leader gives up", async () => !await leader.leads());
    const { lastIndex } = words;
    for (const node of followers) await node.disk!.free();
    for (const node of followers) node.start();
    await eventually("words are acknowledged again", () => words.lastIndex > lastIndex);
    await nothingIsLost(cluster, words);
  },
);
