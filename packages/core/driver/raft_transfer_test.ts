/**
 * Raft: leadership handed over, or given up.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertNotEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { NotLeaderError, TransferFailedError, TransferInProgressError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { Cluster, commandOf, type TestNode } from "./_testing/cluster.ts";
import { accept, makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch, type Watched } from "./_testing/outcome.ts";

async function create(
  size = 3,
): Promise<{ cluster: Cluster; leader: TestNode; others: TestNode[] }> {
  const cluster = await Cluster.start(size);
  const leader = await cluster.leader();
  await cluster.applied(await cluster.write("before", 5));
  return { cluster, leader, others: cluster.others(leader.id) };
}

function messageOf({ error }: Watched<unknown>): string {
  assertInstanceOf(error, TransferFailedError);
  assertEquals(error.outcome, "not-written");
  return error.message;
}

for (const size of [2, 3, 5]) {
  Deno.test(`leadership of ${size} goes to the one who is named, within an election, and back`, async () => {
    const { cluster, leader, others } = await create(size);
    await using _ = cluster;
    for (const target of [others[0]!, leader, others.at(-1)!]) {
      const old = await cluster.leader();
      if (old.id === target.id) continue;
      const beganMs = cluster.clock.now();
      await cluster.until(old.raft.transferLeadership({ to: target.id }));
      assertNotEquals(old.raft.state, "leader");
      const next = await cluster.leader();
      assertEquals(next.id, target.id);
      assert(
        cluster.clock.now() - beganMs < 50,
        "no timeout is waited for, and no pre-vote refused",
      );
      await cluster.applied(await cluster.write(`led by ${next.id}`, 3));
    }
  });
}

Deno.test("without a name it goes to a voter that has everything", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const [behind, best] = others as [TestNode, TestNode];
  cluster.network.cut(leader.id, behind.id);
  await cluster.write("x", 3);
  await cluster.until(leader.raft.transferLeadership());
  assertEquals((await cluster.leader([best.id, leader.id])).id, best.id);
});

Deno.test("B66: what a follower was sent does not count, only what it has", async () => {
  await using node = await startLoneNode();
  const { raft, peers } = node;
  await makeLeader(node);
  // Both are sent everything; n2 has it on its disk, n3 was heard but has less.
  for (let n = 0; n < 3; n += 1) watch(raft.apply(commandOf(`${n}`)));
  await settle();
  accept(peers, 5);
  peers.say("n3", {
    type: "appendAccepted",
    term: raft.term,
    matchIndex: toIndex(2),
    round: 1,
    priority: 1,
  });
  await settle();
  peers.sent = [];
  const transfer = watch(raft.transferLeadership());
  await settle();
  const asked = peers.sent.filter(({ message }) => message.type === "timeoutNow");
  assertEquals(asked.map(({ to }) => to), ["n2"]);
  assertEquals(transfer.summary, "open");
});

Deno.test("a target that is behind is brought up to date first, writes wait for nobody meanwhile", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const [target, other] = others as [TestNode, TestNode];
  cluster.network.partition([leader.id, other.id], [target.id]);
  await cluster.write("missed", 50);
  cluster.network.heal();
  const transfer = watch(leader.raft.transferLeadership({ to: target.id }));
  const write = watch(leader.raft.apply(commandOf("x")));
  const barrier = watch(leader.raft.barrier());
  await settle();
  for (const call of [write, barrier]) {
    assertInstanceOf(call.error, TransferInProgressError);
    assertEquals(call.error.outcome, "not-written");
  }
  await cluster.clock.waitFor("it is done", 1000, () => transfer.settled);
  assertEquals(transfer.summary, "resolved");
  const next = await cluster.leader();
  assertEquals([next.id, next.fsm.commands.length], [target.id, 55]);
});

Deno.test("B65: a target that is dead costs an election timeout, then writes are taken again", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const target = others[0]!.id;
  await cluster.crash(target);
  const { term } = leader.raft;
  for (let n = 0; n < 3; n += 1) {
    const beganMs = cluster.clock.now();
    const transfer = watch(leader.raft.transferLeadership({ to: target }));
    await cluster.clock.waitFor("it is given up", 2000, () => transfer.settled);
    assertEquals(messageOf(transfer), "leadership transfer timeout");
    assertEquals(cluster.clock.now() - beganMs, 1000);
    await cluster.write(`again ${n}`, 1);
  }
  assertEquals([leader.raft.state, leader.raft.term], ["leader", term]);
});

Deno.test("B65: a target that dies at any step leaves nobody without a leader for long, and no call open", async () => {
  let handed = 0;
  for (let step = 0; step < 30; step += 1) {
    const { cluster, leader, others } = await create();
    await using _ = cluster;
    const target = others[0]!.id;
    const transfer = watch(leader.raft.transferLeadership({ to: target }));
    for (let n = 0; n < step; n += 1) {
      cluster.clock.runNext();
      await settle();
    }
    handed += transfer.summary === "resolved" ? 1 : 0;
    await cluster.crash(target);
    const beganMs = cluster.clock.now();
    await cluster.clock.waitFor("the call ends", 1100, () => transfer.settled);
    const next = await cluster.leader();
    await cluster.until(next.raft.apply(commandOf("goes on")));
    assert(cluster.clock.now() - beganMs < 6000, `step ${step}`);
  }
  assert(handed > 3 && handed < 27, `${handed} of 30 were handed over in time`);
});

Deno.test("to nobody, to oneself, to who has no vote: refused at once, in words", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  await cluster.until(leader.raft.addNonvoter("n4", "n4"));
  for (
    const [to, message] of [
      [leader.id, "cannot transfer leadership to itself"],
      ["n4", "n4 is not a voter"],
      ["n9", "n9 is not a voter"],
    ] as const
  ) {
    const transfer = watch(leader.raft.transferLeadership({ to }));
    await settle();
    assertEquals(messageOf(transfer), message);
  }
  const elsewhere = watch(others[0]!.raft.transferLeadership());
  await settle();
  assertInstanceOf(elsewhere.error, NotLeaderError);
  assertEquals(elsewhere.error.leader?.id, leader.id);
  await using single = await Cluster.start(1);
  const alone = watch((await single.leader()).raft.transferLeadership());
  await settle();
  assertEquals(messageOf(alone), "there is no other voter that may lead");
  await cluster.write("goes on", 1);
});

Deno.test("one transfer at a time; the second changes nothing about the first", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const first = watch(leader.raft.transferLeadership({ to: others[0]!.id }));
  const second = watch(leader.raft.transferLeadership({ to: others[1]!.id }));
  await settle();
  assertEquals([first.summary, second.summary], ["open", "transfer-in-progress/not-written"]);
  await cluster.until(first.promise);
  assertEquals((await cluster.leader()).id, others[0]!.id);
});

Deno.test("a target that loses its vote meanwhile ends the transfer", async () => {
  // A membership change is refused during a transfer, so it is one that was on its way before.
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const target = others[0]!.id;
  const change = watch(leader.raft.demoteVoter(target));
  await settle();
  const transfer = watch(leader.raft.transferLeadership({ to: target }));
  await settle();
  assertEquals(messageOf(transfer), `${target} is not a voter`);
  await cluster.clock.waitFor("it is demoted", 1000, () => change.settled);
});

Deno.test("B78: a node that stops while it hands over ends the call", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  await cluster.crash(others[0]!.id);
  const transfer = watch(leader.raft.transferLeadership({ to: others[0]!.id }));
  await cluster.clock.advance(100);
  await cluster.stop(leader.id);
  assertEquals(transfer.summary, "shutdown/not-written");
  const late = watch(leader.raft.transferLeadership());
  await settle();
  assertEquals(late.summary, "shutdown/not-written");
});

Deno.test("a state machine may ask for a transfer in the middle of a command, and a second time", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const calls: Watched<unknown>[] = [];
  const apply = leader.fsm.apply.bind(leader.fsm);
  leader.fsm.apply = (entry) => {
    for (let n = 0; n < 2; n += 1) calls.push(watch(leader.raft.transferLeadership()));
    return apply(entry);
  };
  await cluster.write("hands over", 1);
  await cluster.clock.waitFor(
    "both are settled",
    2000,
    () => calls.every(({ settled }) => settled),
  );
  assertEquals(calls.map(({ summary }) => summary), [
    "resolved",
    "transfer-in-progress/not-written",
  ]);
});

Deno.test("stepDown: the leader leads no longer, its open calls hear of it, and somebody leads again", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const { term } = leader.raft;
  const open = watch(leader.raft.apply(commandOf("x")));
  const question = watch(leader.raft.verifyLeader());
  await settle();
  await leader.raft.stepDown();
  await settle();
  assertEquals([leader.raft.state, leader.raft.leader], ["follower", undefined]);
  assertEquals([open.summary, question.summary], [
    "leadership-lost/unknown",
    "leadership-lost/not-written",
  ]);
  const again = watch(leader.raft.stepDown());
  const elsewhere = watch(others[0]!.raft.stepDown());
  await settle();
  assertInstanceOf(again.error, NotLeaderError);
  assertInstanceOf(elsewhere.error, NotLeaderError);
  const next = await cluster.leader();
  assert(next.raft.term > term);
  await next.raft.shutdown();
  const late = watch(next.raft.stepDown());
  await settle();
  assertEquals(late.summary, "shutdown/not-written");
});
