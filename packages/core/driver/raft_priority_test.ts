/**
 * Raft: priorities. Whoever is preferred leads, as soon as it has been well for long enough; nothing else depends on it.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Prng, settle } from "@coracle/testing";
import type { RaftConfig } from "../model/config.ts";
import type { ServerId } from "../model/configuration.ts";
import { TransferFailedError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { backupOf, create, Slow } from "./_testing/backups.ts";
import { Cluster, commandOf, type TestNode } from "./_testing/cluster.ts";
import { type LoneNode, makeLeader, startLoneNode } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";

const DELAY_MS = 2000;

/** A cluster with these priorities, from `n1` on. */
async function prefer(
  priorities: readonly number[],
  config: Partial<RaftConfig> = {},
  seed = 1,
): Promise<Cluster> {
  const options = { config: { handoverDelayMs: DELAY_MS, ...config }, seed };
  const cluster = await Cluster.start(priorities.length, options);
  for (const [at, leaderPriority] of priorities.entries()) {
    cluster.node(`n${at + 1}`).raft.reloadConfig({ leaderPriority });
  }
  return cluster;
}

async function leads(cluster: Cluster, id: ServerId, withinMs: number): Promise<number> {
  const beganMs = cluster.clock.now();
  await cluster.clock.waitFor(
    `${id} leads`,
    withinMs,
    () => cluster.node(id).raft.state === "leader",
  );
  return cluster.clock.now() - beganMs;
}

/** How often leadership changes in `durationMs`. */
async function changes(cluster: Cluster, durationMs: number): Promise<number> {
  const before = Math.max(...[...cluster.nodes.values()].map(({ raft }) => raft.term));
  await cluster.clock.advance(durationMs);
  return Math.max(...[...cluster.nodes.values()].map(({ raft }) => raft.term)) - before;
}

for (const seed of [1, 2, 3, 4, 5]) {
  Deno.test(`seed ${seed}: whoever is elected first, the preferred node leads soon and for good`, async () => {
    await using cluster = await prefer([1, 1, 7, 2, 1], {}, seed);
    const first = await cluster.leader();
    const waitedMs = await leads(cluster, "n3", DELAY_MS + 500);
    assert(first.id === "n3" || waitedMs >= DELAY_MS, `${waitedMs} ms`);
    await cluster.applied(await cluster.write("x", 3));
    assertEquals(await changes(cluster, 20 * DELAY_MS), 0);
  });
}

Deno.test("with equal priorities leadership stays where it is", async () => {
  await using cluster = await prefer([5, 5, 5]);
  await cluster.leader();
  assertEquals(await changes(cluster, 20 * DELAY_MS), 0);
});

Deno.test("when the preferred node dies the next one leads, and hands over when it is back and has caught up", async () => {
  await using cluster = await prefer([3, 2, 1]);
  await leads(cluster, "n1", 10_000);
  await cluster.applied(await cluster.write("before", 3));
  await cluster.clock.advance(1000);
  const disk = await cluster.crash("n1");
  await leads(cluster, "n2", 2500);
  await cluster.write("without n1", 50);
  const { raft, fsm } = await cluster.startNode("n1", disk);
  raft.reloadConfig({ leaderPriority: 3 });
  const waitedMs = await leads(cluster, "n1", DELAY_MS + 1000);
  assert(waitedMs >= DELAY_MS, `${waitedMs} ms`);
  await cluster.applied(await cluster.write("again", 1));
  assertEquals(fsm.commands.length, 54);
});

Deno.test("nothing that was acknowledged is lost by a handover under load, and writes are refused as not written", async () => {
  await using cluster = await prefer([1, 1, 1]);
  const first = await cluster.leader();
  const [next] = cluster.others(first.id);
  const acknowledged: string[] = [];
  let refused = 0;
  let isOn = true;
  const clients = Array.from({ length: 5 }, async (_, client) => {
    for (let n = 0; isOn; n += 1) {
      const node = [...cluster.nodes.values()].find(({ raft }) => raft.state === "leader");
      const command = `${client}/${n}`;
      try {
        await (node ?? first).raft.apply(commandOf(command));
        acknowledged.push(command);
      } catch (error) {
        assertEquals((error as { outcome?: string }).outcome, "not-written", `${error}`);
        refused += 1;
        await new Promise<void>((resolve) => cluster.clock.setTimer(10, resolve));
      }
    }
  });
  next!.raft.reloadConfig({ leaderPriority: 2 });
  await leads(cluster, next!.id, DELAY_MS + 1000);
  await cluster.clock.advance(100);
  isOn = false;
  await cluster.until(Promise.all(clients));
  await cluster.applied(await cluster.until(next!.raft.barrier()));
  for (const { fsm } of cluster.nodes.values()) {
    assertEquals(fsm.commands.sort(), acknowledged.sort());
  }
  assert(acknowledged.length > 100 && refused < 50, `${acknowledged.length}, ${refused} refused`);
});

Deno.test("a restore and a change of the membership are not interrupted", async () => {
  const { cluster, leader, others } = await create(3, { handoverDelayMs: DELAY_MS });
  await using _ = cluster;
  const preferred = others[0] as TestNode;
  preferred.raft.reloadConfig({ leaderPriority: 9 });
  const backup = new Slow();
  const restored = watch(leader.raft.restore(backup));
  backup.give("a");
  await cluster.clock.advance(3 * DELAY_MS);
  assertEquals([leader.raft.state, restored.summary], ["leader", "open"]);
  backup.end();
  await cluster.until(restored.promise);
  // n4 does not run, so it never gets its vote.
  const added = watch(leader.raft.addVoter("n4", "n4", { timeoutMs: 3 * DELAY_MS }));
  await cluster.clock.advance(3 * DELAY_MS - 1);
  assertEquals([leader.raft.state, added.summary], ["leader", "open"]);
  await leads(cluster, preferred.id, 1000);
  assertEquals(added.settled, true);
  assertEquals(preferred.fsm.commands, backupOf("a").map(() => "a"));
});

Deno.test("a node of priority 0 never leads, by whatever way, as long as there are others", async () => {
  await using cluster = await prefer([0, 1, 1]);
  const first = await cluster.leader();
  assert(first.id !== "n1");
  await cluster.applied(await cluster.write("x", 1));
  const refused = watch(first.raft.transferLeadership({ to: "n1" }));
  await settle();
  assertInstanceOf(refused.error, TransferFailedError);
  assertEquals(refused.error.message, "n1 has priority 0 and never leads");
  await cluster.until(first.raft.transferLeadership());
  const second = await cluster.leader();
  assert(second.id !== "n1");
  // With it alone there is a majority, and no leader: that is what was asked for.
  const disk = await cluster.crash(second.id);
  await cluster.crash(first.id);
  const rest = await cluster.startNode(second.id, disk);
  await leads(cluster, rest.id, 3000);
  await cluster.stop(rest.id);
  await cluster.clock.advance(30_000);
  assertEquals(cluster.node("n1").raft.state, "follower");
});

Deno.test("who lowers its own priority gives leadership away; who raises it gets it", async () => {
  await using cluster = await prefer([5, 5, 5]);
  const first = await cluster.leader();
  first.raft.reloadConfig({ leaderPriority: 1 });
  await cluster.clock.waitFor(
    "another leads",
    DELAY_MS + 1000,
    () => first.raft.state !== "leader",
  );
  first.raft.reloadConfig({ leaderPriority: 6 });
  await leads(cluster, first.id, DELAY_MS + 1000);
});

/** A leader to whose heartbeats n2 answers with priority 5, and n3 with 1. Returns when it told whom to stand for election. */
async function told(node: LoneNode, durationMs: number): Promise<string[]> {
  const { clock, peers, raft } = node;
  const beganMs = clock.now();
  const asked: string[] = [];
  peers.sent = [];
  while (clock.now() - beganMs < durationMs) {
    await clock.advance(10);
    const sent = peers.sent.splice(0);
    for (const { to, message } of sent) {
      if (message.type === "timeoutNow") asked.push(`${to} after ${clock.now() - beganMs} ms`);
      if (message.type !== "append") continue;
      const { round } = message;
      const matchIndex = toIndex(raft.lastIndex);
      const priority = to === "n2" ? 5 : 1;
      peers.say(to, { type: "appendAccepted", term: raft.term, matchIndex, round, priority });
    }
    await settle();
  }
  return asked;
}

Deno.test("a target that does not take over is asked more and more seldom, and writes are taken in between", async () => {
  await using node = await startLoneNode({ config: { handoverDelayMs: 1000 } });
  await makeLeader(node);
  const waits: number[] = [];
  for (let n = 0; n < 7; n += 1) {
    const beganMs = node.clock.now();
    while ((await told(node, 100)).length === 0) assert(node.clock.now() - beganMs < 20_000);
    waits.push(Math.round((node.clock.now() - beganMs) / 1000));
    const refused = watch(node.raft.apply(commandOf("x")));
    await settle();
    assertEquals(refused.summary, "transfer-in-progress/not-written");
    // Told again with every heartbeat, then given up.
    assert((await told(node, 1000)).length >= 8);
    const taken = watch(node.raft.apply(commandOf("y")));
    await told(node, 50);
    assertEquals(taken.summary, "resolved");
  }
  assertEquals(waits, [1, 1, 3, 7, 15, 15, 15]);
});

Deno.test("leadership that comes back soon is handed over after twice the time; when it was away for long, after the usual time", async () => {
  // n1 leads whenever n2 does not: n3 never does.
  await using cluster = await prefer([1, 9, 0]);
  await leads(cluster, "n1", 10_000);
  await leads(cluster, "n2", DELAY_MS + 1000);
  const returns = async () => {
    cluster.network.partition(["n2"], ["n1", "n3"]);
    await leads(cluster, "n1", 4000);
    cluster.network.heal();
    const tookMs = await leads(cluster, "n2", 20 * DELAY_MS);
    return Math.floor(tookMs / DELAY_MS);
  };
  assertEquals([await returns(), await returns(), await returns()], [2, 4, 8]);
  await cluster.clock.advance(10 * 8 * DELAY_MS);
  assertEquals(await returns(), 1);
});

Deno.test("an outage of the preferred node is no reason to change leaders any more often than it comes and goes", async () => {
  await using cluster = await prefer([9, 1, 1]);
  await leads(cluster, "n1", 10_000);
  const random = new Prng(5);
  const beganTerm = cluster.node("n2").raft.term;
  let isolations = 0;
  for (; isolations < 10; isolations += 1) {
    cluster.network.partition(["n1"], ["n2", "n3"]);
    await cluster.clock.advance(random.between(200, 4000));
    cluster.network.heal();
    // Mostly not well for long enough.
    await cluster.clock.advance(random.between(200, 1.5 * DELAY_MS));
  }
  await leads(cluster, "n1", 17 * DELAY_MS);
  assert(cluster.node("n1").raft.term - beganTerm <= 2 * isolations);
  assertEquals(await changes(cluster, 20_000), 0);
});
