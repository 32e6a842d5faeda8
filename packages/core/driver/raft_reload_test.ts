/**
 * Raft: settings that change while the node runs.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MemoryLog, MemorySnapshotStore, VirtualClock } from "@coracle/testing";
import { InvalidConfigError, ShutdownError } from "../model/errors.ts";
import { Cluster, Recorder, type TestNode } from "./_testing/cluster.ts";
import { PlayedPeers } from "./_testing/lone_node.ts";
import { Raft } from "./raft.ts";

async function alone(): Promise<{ cluster: Cluster; node: TestNode }> {
  const cluster = await Cluster.start(1, { retain: 2, config: { snapshotThreshold: 5 } });
  const node = await cluster.leader();
  await cluster.write("x", 10);
  return { cluster, node };
}

Deno.test("what is not changed stays, defaults included", async () => {
  const { cluster, node: { raft } } = await alone();
  await using _ = cluster;
  const before = raft.config;
  assertEquals([before.snapshotThreshold, before.trailingLogs], [5, 10_240]);
  raft.reloadConfig({ trailingLogs: 7 });
  assertEquals(raft.config, { ...before, trailingLogs: 7 });
  raft.reloadConfig({});
  assertEquals(raft.config, { ...before, trailingLogs: 7 });
});

Deno.test("trailingLogs holds from the next snapshot on", async () => {
  const { cluster, node: { raft, log } } = await alone();
  await using _ = cluster;
  await raft.snapshot();
  assertEquals(log.firstIndex as number, 1);
  raft.reloadConfig({ trailingLogs: 2 });
  await cluster.write("y", 1);
  await raft.snapshot();
  assertEquals([log.firstIndex, log.lastIndex] as number[], [12, 13]);
});

Deno.test("snapshotIntervalMs and snapshotThreshold hold at once", async () => {
  const { cluster, node: { raft, snapshots } } = await alone();
  await using _ = cluster;
  raft.reloadConfig({ snapshotThreshold: 100, snapshotIntervalMs: 1000 });
  await cluster.clock.advance(10_000);
  assertEquals(snapshots!.list().length, 0);
  raft.reloadConfig({ snapshotThreshold: 5 });
  await cluster.clock.advance(2000);
  assertEquals(snapshots!.list().length, 1);
});

Deno.test("longer timeouts make followers more patient, shorter ones less", async () => {
  await using cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const [one, other] = cluster.others(leader.id) as [TestNode, TestNode];
  const patience = async (node: TestNode) => {
    const { term } = node.raft;
    cluster.network.partition([leader.id, other.id], [one.id]);
    const beganMs = cluster.clock.now();
    await cluster.clock.waitFor("it stands", 60_000, () => node.raft.state === "candidate");
    const tookMs = cluster.clock.now() - beganMs;
    cluster.network.heal();
    await cluster.leader();
    assertEquals(node.raft.term, term);
    return tookMs;
  };
  const usual = await patience(one);
  assert(usual <= 2000, `${usual} ms`);
  one.raft.reloadConfig({ heartbeatTimeoutMs: 10_000, electionTimeoutMs: 10_000 });
  await cluster.clock.advance(2500); // the timer of before runs to its end
  const long = await patience(one);
  assert(long > 9000 && long <= 20_000, `${long} ms`);
  one.raft.reloadConfig({ heartbeatTimeoutMs: 500, electionTimeoutMs: 500 });
  await cluster.clock.advance(500);
  const short = await patience(one);
  assert(short <= 1000, `${short} ms`);
});

Deno.test("settings that cannot be, do not fit together or cannot be changed are refused, and change nothing", async () => {
  const { cluster, node: { raft } } = await alone();
  await using _ = cluster;
  const before = raft.config;
  for (
    const [changes, message] of [
      [{ heartbeatTimeoutMs: 4 }, "heartbeatTimeoutMs is 4; allowed is 5 to 86400000"],
      [
        { heartbeatTimeoutMs: 2000 },
        "electionTimeoutMs is 1000; allowed is 2000 to 86400000 (not below heartbeatTimeoutMs)",
      ],
      [
        { heartbeatTimeoutMs: 400 },
        "leaderLeaseTimeoutMs is 500; allowed is 5 to 400 (not above heartbeatTimeoutMs)",
      ],
      [{ snapshotThreshold: 0.5 }, "snapshotThreshold is 0.5; allowed is 1 to "],
      [
        { commandSizeMaxBytes: 10 },
        "commandSizeMaxBytes is to be changed; allowed is trailingLogs, snapshotIntervalMs",
      ],
    ] as const
  ) {
    const error = assertThrows(
      () => raft.reloadConfig(changes as Record<string, number>),
      InvalidConfigError,
    );
    assertEquals(error.message.slice(0, message.length), message);
    assertEquals(raft.config, before);
  }
});

Deno.test("a node that is shut down takes no settings any more", async () => {
  const { cluster, node: { raft } } = await alone();
  await using _ = cluster;
  await raft.shutdown();
  assertThrows(() => raft.reloadConfig({ snapshotIntervalMs: 10 }), ShutdownError);
  await cluster.clock.advance(1);
  assertEquals(cluster.clock.nextTimerAtMs, Infinity);
});

Deno.test("a node that is not started makes no snapshots by itself, whatever interval it is given", async () => {
  const clock = new VirtualClock();
  const raft = await Raft.create({
    id: "n1",
    fsm: new Recorder(),
    log: new MemoryLog(),
    snapshots: new MemorySnapshotStore(),
    transport: new PlayedPeers(),
    clock,
  });
  raft.reloadConfig({ snapshotIntervalMs: 10 });
  assertEquals(clock.nextTimerAtMs, Infinity);
  await raft.shutdown();
});
