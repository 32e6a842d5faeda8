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
import {
  Cluster,
  type ClusterOptions,
  commandOf,
  Recorder,
  type TestNode,
} from "./_testing/cluster.ts";
import { PlayedPeers } from "./_testing/lone_node.ts";
import { watch } from "./_testing/outcome.ts";
import { Raft } from "./raft.ts";

/** A node alone, which leads. Entry 1 is its configuration, 2 its first. */
async function alone(options: ClusterOptions = {}): Promise<{ cluster: Cluster; node: TestNode }> {
  const cluster = await Cluster.start(1, { retain: 2, ...options });
  return { cluster, node: await cluster.leader() };
}

/** What the newest snapshot of a node contains. */
async function contentOf(store: MemorySnapshotStore): Promise<string[]> {
  await using source = await store.open(store.list()[0]!.id);
  const fsm = new Recorder();
  await fsm.restore(source.read());
  return fsm.commands;
}

/** A state machine whose snapshot is what a test makes it. */
class Custom extends Recorder {
  stream: (commands: string[]) => AsyncIterable<Uint8Array> | Iterable<Uint8Array> = () => [];

  override snapshot(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
    return this.stream(this.commands.slice());
  }
}

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

const FAILURES: readonly [string, (fsm: Custom, store: MemorySnapshotStore) => void, string][] = [
  ["the state machine throws", (fsm) => {
    fsm.stream = () => {
      throw new Error("out of memory");
    };
  }, "out of memory"],
  ["its stream throws", (fsm) => {
    fsm.stream = function* () {
      yield commandOf("x");
      throw new Error("changed its mind");
    };
  }, "changed its mind"],
  ...(["create", "write", "commit"] as const).map((failing) =>
    [
      `the store cannot ${failing}`,
      (fsm: Custom, store: MemorySnapshotStore) => {
        fsm.stream = () => [commandOf("x")];
        store.before = (operation) => {
          if (operation === failing) throw new StorageError(`no space left to ${operation}`);
        };
      },
      `no space left to ${failing}`,
    ] as [string, (fsm: Custom, store: MemorySnapshotStore) => void, string]
  ),
];

for (const [how, prepare, message] of FAILURES) {
  Deno.test(`when ${how}, nothing is left of the snapshot, the log stays, and the node goes on`, async () => {
    const fsm = new Custom();
    const { cluster, node } = await alone({ fsm: () => fsm, config: { trailingLogs: 0 } });
    await using _ = cluster;
    const { raft, snapshots, log } = node;
    await cluster.write("a", 3);
    prepare(fsm, snapshots!);
    await assertRejects(() => raft.snapshot(), Error, message);
    assertEquals([snapshots!.list().length, snapshots!.writing], [0, 0]);
    assertEquals([log.firstIndex as number, raft.state], [1, "leader"]);
    snapshots!.before = () => {};
    fsm.stream = () => [commandOf("whole")];
    await cluster.write("b", 1);
    assertEquals((await raft.snapshot()).sizeBytes, 5);
  });
}

Deno.test("a state machine's stream is told when nobody reads it any more", async () => {
  const fsm = new Custom();
  let released = 0;
  fsm.stream = function* () {
    try {
      for (;;) yield commandOf("x");
    } finally {
      released += 1;
    }
  };
  const { cluster, node } = await alone({ fsm: () => fsm });
  await using _ = cluster;
  await cluster.write("a", 1);
  let writes = 0;
  node.snapshots!.before = (operation) => {
    if (operation === "write" && ++writes === 3) throw new StorageError("no space left");
  };
  await assertRejects(() => node.raft.snapshot(), StorageError, "no space left");
  assertEquals([released, writes], [1, 3]);
});

Deno.test("a log that cannot be compacted does not undo the snapshot", async () => {
  const { cluster, node } = await alone({ config: { trailingLogs: 0 } });
  await using _ = cluster;
  await cluster.write("a", 3);
  node.log.truncatePrefix = () => Promise.reject(new StorageError("cannot be removed"));
  assertEquals((await node.raft.snapshot()).lastIncludedIndex, toIndex(5));
  assertEquals([node.snapshots!.list().length, node.raft.state], [1, "leader"]);
});

Deno.test("entries that are not applied stay in the log, although a snapshot that was received contains them", async () => {
  const gate = Promise.withResolvers<void>();
  const fsm = new Custom();
  fsm.stream = async function* (commands) {
    await gate.promise;
    yield commandOf(commands.join("\n"));
  };
  const { cluster, node } = await alone({ fsm: () => fsm, config: { trailingLogs: 0 } });
  await using _ = cluster;
  const { raft, log, snapshots } = node;
  await cluster.write("a", 3);
  const snapshot = watch(raft.snapshot());
  await settle();
  // Meanwhile a leader has sent one that is ahead of this node's state machine, but not of its log.
  await cluster.write("b", 2);
  const sink = await snapshots!.create();
  const configuration = raft.configuration();
  const ahead = { lastIncludedIndex: toIndex(9), lastIncludedTerm: raft.term, configuration };
  await sink.commit(ahead);
  gate.resolve();
  await settle();
  assertEquals([snapshot.value?.lastIncludedIndex, raft.appliedIndex], [toIndex(5), toIndex(7)]);
  assertEquals(log.firstIndex as number, 8);
});

const OPEN: readonly [string, (fsm: Custom, store: MemorySnapshotStore) => void][] = [
  ["the state machine's stream says nothing", (fsm) => {
    fsm.stream = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }),
    });
  }],
  ["its stream has no end", (fsm) => {
    fsm.stream = async function* () {
      for (;;) {
        await settle();
        yield commandOf("x");
      }
    };
  }],
];

for (const [how, prepare] of OPEN) {
  Deno.test(`B78: a node stops although ${how}`, async () => {
    const fsm = new Custom();
    const { cluster, node } = await alone({ fsm: () => fsm });
    await using _ = cluster;
    await cluster.write("a", 3);
    prepare(fsm, node.snapshots!);
    const calls = [watch(node.raft.snapshot())];
    await settle();
    await cluster.write("b", 1);
    calls.push(watch(node.raft.snapshot())); // waits for the first
    await settle();
    await node.raft.shutdown();
    await settle();
    assertEquals(calls.map(({ summary }) => summary), Array(2).fill("shutdown/not-written"));
    assertEquals([node.snapshots!.list().length, node.snapshots!.writing], [0, 0]);
    assertEquals(cluster.clock.nextTimerAtMs, Infinity);
  });
}

Deno.test("B78: a node that is stopped while its disk writes a snapshot waits for the disk, and leaves nothing", async () => {
  for (const held of ["create", "write", "commit"] as const) {
    const { cluster, node } = await alone();
    await using _ = cluster;
    const gate = Promise.withResolvers<void>();
    await cluster.write("a", 3);
    const store = node.snapshots!;
    store.before = (operation) => operation === held ? gate.promise : undefined;
    const call = watch(node.raft.snapshot());
    await settle();
    const shutdown = watch(node.raft.shutdown());
    await settle();
    assertEquals(shutdown.summary, "open", held);
    gate.resolve();
    await settle();
    assertEquals([shutdown.summary, store.writing], ["resolved", 0]);
    // What was being made durable is durable.
    assertEquals([store.list().length, call.summary], [
      held === "commit" ? 1 : 0,
      held === "commit" ? "resolved" : "shutdown/not-written",
    ]);
  }
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
