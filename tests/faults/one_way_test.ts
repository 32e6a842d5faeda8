/**
 * Links that carry packets one way only, as in Cloudflare's outage of 2020: the cluster finds a leader that
 * can both speak and hear, and keeps it (B68).
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { WordLoad } from "../support/word_load.ts";
import {
  faultTest,
  type FaultyCluster,
  type FaultyNode,
  QUICK_TIMEOUTS,
} from "./lab/faulty_cluster.ts";
import type { Loss } from "./lab/network.ts";
import { nothingIsLost, SOME_WORDS } from "./nothing_is_lost.ts";

const NEEDS = { needs: ["network"] } as const;

/** Everything that others send to `node` is lost, or everything that it sends to them. */
function oneWay(cluster: FaultyCluster, node: FaultyNode, lost: "sent" | "received"): Loss[] {
  const one = cluster.placeOf(node);
  const others = cluster.nodes.map((_, at) => at).filter((at) => at !== one);
  return others.map((other) => {
    const [from, to] = lost === "sent" ? [one, other] : [other, one];
    return { from, to, percent: 100 };
  });
}

for (const lost of ["received", "sent"] as const) {
  faultTest(
    import.meta.url,
    `B68: a leader is replaced when what is ${lost} is lost, and follows afterwards`,
    { ...NEEDS, flags: QUICK_TIMEOUTS },
    async (cluster) => {
      const { endpoints } = cluster;
      const words = new WordLoad({ endpoints, clients: 8, name: lost });
      await words.goesOn(SOME_WORDS);
      const leader = await cluster.leader();
      await cluster.network!.lose(oneWay(cluster, leader, lost));
      await eventually("another node leads", async () => await cluster.leader() !== leader);
      await words.goesOn(10 * SOME_WORDS);
      assertEquals(await leader.leads(), false);
      await cluster.network!.lose([]);
      await leader.hasApplied(words.lastIndex);
      await nothingIsLost(cluster, words);
    },
  );

  faultTest(
    import.meta.url,
    `B68: a follower disturbs nobody when what is ${lost} is lost`,
    NEEDS,
    async (cluster) => {
      const { endpoints } = cluster;
      const words = new WordLoad({ endpoints, clients: 8, name: lost });
      await words.goesOn(SOME_WORDS);
      const leader = await cluster.leader();
      const follower = cluster.nodes.find((node) => node !== leader)!;
      await cluster.network!.lose(oneWay(cluster, follower, lost));
      const behind = words.lastIndex;
      await words.goesOn(20 * SOME_WORDS);
      await cluster.network!.lose([]);
      await follower.hasApplied(behind + 1);
      assertEquals(await cluster.leader(), leader);
      assertEquals(leader.log.match(/ is leader in term /g)?.length, 1, leader.log);
      await nothingIsLost(cluster, words);
    },
  );
}
