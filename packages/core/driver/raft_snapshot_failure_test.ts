/**
 * Raft: snapshots that fail, take for ever, or find the node stopping.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { type MemorySnapshotStore, settle } from "@coracle/testing";
import { StorageError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { commandOf } from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";
import { alone, Custom } from "./_testing/snapshots.ts";

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
  ["it gives bytes instead of pieces of bytes", (fsm) => {
    fsm.stream = () => commandOf("x") as unknown as Uint8Array[];
  }, "a piece of data is of type number; allowed is a Uint8Array"],
  ["its pieces are no bytes", (fsm) => {
    fsm.stream = () => [new ArrayBuffer(3)] as unknown as Uint8Array[];
  }, "a piece of data is of type ArrayBuffer; allowed is a Uint8Array"],
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
