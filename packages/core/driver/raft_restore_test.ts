/**
 * Raft: a backup that replaces the state of all replicas, or of none.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import {
  AbortedByRestoreError,
  AbortedError,
  FsmFailedError,
  InvalidConfigError,
  LeadershipLostError,
  TransferFailedError,
} from "../model/errors.ts";
import { commandOf } from "./_testing/cluster.ts";
import { watch, type Watched } from "./_testing/outcome.ts";
import { assertEqualReplicas, backupOf, create, Slow } from "./_testing/backups.ts";

for (const size of [1, 3]) {
  Deno.test(`B54: after a restore all ${size} replicas have the backup's state, and go on from there`, async () => {
    const { cluster, leader } = await create(size);
    await using _ = cluster;
    await cluster.until(leader.raft.restore(backupOf("one", "two")));
    assertEquals(leader.fsm.commands, ["one", "two"]);
    await assertEqualReplicas(cluster, ["one", "two"]);
    await cluster.write("after", 2);
    await assertEqualReplicas(cluster, ["one", "two", "after 0", "after 1"]);
    assertEquals(leader.snapshots!.list().length, 1, "the backup is a snapshot by now");
  });
}

Deno.test("a backup is what a snapshot is: its bytes, from whichever node", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const [source] = others;
  const meta = await source!.raft.snapshot();
  await cluster.write("to be undone", 3);
  await using backup = await source!.snapshots!.open(meta.id);
  await cluster.until(leader.raft.restore(backup.read()));
  await assertEqualReplicas(cluster, Array.from({ length: 5 }, (_, n) => `before ${n}`));
});

Deno.test("a backup larger than a command may be travels in pieces", async () => {
  const { cluster, leader } = await create(3, {
    commandSizeMaxBytes: 1000,
    uncommittedSizeMaxBytes: 2000,
  });
  await using _ = cluster;
  const texts = Array.from({ length: 3 }, (_, n) => `${n}`.repeat(300_000));
  const { lastIndex } = leader.raft;
  await cluster.until(leader.raft.restore([commandOf(texts.map((text) => `${text}\n`).join(""))]));
  await assertEqualReplicas(cluster, texts);
  assert(leader.raft.lastIndex - lastIndex >= 6, "four pieces, a begin and an end");
});

Deno.test("writes on their way have no effect and are told so, new ones are refused until it is over", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const backup = new Slow();
  const appended = watch(leader.raft.apply(commandOf("appended")));
  await settle();
  const waiting = [watch(leader.raft.apply(commandOf("waiting"))), watch(leader.raft.barrier())];
  const restore = watch(leader.raft.restore(backup));
  const late = [watch(leader.raft.apply(commandOf("late"))), watch(leader.raft.barrier())];
  await cluster.clock.advance(100);
  assertEquals(late.map(({ summary }) => summary), Array(2).fill("aborted-by-restore/not-written"));
  const onTheirWay: Watched<unknown>[] = [appended, ...waiting];
  assertEquals(onTheirWay.map(({ summary }) => summary), Array(3).fill("open"));
  assertEquals(leader.fsm.commands.length, 7, "they are applied, and wait for how it ends");
  backup.give("restored");
  backup.end();
  await cluster.clock.waitFor("it is over", 1000, () => restore.settled);
  assertEquals(restore.summary, "resolved");
  for (const { error } of onTheirWay) {
    assertInstanceOf(error, AbortedByRestoreError);
    assertEquals(error.outcome, "failed");
  }
  await cluster.write("again", 1);
  await assertEqualReplicas(cluster, ["restored", "again 0"]);
});

Deno.test("reads and questions go on during a restore, and see the state before or after it", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const backup = new Slow();
  const restore = watch(leader.raft.restore(backup));
  await cluster.clock.advance(50);
  const gate = Promise.withResolvers<void>();
  const { restore: replace } = leader.fsm;
  leader.fsm.restore = async (data) => {
    leader.fsm.commands.splice(0); // half done
    await gate.promise;
    await replace.call(leader.fsm, data);
  };
  const read = () => watch(leader.raft.read(() => leader.fsm.commands.length));
  const before = read();
  const question = watch(leader.raft.verifyLeader());
  await cluster.clock.waitFor("they are answered", 100, () => before.settled && question.settled);
  assertEquals([before.value?.response, question.summary], [5, "resolved"]);
  backup.give("a", "b");
  backup.end();
  await cluster.clock.advance(100);
  const during = [
    read(),
    watch(leader.raft.read(() => leader.fsm.commands.length, { level: "local" })),
  ];
  await cluster.clock.advance(100);
  assertEquals(during.map(({ summary }) => summary), ["open", "open"]);
  gate.resolve();
  await cluster.clock.waitFor("it is over", 1000, () => restore.settled);
  assertEquals(during.map(({ value }) => value?.response), [2, 2]);
});

Deno.test("no snapshot is made while a backup is on its way, on no node", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const backup = new Slow();
  const restore = watch(leader.raft.restore(backup));
  backup.give("a");
  await cluster.clock.advance(100);
  for (const { raft } of [leader, ...others]) {
    const snapshot = watch(raft.snapshot());
    await settle();
    assertInstanceOf(snapshot.error, AbortedByRestoreError);
  }
  backup.end();
  await cluster.clock.waitFor("it is over", 1000, () => restore.settled);
  await assertEqualReplicas(cluster, ["a"]);
  await cluster.write("b", 1);
  assertEquals((await leader.raft.snapshot()).sizeBytes, commandOf("a\nb 0\n").length);
});

for (
  const [how, interrupt, check] of [
    ["fails", ({ backup }) => backup.end(new Error("the tape is torn")), ({ error }) => {
      assertEquals((error as Error).message, "the tape is torn");
    }],
    [
      "is aborted, while its source says nothing",
      ({ controller }) => controller.abort("enough"),
      ({ error }) => {
        assertInstanceOf(error, AbortedError);
        assertEquals([error.outcome, error.cause], ["failed", "enough"]);
      },
    ],
  ] as [
    string,
    (made: { backup: Slow; controller: AbortController }) => void,
    (call: Watched<void>) => void,
  ][]
) {
  Deno.test(`a restore that ${how} changes nothing, and those who waited for it get their answers`, async () => {
    const { cluster, leader } = await create();
    await using _ = cluster;
    const backup = new Slow();
    const controller = new AbortController();
    const write = watch(leader.raft.apply(commandOf("on its way")));
    const restore = watch(leader.raft.restore(backup, { signal: controller.signal }));
    backup.give("a", "b");
    await cluster.clock.advance(100);
    interrupt({ backup, controller });
    await cluster.clock.waitFor("it is over", 1000, () => restore.settled);
    check(restore);
    assertEquals(backup.isReleased || how.includes("says nothing"), true);
    await settle();
    assertEquals(write.value?.response, "on its way at 8");
    const commands = [...Array.from({ length: 5 }, (_, n) => `before ${n}`), "on its way"];
    await assertEqualReplicas(cluster, commands);
    // Nothing of it is left on any node: snapshots and another restore are possible.
    for (const { raft } of cluster.nodes.values()) await raft.snapshot();
    await cluster.until(leader.raft.restore(backupOf("another")));
    await assertEqualReplicas(cluster, ["another"]);
  });
}

Deno.test("a signal that has fired, a second restore, and a node that does not lead: refused at once", async () => {
  const { cluster, leader, others } = await create();
  await using _ = cluster;
  const { lastIndex } = leader.raft;
  const aborted = watch(leader.raft.restore([], { signal: AbortSignal.abort("no") }));
  const elsewhere = watch(others[0]!.raft.restore([]));
  await settle();
  assertEquals([aborted.summary, elsewhere.summary], [
    "aborted/not-written",
    "not-leader/not-written",
  ]);
  assertEquals(leader.raft.lastIndex, lastIndex);
  const backup = new Slow();
  const first = watch(leader.raft.restore(backup));
  const second = watch(leader.raft.restore(backupOf("second")));
  await settle();
  assertEquals(second.summary, "aborted-by-restore/not-written");
  backup.give("first");
  backup.end();
  await cluster.clock.waitFor("it is over", 1000, () => first.settled);
  await assertEqualReplicas(cluster, ["first"]);
});

Deno.test("leadership stays where a backup is being restored, unless it is given up", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const backup = new Slow();
  const restore = watch(leader.raft.restore(backup));
  await cluster.clock.advance(10);
  const transfer = watch(leader.raft.transferLeadership());
  await settle();
  assertInstanceOf(transfer.error, TransferFailedError);
  assertEquals(transfer.error.message, "a backup is being restored");
  await leader.raft.stepDown();
  await settle();
  assertInstanceOf(restore.error, LeadershipLostError);
  assertEquals(restore.error.outcome, "failed", "without its last entry it never takes effect");
  await assertEqualReplicas(cluster, Array.from({ length: 5 }, (_, n) => `before ${n}`));
});

Deno.test("a deadline of a write that waits for the end of a restore is kept", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const controller = new AbortController();
  const write = watch(leader.raft.apply(commandOf("x"), { timeoutMs: 200 }));
  const other = watch(leader.raft.apply(commandOf("y"), { signal: controller.signal }));
  const backup = new Slow();
  const restore = watch(leader.raft.restore(backup));
  await cluster.clock.advance(100);
  controller.abort();
  await settle();
  assertEquals([write.summary, other.summary], ["open", "aborted/unknown"]);
  await cluster.clock.advance(100);
  assertEquals(write.summary, "commit-timeout/unknown");
  backup.end();
  await cluster.clock.waitFor("it is over", 2000, () => restore.settled);
});

Deno.test("a backup that does not come in pieces of bytes is refused, and changes nothing", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const backups: [unknown, string][] = [[commandOf("x"), "number"], [["x"], "string"]];
  for (const [backup, type] of backups) {
    const restore = watch(leader.raft.restore(backup as Uint8Array[]));
    await cluster.clock.waitFor("it is over", 1000, () => restore.settled);
    assertInstanceOf(restore.error, InvalidConfigError);
    const message = `a piece of data is of type ${type}; allowed is a Uint8Array`;
    assertEquals(restore.error.message, message);
  }
  await assertEqualReplicas(cluster, Array.from({ length: 5 }, (_, n) => `before ${n}`));
});

Deno.test("a restore that cannot begin holds nobody up", async () => {
  const { cluster, leader } = await create(3, { uncommittedSizeMaxBytes: 1000 });
  await using _ = cluster;
  const write = watch(leader.raft.apply(new Uint8Array(990)));
  await settle();
  const restore = watch(leader.raft.restore(backupOf("a")));
  await settle();
  assertEquals([restore.summary, write.summary], ["overloaded/not-written", "open"]);
  await cluster.clock.waitFor("it is written", 100, () => write.settled);
  assertEquals(write.summary, "resolved");
  await cluster.write("goes on", 1);
});

Deno.test("a backup that the state machine cannot take stops the node, and says whose mistake it is", async () => {
  const { cluster, leader } = await create(1);
  await using _ = cluster;
  const broken = new Error("not one of mine");
  leader.fsm.restore = () => Promise.reject(broken);
  const restore = watch(leader.raft.restore(backupOf("a")));
  await cluster.clock.waitFor("it stops", 1000, () => leader.raft.state === "shutdown");
  const cause = await leader.raft.stopped;
  assertInstanceOf(cause, FsmFailedError);
  assertStrictEquals(cause.cause, broken);
  await settle();
  assertEquals(restore.summary, "shutdown/unknown");
});
