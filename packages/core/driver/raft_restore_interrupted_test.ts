/**
 * Raft: a restore whose leader, replica or node is lost in the middle of it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { commandOf, type TestNode } from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";
import { assertEqualReplicas, backupOf, create, Slow } from "./_testing/backups.ts";

Deno.test("B54: a leader that is lost in the middle of a restore leaves replicas as they were, and equal", async () => {
  for (let moment = 0; moment < 40; moment += 1) {
    const { cluster, leader, others } = await create();
    await using _ = cluster;
    const write = watch(leader.raft.apply(commandOf("on its way")));
    const restore = watch(
      leader.raft.restore(backupOf(...Array.from({ length: 5 }, (_, n) => `${n}`))),
    );
    for (let n = 0; n < moment; n += 1) {
      cluster.clock.runNext();
      await settle();
    }
    cluster.network.partition([leader.id], others.map(({ id }) => id));
    await cluster.clock.waitFor("both are told", 5000, () => restore.settled && write.settled);
    await cluster.leader(others.map(({ id }) => id));
    cluster.network.heal();
    await cluster.clock.advance(1000);
    const next = await cluster.leader();
    await cluster.applied(await cluster.until(next.raft.barrier()));
    const isRestored = next.fsm.commands.length === 5 && next.fsm.commands[0] === "0";
    await assertEqualReplicas(cluster, next.fsm.commands);
    const when = `moment ${moment}: ${restore.summary}, ${write.summary}`;
    if (restore.summary === "resolved") assert(isRestored, when);
    if (restore.summary.endsWith("/failed")) assert(!isRestored, when);
    // The write: its effect is gone or not as it was told, unless nobody knows.
    const isWritten = next.fsm.commands.includes("on its way");
    if (write.summary === "aborted-by-restore/failed") assert(!isWritten, when);
    if (write.summary === "resolved" && !isRestored) assert(isWritten, when);
  }
});

Deno.test("B54: a node that restarts in the middle of a restore, or has missed it, has the same state in the end", async () => {
  for (let moment = 0; moment < 24; moment += 1) {
    const { cluster, leader, others } = await create();
    await using _ = cluster;
    const node = others[moment % 2]!;
    await node.raft.snapshot();
    const backup = new Slow();
    const restore = watch(leader.raft.restore(backup));
    backup.give("a", "b", "c");
    for (let n = 0; n < moment; n += 1) {
      cluster.clock.runNext();
      await settle();
    }
    const disk = await cluster.crash(node.id);
    disk.completion = "immediate";
    if (moment % 3 === 0) {
      // It is there again before the last piece, and puts the backup aside from its log.
      await cluster.startNode(node.id, disk);
      await cluster.clock.advance(300);
    }
    backup.give("d");
    backup.end();
    await cluster.clock.waitFor("it is over", 2000, () => restore.settled);
    assertEquals(restore.summary, "resolved");
    await cluster.write("after", 20);
    await leader.raft.snapshot();
    if (moment % 3 !== 0) await cluster.startNode(node.id, disk);
    const after = Array.from({ length: 20 }, (_, n) => `after ${n}`);
    await assertEqualReplicas(cluster, ["a", "b", "c", "d", ...after]);
  }
});

Deno.test("B54: a snapshot that reaches a replica in the middle of a restore ends it there", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const [away, other] = others as [TestNode, TestNode];
  const backup = new Slow();
  const restore = watch(leader.raft.restore(backup));
  backup.give("a");
  await cluster.clock.advance(50);
  assertEquals(away.snapshots!.writing, 1);
  cluster.network.partition([leader.id, other.id], [away.id]);
  backup.give("b");
  backup.end();
  await cluster.clock.waitFor("it is over", 2000, () => restore.settled);
  await cluster.write("after", 20);
  await leader.raft.snapshot();
  cluster.network.heal();
  const after = Array.from({ length: 20 }, (_, n) => `after ${n}`);
  await assertEqualReplicas(cluster, ["a", "b", ...after]);
  assertEquals(away.snapshots!.writing, 0);
});

Deno.test("B78: a node that stops in the middle of a restore ends it, however silent its source is", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const backup = new Slow();
  const write = watch(leader.raft.apply(commandOf("on its way")));
  const restore = watch(leader.raft.restore(backup));
  backup.give("a");
  await cluster.clock.advance(100);
  const { snapshots } = leader;
  assertEquals(snapshots!.writing, 1);
  await cluster.stop(leader.id);
  await settle();
  assertEquals([restore.summary, snapshots!.writing], ["shutdown/failed", 0]);
  assertEquals(write.summary, "resolved", "it was applied, and the restore will not be");
  await assertEqualReplicas(cluster, [
    ...Array.from({ length: 5 }, (_, n) => `before ${n}`),
    "on its way",
  ]);
});
