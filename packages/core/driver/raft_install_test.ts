/**
 * Raft: snapshots on their way to followers that are too far behind for the log.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { RELIABLE, settle } from "@coracle/testing";
import { findServer } from "../model/configuration.ts";
import type { Entry } from "../model/entry.ts";
import { TransportError } from "../model/errors.ts";
import {
  Cluster,
  type ClusterOptions,
  commandOf,
  Recorder,
  type TestNode,
} from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";

const OPTIONS: ClusterOptions = { retain: 1, config: { trailingLogs: 2 } };

/** A cluster of three whose `away` has missed a hundred commands that are only in the leader's snapshot. */
async function behind(
  options: ClusterOptions = OPTIONS,
): Promise<{ cluster: Cluster; leader: TestNode; away: string; back: () => Promise<TestNode> }> {
  const cluster = await Cluster.start(3, options);
  const leader = await cluster.leader();
  const [other, { id: away }] = cluster.others(leader.id) as [TestNode, TestNode];
  await cluster.applied(await cluster.write("known", 5));
  const disk = await cluster.crash(away);
  await cluster.applied(await cluster.write("missed", 100));
  for (const { raft } of [leader, other]) await raft.snapshot();
  disk.completion = "immediate";
  return { cluster, leader, away, back: () => cluster.startNode(away, disk) };
}

/** Lets time pass until the first `count` snapshots have begun to travel. */
async function underWay(cluster: Cluster, count = 1): Promise<void> {
  await cluster.clock.waitFor(
    "a snapshot is on its way",
    5000,
    () => cluster.network.snapshots.length === count,
  );
}

Deno.test("a follower that was away gets a snapshot, and what follows by the log, while writes go on", async () => {
  const { cluster, leader, back } = await behind();
  await using _ = cluster;
  const { term } = leader.raft;
  cluster.network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 1 };
  const node = await back();
  await underWay(cluster);
  for (let n = 0; n < 20; n += 1) {
    await cluster.write(`meanwhile ${n}`, 2);
    await cluster.clock.advance(20);
  }
  await cluster.applied(leader.raft.commitIndex);
  assertEquals(node.fsm.commands, leader.fsm.commands);
  // The leader hears of it for the first time, and writes down which store it has.
  await cluster.clock.waitFor("its store has a name", 1000, () => {
    const { configuration } = node.raft.configuration();
    return findServer(configuration, "n3")?.storeId === node.log.storeId;
  });
  assertEquals(node.raft.configuration(), leader.raft.configuration());
  assertEquals(leader.raft.term, term, "its return disturbs nobody");
  assertEquals(node.snapshots!.list()[0]!.lastIncludedIndex, node.raft.stats().lastSnapshotIndex);
  assert(node.log.firstIndex > 100, "its log begins after the snapshot");
});

Deno.test("a node that knows nothing gets the members with the snapshot", async () => {
  await using cluster = await Cluster.start(3, { ...OPTIONS, isFounding: true });
  await cluster.crash("n3"); // before anybody has heard of it
  cluster.wipe("n3");
  const leader = await cluster.leader();
  await cluster.write("missed", 50);
  await leader.raft.snapshot();
  const node = await cluster.startNode("n3");
  await cluster.applied(leader.raft.commitIndex);
  assertEquals(node.fsm.commands, leader.fsm.commands);
  // The leader hears of it for the first time, and writes down which store it has.
  await cluster.clock.waitFor("its store has a name", 1000, () => {
    const { configuration } = node.raft.configuration();
    return findServer(configuration, "n3")?.storeId === node.log.storeId;
  });
  assertEquals(node.raft.configuration(), leader.raft.configuration());
  assert(node.raft.leader?.address !== "");
  // It is a full member: with one of the others it is a majority.
  const [other] = cluster.others(leader.id).filter(({ id }) => id !== "n3");
  await cluster.crash(other!.id);
  const { index } = await cluster.until(leader.raft.apply(commandOf("with n3")));
  assertEquals(index as number, leader.raft.commitIndex as number);
});

Deno.test("B51: a snapshot that takes long costs no heartbeat and no term", async () => {
  const { cluster, leader, back } = await behind();
  await using _ = cluster;
  const { term } = leader.raft;
  // A kilobyte in more than a minute.
  cluster.network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 0.02 };
  const node = await back();
  await underWay(cluster);
  const beganMs = cluster.clock.now();
  let silentMs = 0;
  while (node.raft.lastIndex < 100) {
    await cluster.clock.advance(100);
    silentMs = Math.max(silentMs, node.raft.stats().lastContactMs ?? Infinity);
  }
  assert(cluster.clock.now() - beganMs > 50_000);
  assert(silentMs <= 200, `${silentMs} ms without a heartbeat`);
  assertEquals([leader.raft.state, leader.raft.term], ["leader", term]);
});

Deno.test("B46: a snapshot is not removed while it is being sent, however many newer ones there are", async () => {
  const { cluster, leader, back } = await behind();
  await using _ = cluster;
  cluster.network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 1 };
  const node = await back();
  await underWay(cluster);
  const [sent] = leader.snapshots!.list();
  for (let n = 0; n < 3; n += 1) {
    await cluster.write(`newer ${n}`, 5);
    await leader.raft.snapshot();
  }
  assertEquals(leader.snapshots!.list().some(({ id }) => id === sent!.id), false);
  assertEquals(leader.snapshots!.reading, 1);
  // What follows the one that is being sent stays in the log: the follower needs it next.
  assert(leader.log.firstIndex <= sent!.lastIncludedIndex + 1, `${leader.log.firstIndex}`);
  await cluster.applied(leader.raft.commitIndex);
  assertEquals(node.fsm.commands, leader.fsm.commands);
  assertEquals(node.snapshots!.list()[0]!.lastIncludedIndex, sent!.lastIncludedIndex);
  await cluster.clock.advance(10);
  assertEquals(leader.snapshots!.reading, 0);
  assert(leader.log.firstIndex > sent!.lastIncludedIndex, "and goes when it has arrived");
});

Deno.test("B49: a snapshot that breaks off is sent again, as often as it takes", async () => {
  const { cluster, leader, back } = await behind();
  await using _ = cluster;
  cluster.network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 1 };
  const node = await back();
  for (let n = 0; n < 3; n += 1) {
    await underWay(cluster);
    await cluster.clock.advance(20);
    cluster.network.breakSnapshots();
    await cluster.clock.advance(10);
    assertEquals([node.snapshots!.list().length, node.snapshots!.writing], [0, 0]);
  }
  await cluster.applied(leader.raft.commitIndex);
  assertEquals(node.fsm.commands, leader.fsm.commands);
  await cluster.clock.advance(5);
  assertEquals(leader.snapshots!.reading, 0);
});

Deno.test("B49: a follower that cannot store a snapshot is not asked more often than once in a heartbeat timeout", async () => {
  const { cluster, leader, back } = await behind();
  await using _ = cluster;
  const node = await back();
  let refused = 0;
  node.snapshots!.before = (operation) => {
    if (operation !== "create") return;
    refused += 1;
    throw new TransportError("no space left");
  };
  await cluster.clock.advance(10_000);
  assert(refused >= 5 && refused <= 10, `${refused} times in ten seconds`);
  assertEquals([leader.raft.state, node.raft.state], ["leader", "follower"]);
  node.snapshots!.before = () => {};
  await cluster.applied(leader.raft.commitIndex);
});

Deno.test("a follower without a snapshot store refuses, and disturbs nobody", async () => {
  const { cluster, leader, away } = await behind();
  await using _ = cluster;
  const node = await cluster.startNode(away, undefined, 0);
  await cluster.clock.advance(5000);
  assertEquals([node.raft.lastIndex as number, leader.raft.state], [0, "leader"]);
  await cluster.write("goes on", 1);
});

Deno.test("a leader that loses its office stops sending, and its successor sends its own", async () => {
  const { cluster, leader, back, away } = await behind();
  await using _ = cluster;
  cluster.network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 0.5 };
  const node = await back();
  await underWay(cluster);
  await leader.raft.stepDown();
  await cluster.clock.advance(5);
  assertEquals([cluster.network.snapshots.length, leader.snapshots!.reading], [0, 0]);
  const next = await cluster.leader();
  assertNotEquals(next.id, away, "whoever is behind is not elected");
  await cluster.applied(await cluster.write("after", 3));
  assertEquals(node.fsm.commands, next.fsm.commands);
});

Deno.test("a leader that is re-elected while its old snapshot still travels sends another when that has ended", async () => {
  const { cluster, leader, back, away } = await behind();
  await using _ = cluster;
  const gate = Promise.withResolvers<void>();
  const { open } = leader.snapshots!;
  let opened = 0;
  leader.snapshots!.open = async (id) => {
    opened += 1;
    if (opened === 1) await gate.promise;
    return await open.call(leader.snapshots!, id);
  };
  const node = await back();
  await cluster.clock.waitFor("it is to be sent", 5000, () => opened === 1);
  // Without the third, only the old leader can be the new one: the other is behind.
  for (const { id } of cluster.others(leader.id)) if (id !== away) await cluster.crash(id);
  const { term } = leader.raft;
  await leader.raft.stepDown();
  await cluster.leader();
  assert(leader.raft.term > term && leader.raft.state === "leader");
  await cluster.clock.advance(500);
  assertEquals([opened, node.raft.lastIndex < 100], [1, true]);
  gate.resolve();
  await cluster.applied(leader.raft.commitIndex);
  assertEquals([opened, node.fsm.commands], [2, leader.fsm.commands]);
});

/** A state machine that waits before its tenth command until it may go on. */
class Patient extends Recorder {
  static gate: PromiseWithResolvers<void> | undefined;

  override async apply(entry: Entry): Promise<string> {
    if (this.commands.length === 9) await Patient.gate?.promise;
    return await super.apply(entry);
  }

  /** From now on all wait but those of `hasty`. What is returned lets them go on, at the latest when the test ends. */
  static wait(...hasty: TestNode[]): { [Symbol.dispose](): void } {
    const gate = Promise.withResolvers<void>();
    Patient.gate = gate;
    for (const { fsm } of hasty) fsm.apply = Recorder.prototype.apply.bind(fsm);
    return { [Symbol.dispose]: gate.resolve };
  }
}

Deno.test("B44: a snapshot that arrives while commands wait for a slow state machine takes their place", async () => {
  Patient.gate = undefined;
  await using cluster = await Cluster.start(3, { ...OPTIONS, fsm: () => new Patient() });
  const leader = await cluster.leader();
  const [slow, other] = cluster.others(leader.id) as [TestNode, TestNode];
  await cluster.applied(await cluster.write("known", 8));
  using waiting = Patient.wait(leader, other);
  await cluster.write("queued", 20);
  await cluster.clock.advance(100);
  assertEquals([slow.raft.commitIndex, slow.fsm.commands.length], [leader.raft.commitIndex, 9]);
  cluster.network.partition([leader.id, other.id], [slow.id]);
  await cluster.write("missed", 50);
  await leader.raft.snapshot();
  cluster.network.heal();
  await cluster.clock.waitFor("it is there", 10_000, () => slow.snapshots!.list().length === 1);
  await cluster.clock.advance(100);
  assertEquals([slow.fsm.commands.length, slow.raft.stats().fsmPending], [9, 69]);
  const local = watch(slow.raft.read(() => slow.fsm.commands.length, { level: "local" }));
  await settle();
  assertEquals(local.summary, "open", "the tenth command is under way");
  waiting[Symbol.dispose]();
  await cluster.applied(leader.raft.commitIndex);
  assertEquals(slow.fsm.commands, leader.fsm.commands);
  assertEquals(local.value?.response, 78);
  await cluster.applied(await cluster.write("after", 1));
});

Deno.test("B71: calls whose entries come back in a snapshot are answered: nobody knows what they were", async () => {
  Patient.gate = undefined;
  await using cluster = await Cluster.start(3, { ...OPTIONS, fsm: () => new Patient() });
  const old = await cluster.leader();
  const others = cluster.others(old.id);
  await cluster.applied(await cluster.write("known", 9));
  using waiting = Patient.wait(...others);
  const calls = ["under way", "queued", "queued too"].map((text) =>
    watch(old.raft.apply(commandOf(text)))
  );
  await cluster.clock.waitFor(
    "they are committed",
    100,
    () => others[0]!.fsm.commands.length === 12,
  );
  cluster.network.partition([old.id], others.map(({ id }) => id));
  const next = await cluster.leader(others.map(({ id }) => id));
  const more = Array.from({ length: 50 }, (_, n) => next.raft.apply(commandOf(`missed ${n}`)));
  await cluster.until(Promise.all(more));
  assertEquals(calls.map(({ summary }) => summary), Array(3).fill("open"), "they will be applied");
  await next.raft.snapshot();
  cluster.network.heal();
  await cluster.clock.waitFor("it has it", 10_000, () => old.snapshots!.list().length === 1);
  await cluster.clock.advance(10);
  assertEquals(calls.map(({ summary }) => summary), Array(3).fill("leadership-lost/unknown"));
  waiting[Symbol.dispose]();
  await cluster.applied(next.raft.commitIndex);
  assertEquals([old.raft.state, old.fsm.commands], ["follower", next.fsm.commands]);
});

Deno.test("a member that is removed while a snapshot travels to it gets no more of it", async () => {
  const { cluster, leader, away, back } = await behind();
  await using _ = cluster;
  cluster.network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 0.1 };
  await back();
  await underWay(cluster);
  const removed = watch(leader.raft.removeServer(away));
  await cluster.clock.advance(100);
  assertEquals(removed.summary, "resolved");
  assertEquals([cluster.network.snapshots.length, leader.snapshots!.reading], [0, 0]);
  await cluster.clock.advance(5000);
  assertEquals([cluster.network.snapshots.length, leader.raft.state], [0, "leader"]);
});

Deno.test("B49: a member that is removed and added again before it has heard of it gets its snapshot", async () => {
  const { cluster, leader, away, back } = await behind();
  await using _ = cluster;
  cluster.network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 0.5 };
  const node = await back();
  await underWay(cluster);
  await cluster.until(leader.raft.removeServer(away));
  await cluster.clock.advance(200); // it is sent the news, and would need a snapshot to take it
  assertEquals(cluster.network.snapshots, []);
  await cluster.until(leader.raft.addVoter(away, away, { immediately: true }));
  await cluster.applied(leader.raft.commitIndex);
  assertEquals(node.fsm.commands, leader.fsm.commands);
});

for (const side of ["leader", "follower"] as const) {
  Deno.test(`B78: the ${side} can be shut down at every moment of a snapshot's way`, async () => {
    for (let moment = 0; moment < 30; moment += 1) {
      const { cluster, leader, back } = await behind();
      await using _ = cluster;
      cluster.network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 5 };
      const node = await back();
      await underWay(cluster);
      for (let n = 0; n < moment; n += 1) cluster.clock.runNext();
      const { id, snapshots } = side === "leader" ? leader : node;
      await cluster.stop(id);
      await settle();
      assertEquals([snapshots!.reading, snapshots!.writing], [0, 0], `moment ${moment}`);
      await cluster.clock.advance(10);
      assertEquals(cluster.network.snapshots.length, 0, `moment ${moment}`);
    }
  });
}

Deno.test("a follower that crashes at any moment of a snapshot's arrival starts from what it has", async () => {
  let restored = 0;
  for (let moment = 0; moment < 200; moment += 5) {
    const { cluster, leader, back } = await behind();
    await using _ = cluster;
    const { id, log, snapshots } = await back();
    await underWay(cluster);
    // The log is slow: between the snapshot's commit and the log's beginning anew there is time to crash.
    log.completion = "manual";
    for (let n = 0; n < moment; n += 1) {
      cluster.clock.runNext();
      await settle();
      if (n % 7 === 6) log.complete();
    }
    const stored = snapshots!.list().length;
    const disk = await cluster.crash(id);
    disk.completion = "immediate";
    const again = await cluster.startNode(id, disk);
    if (stored > 0) {
      restored += 1;
      assertEquals(again.fsm.commands, leader.fsm.commands, `moment ${moment}`);
    }
    await cluster.applied(await cluster.write("after", 1));
    assertEquals(again.fsm.commands, leader.fsm.commands, `moment ${moment}`);
  }
  assert(restored > 5 && restored < 35, `${restored} had the snapshot already`);
});
