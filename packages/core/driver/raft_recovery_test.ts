/**
 * Raft: restarts from snapshots and what the log has after them.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import type { MemoryLog } from "@coracle/testing";
import { StorageError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { Cluster, Recorder } from "./_testing/cluster.ts";

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

Deno.test("B47: a node whose newest snapshot is damaged gets to the same state by an older one", async () => {
  await using cluster = await Cluster.start(3, { retain: 2, config: { trailingLogs: 100 } });
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("a", 10));
  const node = cluster.others(leader.id)[0]!;
  await node.raft.snapshot();
  await cluster.applied(await cluster.write("b", 10));
  const newest = await node.raft.snapshot();
  node.snapshots!.damage(newest.id);
  const again = await cluster.startNode(node.id, await cluster.crash(node.id));
  assertEquals(again.fsm.commands.length, 10);
  await cluster.applied(await cluster.write("c", 1));
  assertEquals(again.fsm.commands, leader.fsm.commands);
});

Deno.test("B47: a node with a gap between snapshot and log does not start, and lets go of its disk", async () => {
  await using cluster = await Cluster.start(1, { retain: 2, config: { trailingLogs: 0 } });
  const { raft, snapshots } = await cluster.leader();
  for (const word of ["a", "b"]) {
    await cluster.write(word, 5);
    await raft.snapshot();
  }
  snapshots!.damage(snapshots!.list()[0]!.id);
  const disk = await cluster.crash("n1");
  await assertRejects(
    () => cluster.startNode("n1", disk),
    StorageError,
    "the log begins at entry 13 and the newest snapshot that is whole ends at entry 7",
  );
  await assertRejects(() => disk.persist([]), StorageError, "closed");
});

Deno.test("restoreSnapshotOnStart off: a state machine that keeps its own state gets only what it lacks", async () => {
  /** What the state machine has on a disk of its own: with each command the index, so that none counts twice. */
  const own: { commands: string[]; index: number } = { commands: [], index: 0 };
  class Durable extends Recorder {
    override apply(entry: Parameters<Recorder["apply"]>[0]): string | Promise<string> {
      const response = super.apply(entry);
      if (entry.index > own.index) own.commands.push(this.commands.at(-1)!);
      own.index = Math.max(own.index, entry.index);
      return response;
    }

    override restore(): Promise<void> {
      throw new Error("is not to be restored");
    }
  }
  await using cluster = await Cluster.start(1, {
    retain: 1,
    fsm: () => new Durable(),
    config: { trailingLogs: 2, restoreSnapshotOnStart: false },
  });
  const { raft } = await cluster.leader();
  await cluster.write("a", 10);
  await raft.snapshot();
  await cluster.write("b", 5);
  const again = await cluster.startNode("n1", await cluster.crash("n1"));
  assertEquals([again.fsm.commands, again.raft.appliedIndex as number], [[], 12]);
  await cluster.leader();
  await cluster.write("c", 1);
  const texts = (word: string, count: number) =>
    Array.from({ length: count }, (_, n) => `${word} ${n}`);
  assertEquals(again.fsm.commands, [...texts("b", 5), "c 0"]);
  assertEquals(own.commands, [...texts("a", 10), ...texts("b", 5), "c 0"]);
});
