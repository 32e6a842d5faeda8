/**
 * Nodes that join a running cluster, lead it, lose their vote and leave, by the commands that people type.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { type Cluster, type ClusterNode, clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";

/** Runs a command that must succeed; resolves to what it prints, as JSON. */
// deno-lint-ignore no-explicit-any -- whatever the command prints
async function run(cluster: Cluster, ...args: readonly string[]): Promise<any> {
  const { code, stdout, stderr } = await cluster.run([...args, "--json"]);
  assertEquals([code, stderr], [0, ""], `${args.join(" ")}: ${stdout}`);
  return JSON.parse(stdout);
}

/** The members by their ids, each with its role. */
async function roles(cluster: Cluster): Promise<Record<string, string>> {
  const { members } = await run(cluster, "members", "list");
  return Object.fromEntries(
    // deno-lint-ignore no-explicit-any -- as printed
    members.map(({ id, suffrage, isLeader }: any) => [id, isLeader ? "leader" : suffrage]),
  );
}

async function waits(node: ClusterNode): Promise<void> {
  await eventually(
    `${node.id} waits to be added`,
    () => node.log.includes(`waits to be added to a cluster: members add ${node.id} ${node.raft}`),
    { describe: () => node.log },
  );
}

clusterTest("a node joins, leads, and is removed while it leads", async (cluster) => {
  const founders = [...cluster.endpoints];
  await cluster.leader();
  const before = await run(cluster, "add", "coracle");
  const node = cluster.join();
  await waits(node);

  const added = await run(cluster, "members", "add", "n4", node.raft);
  assertEquals([added.id, added.suffrage], ["n4", "voter"]);
  await node.hasApplied(before.index);
  const listed = await run(cluster, "members", "list");
  assertEquals(listed.configurationIndex, added.configurationIndex);
  // deno-lint-ignore no-explicit-any -- as printed
  const member = listed.members.find(({ id }: any) => id === "n4");
  assertEquals([member.address, member.clientAddress], [node.raft, node.grpc]);

  const { to } = await run(cluster, "transfer", "n4");
  assertEquals(to, "n4");
  // The founders' configuration does not name n4; they have heard from itself where clients reach it.
  const word = await cluster.run(["add", "paddle"], founders);
  assertEquals([word.code, word.stderr], [0, ""]);

  await run(cluster, "members", "remove", "n4");
  assertEquals(await node.exitCode(), 0, node.log);
  assertMatch(node.log, /node n4 is no longer a member of the cluster, and has stopped/);
  const words = await cluster.run(["words"], founders);
  assertEquals(words.stdout, "coracle\npaddle\n");
  assertEquals(Object.keys(await roles(cluster)), ["n1", "n2", "n3"]);
});

clusterTest("members get a vote, lose it, and three of five are enough", async (cluster) => {
  await cluster.leader();
  const [n4, n5] = [cluster.join(), cluster.join()];
  await run(cluster, "members", "add", "n4", n4.raft, "--nonvoter");
  assertEquals((await roles(cluster))["n4"], "nonvoter");
  const { id, suffrage } = await run(cluster, "members", "promote", "n4");
  assertEquals([id, suffrage], ["n4", "voter"]);
  await run(cluster, "members", "add", "n5", n5.raft);
  assertEquals((await run(cluster, "members", "demote", "n5")).suffrage, "nonvoter");
  await run(cluster, "members", "promote", "n5");

  const leader = await cluster.leader();
  const others = cluster.nodes.filter((node) => node !== leader);
  await leader.kill();
  await others[0]!.kill();
  const { index } = await run(cluster, "add", "oar");
  await Promise.all(others.slice(1).map((node) => node.hasApplied(index)));

  // A node that has joined goes on where it was; the flag means nothing more.
  await n5.kill();
  cluster.startAll();
  await cluster.haveApplied(index);
  assertEquals(Object.values(await roles(cluster)).toSorted(), [
    "leader",
    "voter",
    "voter",
    "voter",
    "voter",
  ]);
});

clusterTest("a member that is not there yet gets its vote when it comes", async (cluster) => {
  await cluster.leader();
  const node = cluster.join();
  await waits(node);
  await node.kill();
  const added = await cluster.run(["members", "add", "n4", node.raft, "--timeout-ms=500"]);
  assertEquals([added.code, added.stdout], [3, ""], added.stderr);
  assertMatch(
    added.stderr,
    /^coracle: n4 is a member and has not caught up within 500 ms; it gets its vote by itself /,
  );
  assertEquals((await roles(cluster))["n4"], "staging");
  node.start();
  await eventually("n4 votes", async () => (await roles(cluster))["n4"] === "voter");
});

clusterTest("what cannot be is refused, and nothing is changed", async (cluster) => {
  await cluster.leader();
  const before = await roles(cluster);
  const refused = async (...args: readonly string[]): Promise<[number, string]> => {
    const { code, stdout, stderr } = await cluster.run(args);
    assertEquals(stdout, "");
    return [code, stderr];
  };
  assertEquals(await refused("members", "remove", "n9"), [
    1,
    'coracle: "n9" is not a member\n',
  ]);
  assertEquals(await refused("members", "promote", "n9"), [
    1,
    'coracle: "n9" is not a member; members are n1, n2, n3\n',
  ]);
  const [taken] = cluster.nodes;
  const [code, message] = await refused("members", "add", "n4", taken!.raft);
  assertEquals([code, message], [1, `coracle: two servers have the address "${taken!.raft}"\n`]);
  assertEquals(await refused("transfer", "n9"), [1, "coracle: n9 is not a voter\n"]);
  assertEquals((await refused("members", "add", "n4", "nowhere"))[0], 2);
  assertEquals((await refused("members", "add", "n 4", "127.0.0.1:1"))[0], 2);
  assertEquals(await roles(cluster), before);
});
