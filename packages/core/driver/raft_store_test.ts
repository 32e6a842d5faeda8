/**
 * A member that comes back with another disk under its old name (B31).
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { LogImage, MemoryLog, testStoreId, VirtualClock } from "@coracle/testing";
import { findServer } from "../model/configuration.ts";
import { InvalidConfigError } from "../model/errors.ts";
import { Cluster, commandOf, type TestNode } from "./_testing/cluster.ts";
import { PlayedPeers } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";
import type { Observation } from "./observers.ts";
import { Raft } from "./raft.ts";

/** A new cluster in which every store has its name, a leader, a follower, and one whose disk is about to be lost. */
async function cluster3() {
  const cluster = await Cluster.start(3, { isFounding: true });
  const leader = await cluster.leader();
  await cluster.write("before", 5);
  await allNamed(cluster, leader);
  const [other, lost] = cluster.others(leader.id);
  return { cluster, leader, other: other!, lost: lost! };
}

async function allNamed({ clock, ids }: Cluster, leader: TestNode): Promise<void> {
  await clock.waitFor("every store has its name", 1000, () => {
    return ids.every((id) => storeOf(leader, id) !== undefined);
  });
}

function storeOf({ raft }: TestNode, id: string): string | undefined {
  return findServer(raft.configuration().configuration, id)?.storeId;
}

/** What happens to stores in `node`, in words, from now on. */
function stores({ raft }: TestNode): string[] {
  const seen: string[] = [];
  const isOfStore = ({ type }: Observation) => type === "storeChanged" || type === "storeRefused";
  (async () => {
    for await (const one of raft.observe({ filter: isOfStore })) {
      if (one.type === "storeChanged") seen.push(`${one.peer} has ${one.storeId}`);
      else if (one.type === "storeRefused") seen.push(`refused by ${one.by ?? "nobody"}`);
    }
  })();
  return seen;
}

/** The disk of `id` is lost; it comes back with an empty one under its old name. */
async function replaceDisk(cluster: Cluster, id: string): Promise<TestNode> {
  await cluster.crash(id);
  cluster.wipe(id);
  return await cluster.startNode(id);
}

Deno.test("B31: a wiped disk under an old name elects nobody: what is committed is not lost", async () => {
  const { cluster, leader, other, lost } = await cluster3();
  await using _ = cluster;
  // Committed by the leader and the one whose disk will be lost; the other has not got it.
  cluster.network.partition([leader.id, lost.id], [other.id]);
  await cluster.write("precious", 1);
  const disk = await cluster.crash(leader.id);
  const empty = await replaceDisk(cluster, lost.id);
  cluster.network.heal();
  const seen = stores(empty);
  await cluster.clock.advance(20_000);
  assertEquals([empty.raft.leader, other.raft.leader], [undefined, undefined]);
  assertEquals([empty.raft.lastIndex as number, seen], [0, [`refused by ${other.id}`]]);
  // The one that has it comes back, and leads.
  const back = await cluster.startNode(leader.id, disk);
  await cluster.clock.waitFor("it leads", 20_000, () => back.raft.state === "leader");
  await cluster.clock.waitFor("it is applied", 1000, () => {
    return [back, other].every(({ fsm }) => fsm.commands.at(-1) === "precious 0");
  });
});

Deno.test("B31: nothing that a wiped disk says under an old name counts, and both sides say why", async () => {
  const { cluster, leader, other, lost } = await cluster3();
  await using _ = cluster;
  const seen = stores(leader);
  const empty = await replaceDisk(cluster, lost.id);
  const seenThere = stores(empty);
  await cluster.clock.advance(2000);
  assertEquals(seen, [`${lost.id} has ${testStoreId(lost.id, 2)}`]);
  assertEquals(seenThere, [`refused by ${leader.id}`]);
  assertEquals(storeOf(leader, lost.id), testStoreId(lost.id));
  // It hears the leader, and is no majority with it.
  assertEquals(empty.raft.leader?.id, leader.id);
  await cluster.crash(other.id);
  const call = watch(leader.raft.apply(commandOf("alone")));
  await cluster.clock.waitFor("the leader gives up", 5000, () => leader.raft.state !== "leader");
  assertEquals(call.summary, "leadership-lost/unknown");
  assertEquals(empty.raft.lastIndex as number, 0);
});

Deno.test("B31: a member with a new disk counts once it is removed and added again", async () => {
  const { cluster, leader, other, lost } = await cluster3();
  await using _ = cluster;
  const empty = await replaceDisk(cluster, lost.id);
  const seen = stores(empty);
  await cluster.clock.advance(2000);
  await cluster.until(leader.raft.removeServer(lost.id));
  await cluster.until(leader.raft.addVoter(lost.id, lost.id));
  assertEquals(storeOf(leader, lost.id), testStoreId(lost.id, 2));
  assertEquals(seen, [`refused by ${leader.id}`, "refused by nobody"]);
  await cluster.crash(other.id);
  await cluster.applied(await cluster.write("with the new disk", 1));
  assertEquals(empty.fsm.commands, leader.fsm.commands);
});

Deno.test("B31: a member with a new disk counts once it has lost its vote and caught up", async () => {
  const { cluster, leader, other, lost } = await cluster3();
  await using _ = cluster;
  await replaceDisk(cluster, lost.id);
  await cluster.until(leader.raft.demoteVoter(lost.id));
  assertEquals(storeOf(leader, lost.id), undefined);
  await cluster.until(leader.raft.addVoter(lost.id, lost.id));
  assertEquals(storeOf(leader, lost.id), testStoreId(lost.id, 2));
  await cluster.crash(other.id);
  await cluster.write("with the new disk", 1);
});

Deno.test("a member without a vote may have its disk replaced", async () => {
  const { cluster, leader } = await cluster3();
  await using _ = cluster;
  await cluster.startNode("n4");
  await cluster.until(leader.raft.addNonvoter("n4", "n4"));
  await cluster.write("for the first disk", 5);
  const empty = await replaceDisk(cluster, "n4");
  await cluster.applied(await cluster.write("for the second disk", 5));
  assertEquals(empty.fsm.commands, leader.fsm.commands);
});

Deno.test("the old disk in its place again counts again", async () => {
  const { cluster, leader, other, lost } = await cluster3();
  await using _ = cluster;
  const disk = await cluster.crash(lost.id);
  cluster.wipe(lost.id);
  await cluster.startNode(lost.id);
  await cluster.clock.advance(2000);
  await cluster.crash(lost.id);
  const back = await cluster.startNode(lost.id, disk);
  await cluster.crash(other.id);
  await cluster.applied(await cluster.write("with the old disk", 1));
  assertEquals(back.fsm.commands, leader.fsm.commands);
});

Deno.test("a new cluster takes other members while its stores are being named", async () => {
  await using cluster = await Cluster.start(3, { isFounding: true });
  await cluster.startNode("n4");
  const leader = await cluster.leader(cluster.ids);
  await cluster.clock.waitFor("its first entry is committed", 1000, () => {
    return leader.raft.commitIndex >= 2;
  });
  const unnamed = cluster.ids.filter((id) => storeOf(leader, id) === undefined);
  // The last store is named by an entry that is not committed yet, or not even appended.
  assert(leader.raft.commitIndex < leader.raft.lastIndex || unnamed.length > 0);
  await cluster.until(leader.raft.addNonvoter("n4", "n4"));
  await allNamed(cluster, leader);
});

Deno.test("a log whose store has no proper name is refused", async () => {
  const log = new MemoryLog({ image: new LogImage("my disk") });
  const transport = new PlayedPeers();
  const error = await assertRejects(
    () => Raft.create({ id: "n1", fsm: { apply() {} }, log, transport, clock: new VirtualClock() }),
    InvalidConfigError,
  );
  assertEquals(error.message, "log.storeId is my disk; allowed is 12 hexadecimal digits");
  assertEquals(error.field, "log.storeId");
});

for (const isRestarted of [false, true]) {
  Deno.test(`who founded the cluster alone catches up on another disk, through the time when it was alone${isRestarted ? ", with a restart there" : ""}`, async () => {
    const config = { appendSizeMaxBytes: 1, inflightMessagesMax: 1 };
    await using cluster = await Cluster.start(1, { config });
    const { raft: founder } = await cluster.leader();
    await cluster.write("alone", 5);
    for (const id of ["n2", "n3"]) {
      await cluster.startNode(id);
      await cluster.until(founder.addVoter(id, id));
    }
    await cluster.crash("n1");
    cluster.wipe("n1");
    const { raft, fsm } = await cluster.leader(["n2", "n3"]);
    await cluster.write("without it", 1);
    await cluster.until(raft.removeServer("n1"));
    const again = await cluster.startNode("n1");
    const added = watch(raft.addVoter("n1", "n1"));
    if (isRestarted) {
      await cluster.clock.waitFor("it has some of it", 1000, () => again.raft.lastIndex >= 4);
      assertEquals(again.raft.configuration().configuration.servers.length, 1);
      await cluster.startNode("n1", await cluster.crash("n1"));
    }
    await cluster.clock.advance(10_000);
    assertEquals(added.summary, "resolved");
    await cluster.applied(await cluster.write("together", 2));
    assertEquals(cluster.node("n1").fsm.commands, fsm.commands);
  });
}
