/**
 * Clusters that lost their majority, and go on after a recovery.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type MemoryLog, MemorySnapshotStore, Prng } from "@coracle/testing";
import type { Configuration, ServerId } from "../model/configuration.ts";
import { NO_BYTES, type Proposal } from "../model/entry.ts";
import { StorageError } from "../model/errors.ts";
import { equalConfigurations } from "../model/membership.ts";
import { toIndex } from "../model/numbers.ts";
import { Cluster, commandOf, type TestNode } from "./_testing/cluster.ts";
import { commandAt, diskOf, snapshotOf, voters, withMembers } from "./_testing/disks.ts";
import { suffrageOf } from "./_testing/members.ts";
import { watch } from "./_testing/outcome.ts";
import { isLater, randomHistory, sharedLength } from "./_testing/survivors.ts";
import { recoverCluster } from "./recover_cluster.ts";
import { readConfiguration } from "./stored_state.ts";
import { restoreBegin, restoreChunk, restoreEnd } from "./user_restore.ts";

/** Recovers the node `id` on its disk, and starts it. */
async function startRecovered(
  cluster: Cluster,
  id: ServerId,
  log: MemoryLog,
  configuration: Configuration,
): Promise<TestNode> {
  await recoverCluster({ id, log, configuration });
  return await cluster.startNode(id, log);
}

/** Nodes without a cluster yet. */
function noCluster(): Promise<Cluster> {
  return Cluster.start(0, { config: { trailingLogs: 100 } });
}

Deno.test("the last of three becomes a cluster of one with everything that was acknowledged, and grows again", async () => {
  await using cluster = await Cluster.start(3, { retain: 2, config: { trailingLogs: 2 } });
  await cluster.leader();
  await cluster.applied(await cluster.write("a", 20));
  const [last, ...lost] = cluster.ids.reverse();
  await cluster.node(last!).raft.snapshot();
  await cluster.applied(await cluster.write("b", 5));
  const acknowledged = [...cluster.node(last!).fsm.commands];
  for (const id of lost) {
    await cluster.crash(id);
    cluster.wipe(id);
  }
  const call = watch(cluster.node(last!).raft.apply(commandOf("x")));
  await cluster.clock.advance(5000);
  assert(call.settled && cluster.node(last!).raft.state !== "leader", "there is no majority");

  const { snapshots } = cluster.node(last!);
  const log = await cluster.stop(last!);
  const stored = snapshots!.reopen();
  await recoverCluster({ id: last!, log, snapshots: stored, configuration: voters(last!) });
  const node = await cluster.startNode(last!, log);
  await cluster.leader();
  await cluster.write("c", 1);
  assertEquals(node.fsm.commands.slice(0, acknowledged.length), acknowledged);
  assertEquals(node.fsm.commands.at(-1), "c 0");

  // New disks, new names: what was lost stays lost.
  for (const id of ["n4", "n5"]) {
    await cluster.startNode(id);
    await cluster.until(node.raft.addVoter(id, id));
  }
  await cluster.applied(await cluster.write("d", 3));
  for (const { fsm, raft } of cluster.nodes.values()) {
    assertEquals(fsm.commands, node.fsm.commands);
    assert(equalConfigurations(raft.configuration().configuration, voters(last!, "n4", "n5")));
  }
  // And the cluster survives the loss of the one that it grew from.
  await cluster.crash(last!);
  await cluster.leader(["n4", "n5"]);
  await cluster.write("e", 1);
});

for (const isSameName of [false, true]) {
  Deno.test(`who is left may take its own members over from its disk, and empty nodes ${isSameName ? "under the names of the lost" : "as further voters"}`, async () => {
    await using cluster = await Cluster.start(3);
    await cluster.leader();
    await cluster.applied(await cluster.write("a", 3));
    const [last, ...lost] = cluster.ids.reverse() as [ServerId, ...ServerId[]];
    for (const id of lost) {
      await cluster.crash(id);
      cluster.wipe(id);
    }
    const log = await cluster.stop(last);
    const before = readConfiguration({ log }).configuration.servers;
    const servers = isSameName
      ? before
      : [...before.filter(({ id }) => id === last), ...voters("n4", "n5").servers];
    const { fsm } = await startRecovered(cluster, last, log, { servers });
    for (const { id } of servers) if (id !== last) await cluster.startNode(id);
    await cluster.leader();
    await cluster.applied(await cluster.write("b", 1));
    assertEquals(fsm.commands, ["a 0", "a 1", "a 2", "b 0"]);
  });
}

Deno.test("who was recovered alone, and comes back on another disk, does not elect itself while it catches up", async () => {
  const config = { appendSizeMaxBytes: 1, inflightMessagesMax: 1 };
  await using cluster = await Cluster.start(0, { config });
  const { raft: alone } = await startRecovered(cluster, "n1", await diskOf([1, 1]), voters("n1"));
  await cluster.leader();
  for (const id of ["n2", "n3"]) {
    await cluster.startNode(id);
    await cluster.until(alone.addVoter(id, id));
  }
  await cluster.crash("n1");
  cluster.wipe("n1");
  const { raft } = await cluster.leader(["n2", "n3"]);
  await cluster.write("without it", 1);
  await cluster.until(raft.removeServer("n1"));
  const { raft: again } = await cluster.startNode("n1");
  const added = watch(raft.addVoter("n1", "n1"));
  await cluster.clock.waitFor("it has got there", 1000, () => again.lastIndex === 3);
  cluster.network.partition(["n1"], ["n2", "n3"]);
  await cluster.startNode("n1", await cluster.crash("n1"));
  await cluster.clock.advance(10_000);
  assertEquals(cluster.node("n1").raft.state, "follower");
  cluster.network.heal();
  await cluster.clock.advance(10_000);
  assertEquals(added.summary, "resolved");
});

Deno.test("what was never committed is kept, and its writer was told that this may be", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("a", 3));
  cluster.network.partition([leader.id], cluster.others(leader.id).map(({ id }) => id));
  const call = watch(leader.raft.apply(commandOf("nobody else has it")));
  await cluster.clock.advance(2000);
  assertEquals(call.summary, "leadership-lost/unknown");
  for (const { id } of cluster.others(leader.id)) await cluster.crash(id);
  const disk = await cluster.crash(leader.id);
  cluster.network.heal();
  const { fsm } = await startRecovered(cluster, leader.id, disk, voters(leader.id));
  await cluster.leader();
  await cluster.applied(await cluster.write("b", 1));
  assertEquals(fsm.commands, ["a 0", "a 1", "a 2", "nobody else has it", "b 0"]);
});

Deno.test("a configuration in the log's end that nobody committed neither holds nor stops the node", async () => {
  await using cluster = await noCluster();
  // The last leader was removing n1 when the others were lost.
  const log = await diskOf([1, 1, 2, 2], withMembers(3, "n2", "n3"));
  const { raft, fsm } = await startRecovered(cluster, "n1", log, voters("n1"));
  await cluster.leader();
  await cluster.applied(await cluster.write("a", 1));
  await cluster.clock.advance(10_000);
  assertEquals([raft.state, fsm.commands], ["leader", ["2@1", "4@2", "a 0"]]);
});

for (const isFinished of [false, true]) {
  Deno.test(`the restore of a backup that ${isFinished ? "ended" : "did not end"} in the log's end ${isFinished ? "takes" : "takes no"} effect`, async () => {
    await using cluster = await Cluster.start(0, { retain: 2 });
    const piece = (data: Uint8Array): Proposal => ({
      type: "restore",
      data,
      extensions: NO_BYTES,
    });
    const bytes = commandOf("from the backup\n");
    const begin = toIndex(3);
    const pieces = new Map([
      [3, piece(restoreBegin())],
      [4, piece(restoreChunk(begin, bytes))],
      [5, piece(restoreEnd(begin, bytes.length))],
    ]);
    const log = await diskOf(isFinished ? [1, 1, 1, 1, 1] : [1, 1, 1, 1], pieces);
    const { fsm, snapshots } = await startRecovered(cluster, "n1", log, voters("n1"));
    assertEquals(snapshots!.list(), [], "nothing is decided before there is a leader");
    await cluster.leader();
    await cluster.applied(await cluster.write("a", 1));
    assertEquals(fsm.commands, [isFinished ? "from the backup" : "2@1", "a 0"]);
  });
}

Deno.test("a node that was left and not recovered follows those that were", async () => {
  for (const own of [[1, 1, 2, 2, 3], [1, 1, 2], [1, 1, 2, 2, 2, 2]]) {
    await using cluster = await noCluster();
    const members = voters("n1", "n2");
    const n1 = await startRecovered(cluster, "n1", await diskOf([1, 1, 2, 2, 3]), members);
    const n2 = await cluster.startNode("n2", await diskOf(own));
    await cluster.leader();
    await cluster.applied(await cluster.write("a", 2));
    assertEquals(n2.fsm.commands, ["2@1", "3@2", "4@2", "5@3", "a 0", "a 1"]);
    assertEquals(n1.fsm.commands, n2.fsm.commands);
    assert(equalConfigurations(n2.raft.configuration().configuration, members));
  }
});

Deno.test("a node that joins may bring its old disk, if the new members go beyond it", async () => {
  await using cluster = await noCluster();
  const n1 = await startRecovered(cluster, "n1", await diskOf([1, 1, 2, 2]), voters("n1"));
  const n3 = await cluster.startNode("n3", await diskOf([1, 1, 2]));
  await cluster.leader(["n1"]);
  await cluster.until(n1.raft.addVoter("n3", "n3"));
  await cluster.applied(await cluster.write("a", 1));
  assertEquals([n3.fsm.commands, suffrageOf(n1, "n3")], [n1.fsm.commands, "voter"]);
});

Deno.test("several that are left: whichever are recovered, in any order and late, all come to the same log; the latest one loses nothing", async () => {
  let overtaken = 0;
  for (let seed = 0; seed < 150; seed += 1) {
    const random = new Prng(seed);
    const { logs, committed } = randomHistory(random, 5);
    const left = random.shuffle([0, 1, 2, 3, 4]).slice(0, 3);
    const members = voters(...left.map((at) => `n${at + 1}`));
    const ids = members.servers.map(({ id }) => id);
    await using cluster = await Cluster.start(0, { seed: seed + 1 });
    const start = async (at: number) =>
      await startRecovered(cluster, `n${at + 1}`, await diskOf(logs[at]!), members);

    // Two of them are a majority of the new members. The third comes when these have had some leaders.
    const [first, second, late] = left as [number, number, number];
    for (const at of [first, second]) await start(at);
    await cluster.leader();
    await cluster.write("early", random.int(1, 4));
    for (let change = random.int(0, 3); change > 0; change -= 1) {
      const leader = await cluster.leader();
      await cluster.until(leader.raft.transferLeadership());
      await cluster.leader();
    }
    await cluster.write("more", 1);
    await start(late);
    await cluster.leader();
    const leader = await cluster.leader();
    const end = await cluster.write("last", 1);
    await cluster.applied(end);

    const [one, other] = [logs[first]!, logs[second]!];
    const ahead = isLater(other, one) ? other : one;
    const name = `seed ${seed}: ${JSON.stringify({ logs, left })}`;
    // Entry 1 is a configuration.
    const kept = ahead.slice(1).map((term, at) => commandAt(at + 2, term));
    for (const id of ids) {
      const { commands } = cluster.node(id).fsm;
      assertEquals(commands, leader.fsm.commands, `${name}, ${id}`);
      assertEquals(commands.slice(0, kept.length), kept, `${name}, ${id}`);
      assertEquals(commands.at(-1), "last 0", name);
    }
    if (isLater(logs[late]!, ahead)) overtaken += 1;
    else assertEquals(sharedLength(ahead, committed) >= sharedLength(logs[late]!, committed), true);
  }
  assert(overtaken > 10, `the third had the latest log in ${overtaken} cases only`);
});

Deno.test("a recovered node keeps its snapshots, and does not start if what it has is damaged", async () => {
  await using cluster = await Cluster.start(1, { retain: 2, config: { trailingLogs: 0 } });
  await cluster.leader();
  await cluster.write("a", 5);
  const { raft, snapshots } = cluster.node("n1");
  const { id } = await raft.snapshot();
  const log = await cluster.stop("n1");
  const stored = snapshots!.reopen();
  stored.damage(id);
  await assertRejects(
    () => recoverCluster({ id: "n1", log, snapshots: stored, configuration: voters("n1") }),
    StorageError,
    "none of 1 snapshots is whole",
  );
  assertEquals(log.hardState.term as number, raft.term as number);
});

Deno.test("a node whose log is empty behind its snapshot is recovered", async () => {
  const snapshots = new MemorySnapshotStore();
  const log = await diskOf([1, 1, 2, 2]);
  await log.truncatePrefix(toIndex(4));
  await snapshotOf(snapshots, 4, 2);
  const { before, after } = await recoverCluster({
    id: "n1",
    log,
    snapshots,
    configuration: voters("n1"),
  });
  assertEquals([before.index, after.index].map(Number), [1, 5]);
});
