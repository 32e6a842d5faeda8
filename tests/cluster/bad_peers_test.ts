/**
 * What comes to the nodes' own ports and is none of theirs: the cluster serves its clients as if nothing were.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { type Cluster, ClusterNode, clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { frameBytes, helloBytes, refusalOf, say } from "../support/raw_peer.ts";
import { WordLoad } from "../support/word_load.ts";

/** While words are added, does `mischief`: no word may fail, and the leader must stay. */
async function undisturbed(cluster: Cluster, mischief: () => Promise<void>): Promise<void> {
  const leader = await cluster.leader();
  const load = new WordLoad({ endpoints: [leader.grpc], clients: 4, name: "undisturbed" });
  await load.goesOn(100);
  await mischief();
  await load.goesOn(100);
  await load.end();
  assertEquals([load.notWritten.size, load.unknown.size], [0, 0], load.summary);
  assertEquals(await leader.leads(), true);
  await cluster.haveApplied(load.lastIndex);
  const elections = cluster.nodes.map(({ log }) => log.match(/won the election/g)?.length ?? 0);
  assertEquals(elections.reduce((a, b) => a + b), 1);
}

clusterTest("garbage at the members' ports costs its sender the connection", async (cluster) => {
  const garbage = [
    new TextEncoder().encode("GET / HTTP/1.1\r\nhost: example.test\r\n\r\n"),
    new Uint8Array(1024 * 1024).fill(0xff),
    Uint8Array.of(...new TextEncoder().encode("CRCL"), 0, 1, 0xff, 0xff),
    helloBytes({ to: "n1" }).with(20, 0xff),
  ];
  await undisturbed(cluster, async () => {
    for (const { raft, id } of cluster.nodes) {
      for (const bytes of garbage) {
        assertEquals(await say(raft, bytes), new Uint8Array(0), `${id} answers`);
      }
    }
  });
  for (const { log } of cluster.nodes) {
    assertMatch(log, /what came is no handshake: it begins with \\?"GET \/ HT/);
  }
});

clusterTest("a wrong version or cluster is refused, with the reason", async (cluster) => {
  await undisturbed(cluster, async () => {
    for (const { raft, id } of cluster.nodes) {
      assertEquals(refusalOf(await say(raft, helloBytes({ version: 99, to: id }))), {
        kind: 1,
        reason: "wrong version: the other side speaks protocol version 99; this one speaks 1",
      });
      assertEquals(refusalOf(await say(raft, helloBytes({ cluster: "regatta", to: id }))), {
        kind: 2,
        reason:
          `wrong cluster: "stranger" is of cluster "regatta"; "${id}" is of cluster "coracle"`,
      });
    }
  });
});

clusterTest("frames that cannot be cost their sender the connection", async (cluster) => {
  const body = new Uint8Array(100).fill(0x55);
  await undisturbed(cluster, async () => {
    for (const { raft, id } of cluster.nodes) {
      const hello = helloBytes({ to: id });
      for (const frame of [frameBytes(0xffff_ffff, 0, body), frameBytes(100, 12345, body)]) {
        const answer = await say(raft, Uint8Array.of(...hello, ...frame));
        assertEquals(refusalOf(answer), { kind: 0, reason: "" }, "the hello was right");
      }
    }
  });
  for (const { log } of cluster.nodes) {
    assertMatch(log, /a frame gives its length as 4294967295 bytes; at most \d+ is allowed/);
    assertMatch(log, /a frame of 100 bytes has checksum \w{8}; its header says 00003039/);
  }
});

clusterTest(
  "a node of another cluster that has these addresses by mistake gets nowhere",
  async (cluster) => {
    const [, n2, n3] = cluster.nodes;
    const [raft, grpc] = freePorts(2).map((port) => `127.0.0.1:${port}`);
    const directory = Deno.makeTempDirSync({ prefix: "coracle-" });
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => Deno.remove(directory, { recursive: true }));
    const place = { id: "lost", raft: raft!, grpc: grpc!, directory: join(directory, "lost") };
    const lost = cleanup.use(
      new ClusterNode(place, [
        "--cluster-id=regatta",
        `--peer=lost=${raft}`,
        `--peer=n2=${n2!.raft}`,
        `--peer=n3=${n3!.raft}`,
        "--bootstrap",
      ]),
    );
    await undisturbed(cluster, async () => {
      lost.start();
      for (const id of ["n2", "n3"]) {
        const refusal =
          `wrong cluster: "lost" is of cluster "regatta"; "${id}" is of cluster "coracle"`;
        await eventually(
          `${id} has refused it`,
          () => lost.log.replaceAll("\\", "").includes(`refused: ${refusal}`),
        );
      }
      await eventually("it stands for election", () => /lost is candidate/.test(lost.log));
    });
    assertEquals(await lost.leads(), false);
    await lost.stop();
  },
);
