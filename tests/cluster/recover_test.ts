/**
 * A cluster of which one node is left goes on with `recover`: real processes, real disks.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { type Cluster, ClusterNode, clusterTest, type NodePlace } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { NodeClient } from "../support/node_client.ts";
import { readNodeLog } from "../support/node_log.ts";
import { freePorts } from "../support/ports.ts";
import { type Exit, nodeArgs, runDeno } from "../support/process.ts";
import { WordLoad } from "../support/word_load.ts";

const WORDS = 1000;

clusterTest(
  "of three nodes two are lost for ever; the third serves every acknowledged word, and is joined by another",
  async (cluster) => {
    const load = new WordLoad({ endpoints: cluster.endpoints, clients: 10, name: "before" });
    await load.end(WORDS);
    const { left, lost } = await loseTwo(cluster, load);

    const peers = join(cluster.directory, "peers.json");
    await Deno.writeTextFile(peers, JSON.stringify([{ id: left.id, address: left.raft }]));
    const running = await recover(left, peers);
    assertEquals(running.code, 1, "it runs");
    assertMatch(running.stderr, /^coracle: the store in .* is open already, in this process or/);

    await left.kill();
    const before = await readNodeLog(left.directory);
    const { code, stdout, stderr } = await recover(left, peers);
    assertEquals([code, stderr], [0, ""]);
    assert(stdout.includes(`last entry      ${before.lastIndex} of term `), stdout);
    for (const { id, raft } of cluster.nodes) {
      assert(stdout.includes(`\n  ${id}  ${raft}  voter\n`), stdout);
    }
    assertMatch(stdout, RegExp(`^members now .*by entry ${before.lastIndex + 1};`, "m"));

    // Another name of the cluster keeps out those that were lost, should they come back.
    left.start(["--cluster-id=recovered"]);
    await eventually(`${left.id} leads`, () => left.leads());
    for (const node of lost) node.start();
    await eventually("the others have a leader of their own, and are refused", async () => {
      const leads = await Promise.all(lost.map((node) => node.leads()));
      return leads.includes(true) &&
        /is of cluster .*coracle.* is of cluster .*recovered/.test(left.log);
    }, { describe: () => left.log });
    const later = new WordLoad({ endpoints: [left.grpc], clients: 4, name: "after" });
    await later.end(200);
    assertEquals(await left.leads(), true);
    assertEquals([later.notWritten.size, later.unknown.size], [0, 0], later.summary);

    await using added = await addNode(cluster, left);
    await using client = new NodeClient(left.grpc);
    const read = await client.words();
    assert(read.ok, JSON.stringify(read));
    await added.hasApplied(read.value.readAtIndex);
    await using addedClient = new NodeClient(added.grpc);
    const same = await addedClient.words("local");
    assertEquals(same.ok && same.value.bestWords, read.value.bestWords);

    await added.stop();
    await cluster.stopAll();
    const log = await readNodeLog(left.directory);
    for (const [word, index] of [...load.acknowledged, ...later.acknowledged]) {
      assertEquals(log.entries.get(index)?.data, word, `entry ${index}`);
    }
    assertEquals(read.value.bestWords, threeBest(log.words));
    for (const [index, entry] of before.entries) assertEquals(log.entries.get(index), entry);
  },
);

/** Two nodes of three are killed, the leader among them. What is acknowledged has reached the third: so it is told nothing of any loss. */
async function loseTwo(
  cluster: Cluster,
  load: WordLoad,
): Promise<{ left: ClusterNode; lost: ClusterNode[] }> {
  const leader = await cluster.leader();
  const left = cluster.nodes.find((node) => node !== leader)!;
  await left.hasApplied(load.lastIndex);
  const lost = cluster.nodes.filter((node) => node !== left);
  await Promise.all(lost.map((node) => node.kill()));
  return { left, lost };
}

/** A new node joins the cluster whose only member is `leader`. */
async function addNode(cluster: Cluster, leader: ClusterNode): Promise<ClusterNode> {
  const [raftPort, grpcPort] = freePorts(2);
  const place: NodePlace = {
    id: "n4",
    raft: `127.0.0.1:${raftPort}`,
    grpc: `127.0.0.1:${grpcPort}`,
    directory: join(cluster.directory, "n4"),
  };
  const node = new ClusterNode(place, ["--join", "--cluster-id=recovered"]);
  node.start();
  const { code, stderr } = await runDeno(
    nodeArgs("members", "add", place.id, place.raft, `--endpoints=${leader.grpc}`),
  );
  assertEquals(code, 0, stderr);
  return node;
}

async function recover({ directory }: ClusterNode, peers: string): Promise<Exit> {
  return await runDeno(nodeArgs("recover", directory, `--peers=${peers}`));
}

/** The longest in bytes, of equally long ones the smallest. */
function threeBest(words: readonly string[]): string[] {
  const bytes = words.map((word) => Buffer.from(word));
  bytes.sort((a, b) => b.length - a.length || Buffer.compare(a, b));
  return bytes.slice(0, 3).map((word) => word.toString());
}
