/**
 * Raft: snapshots of the node's own state machine, made by hand and by itself, and what is left of the log.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { MemoryLog, MemorySnapshotStore, settle } from "@coracle/testing";
import {
  InvalidConfigError,
  NothingNewToSnapshotError,
  SnapshotsUnsupportedError,
  StorageError,
} from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { Cluster, commandOf, Recorder } from "./_testing/cluster.ts";
import { PlayedPeers } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";
import { Raft } from "./raft.ts";
import { alone, contentOf, Custom } from "./_testing/snapshots.ts";

Deno.test("a snapshot contains what is applied, and the log goes on after the trailing entries", async () => {
  const { cluster, node } = await alone({ config: { trailingLogs: 3 } });
  await using _ = cluster;
  const { raft, log, snapshots } = node;
  assertEquals(await cluster.write("a", 8), 10);
  const meta = await raft.snapshot();
  assertEquals(meta, snapshots!.list()[0]);
  assertEquals([meta.lastIncludedIndex, meta.lastIncludedTerm] as number[], [10, 2]);
  assertEquals(meta.configuration, raft.configuration());
  assertEquals([log.firstIndex, log.lastIndex] as number[], [8, 10]);
  assertEquals(await contentOf(snapshots!), node.fsm.commands);
  const stats = raft.stats();
  assertEquals([stats.lastSnapshotIndex, stats.lastSnapshotTerm] as number[], [10, 2]);

  await cluster.write("b", 2);
  const next = await raft.snapshot();
  assertEquals([next.lastIncludedIndex, log.firstIndex] as number[], [12, 10]);
  assertEquals(snapshots!.list(), [next, meta]);
});

Deno.test("B47: with no trailing entries the log is empty after a snapshot", async () => {
  const { cluster, node } = await alone({ config: { trailingLogs: 0 } });
  await using _ = cluster;
  await cluster.write("a", 5);
  await node.raft.snapshot();
  assertEquals([node.log.firstIndex, node.log.lastIndex] as number[], [8, 7]);
  await cluster.write("b", 1);
  assertEquals(node.fsm.commands.length, 6);
});

Deno.test("there is nothing new to snapshot until something is applied", async () => {
  const { cluster, node: { raft } } = await alone();
  await using _ = cluster;
  await cluster.write("a", 1);
  await raft.snapshot();
  const error = await assertRejects(() => raft.snapshot(), NothingNewToSnapshotError);
  assertEquals([error.message, error.outcome], [
    "nothing new to snapshot since entry 3",
    "not-written",
  ]);
  await cluster.write("b", 1);
  await raft.snapshot();
});

Deno.test("callers who have seen the same share a snapshot, those who have seen more get one that contains it", async () => {
  const gate = Promise.withResolvers<void>();
  let made = 0;
  class Slow extends Recorder {
    override async *snapshot(): AsyncGenerator<Uint8Array> {
      made += 1;
      const chunks = super.snapshot() as Uint8Array[];
      await gate.promise;
      yield* chunks;
    }
  }
  const { cluster, node } = await alone({ fsm: () => new Slow() });
  await using _ = cluster;
  await cluster.write("a", 3);
  const first = [watch(node.raft.snapshot()), watch(node.raft.snapshot())];
  await settle();
  await cluster.write("b", 3);
  const second = [watch(node.raft.snapshot()), watch(node.raft.snapshot())];
  await settle();
  assertEquals([made, [...first, ...second].some(({ settled }) => settled)], [1, false]);
  gate.resolve();
  await settle();
  assertStrictEquals(first[0]!.value, first[1]!.value);
  assertStrictEquals(second[0]!.value, second[1]!.value);
  assertEquals([first[0]!.value!.lastIncludedIndex, second[0]!.value!.lastIncludedIndex], [
    toIndex(5),
    toIndex(8),
  ]);
  assertEquals([made, (await contentOf(node.snapshots!)).length], [2, 6]);
});

Deno.test("snapshots need a store, and a state machine that can", async () => {
  const { cluster, node } = await alone();
  await using _ = cluster;
  await using without = await Cluster.start(1);
  const { raft } = await without.leader();
  await assertRejects(() => raft.snapshot(), SnapshotsUnsupportedError);
  await assertRejects(() => raft.restore([]), SnapshotsUnsupportedError);
  const common = { id: "n2", log: new MemoryLog(), clock: cluster.clock };
  const snapshots = new MemorySnapshotStore();
  const plain = await Raft.start({
    ...common,
    snapshots,
    transport: new PlayedPeers(),
    fsm: { apply: () => {} },
  });
  await assertRejects(() => plain.snapshot(), SnapshotsUnsupportedError);
  await assertRejects(() => plain.restore([]), SnapshotsUnsupportedError);
  await plain.shutdown();
  await assertRejects(() => snapshots.create(), StorageError, "closed", "it was taken over");
  for (const half of ["snapshot", "restore"] as const) {
    const fsm = { apply: () => {}, [half]: node.fsm[half] };
    const error = await assertRejects(
      () => Raft.start({ ...common, transport: new PlayedPeers(), fsm }),
      InvalidConfigError,
    );
    assertEquals(
      error.message,
      `fsm is with ${half}() only; allowed is both or none of snapshot() and restore()`,
    );
  }
});

Deno.test("a snapshot is made by itself when enough is applied, looked at from time to time", async () => {
  const config = { snapshotThreshold: 10, snapshotIntervalMs: 1000, trailingLogs: 2 };
  const { cluster, node } = await alone({ config });
  await using _ = cluster;
  await cluster.write("a", 7); // with the first two entries: nine
  await cluster.clock.advance(10_000);
  assertEquals(node.snapshots!.list(), []);
  await cluster.write("b", 1);
  assertEquals(node.snapshots!.list(), [], "not before it is looked at");
  await cluster.clock.advance(2000);
  assertEquals(node.snapshots!.list().map((meta) => meta.lastIncludedIndex as number), [10]);
  assertEquals(node.log.firstIndex, toIndex(9));
  await cluster.write("c", 9);
  await cluster.clock.advance(10_000);
  assertEquals(node.snapshots!.list().length, 1, "counted from the last one");
  await cluster.write("d", 1);
  await cluster.clock.advance(2000);
  assertEquals(node.snapshots!.list().length, 2);
});

Deno.test("nodes do not make their snapshots at the same time", async () => {
  const config = { snapshotThreshold: 1, snapshotIntervalMs: 10_000 };
  await using cluster = await Cluster.start(5, { retain: 1, config });
  await cluster.leader();
  await cluster.applied(await cluster.write("a", 5));
  const times = new Set<number>();
  for (let ms = 0; ms < 20_000; ms += 10) {
    await cluster.clock.advance(10);
    for (const { snapshots } of cluster.nodes.values()) {
      const [meta] = snapshots!.list();
      if (meta !== undefined) times.add(meta.createdAtMs);
    }
  }
  const sorted = [...times].toSorted((a, b) => a - b);
  assertEquals(sorted.length, 5);
  assert(sorted.at(-1)! - sorted[0]! > 2000, String(sorted));
});

Deno.test("a snapshot that is due and fails is told to the log, and tried again", async () => {
  const fsm = new Custom();
  fsm.stream = () => {
    throw new Error("too large");
  };
  const config = { snapshotThreshold: 1, snapshotIntervalMs: 1000 };
  const { cluster, node } = await alone({ config, fsm: () => fsm });
  await using _ = cluster;
  await cluster.write("a", 2);
  await cluster.clock.advance(5000);
  assertEquals([node.snapshots!.list().length, node.raft.state], [0, "leader"]);
  fsm.stream = () => [];
  await cluster.clock.advance(2000);
  assertEquals(node.snapshots!.list().length, 1);
});

Deno.test("writes go on while a snapshot is written, and are not in it", async () => {
  const fsm = new Custom();
  fsm.stream = async function* (commands) {
    for (const command of commands) {
      yield commandOf(`${command}\n`);
      await step();
    }
  };
  const gates: PromiseWithResolvers<void>[] = [];
  const step = () => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    return gate.promise;
  };
  const { cluster, node } = await alone({ fsm: () => fsm });
  await using _ = cluster;
  await cluster.write("a", 5);
  const snapshot = watch(node.raft.snapshot());
  for (let n = 0; n < 5; n += 1) {
    await settle();
    assertEquals([gates.length, snapshot.summary], [n + 1, "open"]);
    await cluster.write("meanwhile", 3);
    gates[n]!.resolve();
  }
  await settle();
  assertEquals([snapshot.summary, node.fsm.commands.length], ["resolved", 20]);
  assertEquals(await contentOf(node.snapshots!), node.fsm.commands.slice(0, 5));
});

Deno.test("snapshots are made and read on followers as well", async () => {
  await using cluster = await Cluster.start(3, { retain: 1, config: { trailingLogs: 1 } });
  const leader = await cluster.leader();
  const index = await cluster.write("a", 10);
  await cluster.applied(index);
  for (const { raft, log, snapshots } of cluster.others(leader.id)) {
    const meta = await raft.snapshot();
    assertEquals([meta.lastIncludedIndex, log.firstIndex] as number[], [index, index]);
    assertEquals(await contentOf(snapshots!), leader.fsm.commands);
  }
  await cluster.applied(await cluster.write("b", 10));
});
