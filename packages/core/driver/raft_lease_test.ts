/**
 * Raft: reads from a leader's memory while it holds its lease, and everything that ends the lease.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import type { RaftConfig } from "../model/config.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { Cluster, commandOf } from "./_testing/cluster.ts";
import { type LoneNode, makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";

const LEASED: Partial<RaftConfig> = { leaseReads: true, leaderLeaseTimeoutMs: 800 };

/** A leader that holds its lease, and nothing on its way. */
async function leased(config: Partial<RaftConfig> = LEASED): Promise<LoneNode> {
  const node = await startLoneNode({ config });
  await makeLeader(node);
  await confirm(node);
  return node;
}

/** Waits for the beginning of a round that is not the first. Returns its number. */
async function nextRound({ clock, peers }: LoneNode): Promise<number> {
  const rounds = () =>
    peers.sent.map(({ message }) => message.type === "append" ? message.round : 0);
  peers.sent = [];
  await clock.waitFor("a heartbeat", 200, () => rounds().some((round) => round > 1));
  return Math.max(...rounds());
}

/** n2 answers the next round at once. */
async function confirm(node: LoneNode): Promise<void> {
  const round = await nextRound(node);
  const { raft, peers } = node;
  peers.say("n2", {
    type: "appendAccepted",
    term: raft.term,
    matchIndex: toIndex(2),
    round,
    priority: 1,
  });
  await settle();
  peers.sent = [];
}

/** Reads at the level of the lease, and says how that went at once. */
async function readNow({ raft, peers }: LoneNode): Promise<"from memory" | "asked"> {
  const call = watch(raft.read(() => "read", { level: "lease" }));
  await settle();
  const isAsked = peers.take("append").length > 0;
  assertEquals(call.settled, !isAsked);
  return isAsked ? "asked" : "from memory";
}

Deno.test("with a lease nobody is asked; without leaseReads everybody is", async () => {
  await using node = await leased();
  assertEquals(await readNow(node), "from memory");
  await using plain = await leased({ ...LEASED, leaseReads: false });
  assertEquals(await readNow(plain), "asked");
});

Deno.test("a linearizable read does not trust the lease", async () => {
  await using node = await leased();
  const call = watch(node.raft.read(() => "read"));
  await settle();
  assertEquals([call.summary, node.peers.take("append").length > 0], ["open", true]);
});

for (const [clockDriftMax, lastMs] of [[0, 800], [0.05, 760], [0.5, 400]] as const) {
  Deno.test(`B60: the lease lasts ${lastMs} ms from the round that a majority has answered, with a drift of ${clockDriftMax}`, async () => {
    await using node = await leased({ ...LEASED, clockDriftMax });
    const { clock } = node;
    // That round began when its heartbeat was sent: now.
    await clock.advance(lastMs - 1);
    node.peers.sent = [];
    assertEquals(await readNow(node), "from memory");
    await clock.advance(1);
    node.peers.sent = [];
    if (node.raft.state === "leader") assertEquals(await readNow(node), "asked");
    else assertEquals(lastMs, 800, "it has lost touch, and its office");
  });
}

Deno.test("the lease counts from when a round began, not from when it was answered", async () => {
  await using node = await startLoneNode({ config: { ...LEASED, clockDriftMax: 0 } });
  const { raft, clock, peers } = node;
  await makeLeader(node);
  const round = await nextRound(node);
  await clock.advance(600);
  peers.say("n2", {
    type: "appendAccepted",
    term: raft.term,
    matchIndex: toIndex(2),
    round,
    priority: 1,
  });
  await settle();
  await clock.advance(199);
  peers.sent = [];
  assertEquals(await readNow(node), "from memory");
  await clock.advance(1);
  peers.sent = [];
  assertEquals(await readNow(node), "asked");
});

Deno.test("B55: a new leader has no lease before something of its own term is committed", async () => {
  await using node = await startLoneNode({ config: LEASED });
  const { raft, clock, peers } = node;
  await clock.waitFor("it asks for votes", 5000, () => peers.take("preVote").length > 0);
  const granted = true;
  peers.say("n2", { type: "preVoteResult", term: toTerm(1), proposedTerm: toTerm(2), granted });
  await settle();
  peers.say("n2", { type: "voteResult", term: toTerm(2), granted });
  await settle();
  const { round } = peers.take("append").at(-1)!;
  peers.say("n2", {
    type: "appendAccepted",
    term: toTerm(2),
    matchIndex: toIndex(1),
    round,
    priority: 1,
  });
  await settle();
  const read = watch(raft.read(() => "read", { level: "lease" }));
  await settle();
  assertEquals([raft.state, read.summary], ["leader", "open"]);
});

Deno.test("B59: a transfer ends the lease for good, also one that fails", async () => {
  await using node = await leased();
  const { raft, clock, peers } = node;
  const transfer = watch(raft.transferLeadership({ to: "n2" }));
  await settle();
  assertEquals(peers.take("timeoutNow").length, 1, "n2 may lead from now on");
  assertEquals(await readNow(node), "asked");
  while (!transfer.settled) {
    await confirm(node);
    await clock.advance(50);
  }
  assertEquals([transfer.summary, raft.state], ["transfer-failed/not-written", "leader"]);
  await confirm(node);
  assertEquals(await readNow(node), "asked", "the message may still arrive");
});

Deno.test("a follower of a leader with a lease does not take a lost connection for its end", async () => {
  for (const leaseReads of [true, false]) {
    await using node = await startLoneNode({ config: { ...LEASED, leaseReads } });
    const { raft, clock, peers } = node;
    peers.say("n2", {
      type: "append",
      term: toTerm(2),
      prevLogIndex: toIndex(1),
      prevLogTerm: toTerm(1),
      entries: undefined,
      leaderCommit: toIndex(1),
      round: 1,
      leased: leaseReads,
      yields: false,
    });
    await settle();
    peers.lose("n2");
    await clock.advance(150);
    assertEquals(raft.state, leaseReads ? "follower" : "candidate");
    // Nor does it vote before its timeout is over.
    await clock.advance(800);
    peers.sent = [];
    peers.say("n3", {
      type: "vote",
      term: toTerm(9),
      lastLogIndex: toIndex(9),
      lastLogTerm: toTerm(8),
      leadershipTransfer: false,
    });
    await settle();
    assertEquals(peers.take("voteResult").map(({ granted }) => granted), [!leaseReads]);
  }
});

Deno.test("B60: a node that restarts votes for nobody before a lease that it confirmed must be over", async () => {
  const ask = async (node: LoneNode) => {
    node.peers.say("n3", {
      type: "vote",
      term: toTerm(5),
      lastLogIndex: toIndex(9),
      lastLogTerm: toTerm(4),
      leadershipTransfer: false,
    });
    await settle();
    return node.peers.take("voteResult").map(({ granted }) => granted);
  };
  await using node = await startLoneNode({ config: LEASED });
  await using again = await startLoneNode({ config: LEASED, log: node.log.crash() });
  for (const ms of [0, 500, 499]) {
    await again.clock.advance(ms);
    assertEquals([await ask(again), again.raft.state], [[false], "follower"]);
  }
  await again.clock.advance(1);
  assertEquals(await ask(again), [true]);
});

Deno.test("B60: no lease read misses an acknowledged write, however leaders are cut off and followers restarted", async () => {
  let fromMemory = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    await using cluster = await Cluster.start(3, { seed, config: LEASED });
    const old = await cluster.leader();
    await cluster.applied(await cluster.write("known", 2));
    const others = cluster.others(old.id).map(({ id }) => id);
    await cluster.clock.advance(seed * 7);
    cluster.network.partition([old.id], others);
    for (const id of others) cluster.network.disconnect(old.id, id);
    if (seed % 2 === 0) {
      for (const id of others) {
        const disk = await cluster.crash(id);
        disk.completion = "immediate";
        await cluster.startNode(id, disk);
      }
    }
    let acknowledged = 2;
    for (let ms = 0; ms < 3000; ms += 5) {
      const next = others.map((id) => cluster.node(id)).find(({ raft }) => raft.state === "leader");
      if (next !== undefined && acknowledged === 2) {
        void next.raft.apply(commandOf("new")).then(() => acknowledged = 3, () => {});
      }
      const before = acknowledged;
      const read = watch(old.raft.read(() => old.fsm.commands.length, { level: "lease" }));
      await cluster.clock.advance(5);
      if (read.value === undefined) continue;
      fromMemory += 1;
      assert(read.value.response >= before, `seed ${seed}: ${read.value.response} of ${before}`);
    }
    assertEquals(acknowledged, 3, `seed ${seed}`);
  }
  assert(fromMemory > 1000, `${fromMemory} reads from memory`);
});
