/**
 * Raft: restarts from snapshots and what the log has after them.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import type { MemoryLog } from "@coracle/testing";
import { StorageError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { Cluster } from "./_testing/cluster.ts";

const OPTIONS = { retain: 2, config: { trailingLogs: 2 } };

for (const size of [1, 3]) {
  Deno.test(`a cluster of ${size} that is stopped begins with its snapshots, and applies only what follows`, async () => {
    await using cluster = await Cluster.start(size, OPTIONS);
    const before = await cluster.leader();
    await cluster.applied(await cluster.write("a", 20));
    for (const { raft } of cluster.nodes.values()) await raft.snapshot();
    await cluster.applied(await cluster.write("b", 5));
    const { commands } = before.fsm;
    const members = before.raft.configuration();
    const disks = new Map<string, MemoryLog>();
    for (const id of cluster.ids) disks.set(id, await cluster.stop(id));

    for (const [id, disk] of disks) {
      const { raft, fsm, snapshots } = await cluster.startNode(id, disk);
      const [newest] = snapshots!.list();
      assertEquals([raft.appliedIndex, raft.commitIndex], Array(2).fill(newest!.lastIncludedIndex));
      assertEquals([fsm.commands, raft.configuration()], [commands.slice(0, 20), members]);
    }
    await cluster.leader();
    await cluster.applied(await cluster.write("c", 1));
    for (const { fsm, raft } of cluster.nodes.values()) {
      assertEquals(fsm.commands, [...commands, "c 0"]);
      assertEquals(raft.configuration(), members);
    }
  });
}

Deno.test("a snapshot made after a restart contains everything, and the members of long ago", async () => {
  await using cluster = await Cluster.start(1, OPTIONS);
  const { raft } = await cluster.leader();
  await cluster.write("a", 5);
  await raft.snapshot();
  const disk = await cluster.crash("n1");
  const again = await cluster.startNode("n1", disk);
  await cluster.leader();
  await cluster.write("b", 5);
  const meta = await again.raft.snapshot();
  assertEquals(meta.configuration, {
    index: toIndex(1),
    configuration: raft.configuration().configuration,
  });
  const last = await cluster.startNode("n1", await cluster.crash("n1"));
  assertEquals(last.fsm.commands, again.fsm.commands);
});

for (const trailingLogs of [0, 100]) {
  Deno.test(`B47: a node whose newest snapshot is damaged gets to the same state by an older one and its log, ${trailingLogs} entries trailing`, async () => {
    await using cluster = await Cluster.start(3, { retain: 3, config: { trailingLogs } });
    const leader = await cluster.leader();
    let node = cluster.others(leader.id)[0]!;
    for (const word of ["a", "b", "c", "d", "e"]) {
      await cluster.applied(await cluster.write(word, 10));
      await node.raft.snapshot();
    }
    const [newest, second, third, ...older] = node.snapshots!.list();
    assertEquals([older.length, node.fsm.commands.length], [0, 50]);
    // Whichever of them is left: "the second one is kept" means that the second one can be used.
    for (const [damaged, begins] of [[newest, second], [second, third]]) {
      node.snapshots!.damage(damaged!.id);
      node = await cluster.startNode(node.id, await cluster.crash(node.id));
      assertEquals(node.raft.appliedIndex, begins!.lastIncludedIndex);
      await cluster.applied(await cluster.write("f", 1));
      assertEquals(node.fsm.commands, leader.fsm.commands);
    }
  });
}

Deno.test("B47: a node alone whose newest snapshot is damaged loses nothing", async () => {
  await using cluster = await Cluster.start(1, { retain: 2, config: { trailingLogs: 0 } });
  const { raft, snapshots, fsm } = await cluster.leader();
  for (const word of ["a", "b", "c"]) {
    await cluster.write(word, 5);
    await raft.snapshot();
  }
  snapshots!.damage(snapshots!.list()[0]!.id);
  const again = await cluster.startNode("n1", await cluster.crash("n1"));
  await cluster.leader();
  await cluster.applied(await cluster.write("d", 1));
  assertEquals(again.fsm.commands, [...fsm.commands, "d 0"]);
  assertEquals((await again.raft.snapshot()).lastIncludedIndex, again.raft.lastIndex);
});

Deno.test("B47: the log goes no further back than it has to: to the oldest snapshot that is retained", async () => {
  await using cluster = await Cluster.start(1, { retain: 2, config: { trailingLogs: 0 } });
  const { raft, snapshots, log } = await cluster.leader();
  for (const word of ["a", "b", "c", "d"]) {
    await cluster.write(word, 5);
    await raft.snapshot();
    assertEquals(log.firstIndex, toIndex(snapshots!.list().at(-1)!.lastIncludedIndex + 1));
  }
});

Deno.test("B47: a node with a gap between snapshot and log does not start, and lets go of its disk", async () => {
  await using cluster = await Cluster.start(3, { retain: 2, config: { trailingLogs: 0 } });
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("a", 5));
  const node = cluster.others(leader.id)[0]!;
  const own = await node.raft.snapshot();
  // It is away while the leader's log is compacted, and gets a snapshot: its log begins anew there.
  const disk = await cluster.crash(node.id);
  for (const word of ["b", "c", "d"]) {
    await cluster.write(word, 5);
    await leader.raft.snapshot();
  }
  const { snapshots } = await cluster.startNode(node.id, disk);
  await cluster.applied(leader.raft.lastIndex);
  const [received, older] = snapshots!.list();
  assertEquals(older, own);
  snapshots!.damage(received!.id);
  const again = await cluster.crash(node.id);
  await assertRejects(
    () => cluster.startNode(node.id, again),
    StorageError,
    `the log begins at entry ${
      received!.lastIncludedIndex + 1
    } and the newest snapshot that is whole ends at entry ${own.lastIncludedIndex}`,
  );
  await assertRejects(() => again.persist([]), StorageError, "closed");
});

Deno.test("B47: a snapshot that the log no longer reaches keeps nothing in the log", async () => {
  await using cluster = await Cluster.start(3, { retain: 3, config: { trailingLogs: 0 } });
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("a", 5));
  const id = cluster.others(leader.id)[0]!.id;
  await cluster.node(id).raft.snapshot();
  const disk = await cluster.crash(id);
  for (const word of ["b", "c", "d", "e"]) {
    await cluster.write(word, 5);
    await leader.raft.snapshot();
  }
  const { raft, snapshots, log } = await cluster.startNode(id, disk);
  await cluster.applied(leader.raft.lastIndex);
  const [received] = snapshots!.list();
  await cluster.applied(await cluster.write("f", 5));
  await raft.snapshot();
  await cluster.applied(await cluster.write("g", 5));
  const begins = log.firstIndex;
  await raft.snapshot();
  assertEquals([begins, log.firstIndex], Array(2).fill(toIndex(received!.lastIncludedIndex + 1)));
  await cluster.applied(await cluster.write("h", 5));
  await raft.snapshot();
  assertEquals(log.firstIndex, toIndex(snapshots!.list().at(-1)!.lastIncludedIndex + 1));
  assertEquals(log.firstIndex > begins, true);
});
