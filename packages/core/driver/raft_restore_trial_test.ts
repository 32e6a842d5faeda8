/**
 * Raft: a backup that is tried before it reaches the state machines.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { settle } from "@coracle/testing";
import { BackupRefusedError, InvalidConfigError } from "../model/errors.ts";
import { assertEqualReplicas, backupOf, create, Slow } from "./_testing/backups.ts";
import { commandOf, Recorder } from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";

/** The state that {@linkcode create} leaves behind. */
const BEFORE = Array.from({ length: 5 }, (_, n) => `before ${n}`);

/** Takes what it is given, piece by piece, when it is told to. */
class Slowly {
  readonly pieces: string[] = [];
  error: unknown;
  #goOn = Promise.withResolvers<void>();

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const piece of data) {
        this.pieces.push(new TextDecoder().decode(piece));
        await this.#goOn.promise;
        this.#goOn = Promise.withResolvers();
      }
    } catch (error) {
      this.error = error;
      throw error;
    }
  }

  goOn(): void {
    this.#goOn.resolve();
  }
}

Deno.test("a backup that the trial takes is restored on all replicas", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const trial = new Recorder();
  await cluster.until(leader.raft.restore(backupOf("one", "two"), { trial }));
  assertEquals(trial.commands, ["one", "two"]);
  await assertEqualReplicas(cluster, ["one", "two"]);
});

Deno.test("a backup that the trial cannot restore changes nothing, and stops no node", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const why = new Error("no backup of mine");
  const trial = {
    async restore(data: AsyncIterable<Uint8Array>) {
      for await (const _ of data) throw why;
    },
  };
  const onItsWay = watch(leader.raft.apply(commandOf("on its way")));
  const error = await assertRejects(
    () => cluster.until(leader.raft.restore(backupOf("one", "two"), { trial })),
    BackupRefusedError,
    "cannot restore the backup: Error: no backup of mine; nothing has changed",
  );
  assertEquals([error.outcome, error.cause], ["failed", why]);
  await settle();
  assertEquals(onItsWay.summary, "resolved");
  await cluster.write("after", 1);
  await assertEqualReplicas(cluster, [...BEFORE, "on its way", "after 0"]);
});

Deno.test("a trial that finds out at the end is in time", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const trial = {
    async restore(data: AsyncIterable<Uint8Array>) {
      for await (const piece of data) void piece;
      throw new Error("the end is missing");
    },
  };
  const call = leader.raft.restore(backupOf("one"), { trial });
  await assertRejects(() => cluster.until(call), BackupRefusedError, "the end is missing");
  await assertEqualReplicas(cluster, BEFORE);
});

Deno.test("a trial that has seen enough lets the rest pass", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const trial = {
    async restore(data: AsyncIterable<Uint8Array>) {
      for await (const piece of data) return void piece;
    },
  };
  await cluster.until(leader.raft.restore(backupOf("one", "two", "three"), { trial }));
  await assertEqualReplicas(cluster, ["one", "two", "three"]);
});

Deno.test("the backup travels no faster than the trial takes it", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const backup = ["one", "two", "three"].map((text) => commandOf(`${text}\n`));
  const trial = new Slowly();
  const call = watch(leader.raft.restore(backup, { trial }));
  const { lastIndex } = leader.raft;
  await cluster.clock.advance(1000);
  assertEquals(trial.pieces, ["one\n"]);
  assert(leader.raft.lastIndex <= lastIndex + 2, "the begin and a piece");
  for (let n = 0; n < 3; n += 1) {
    trial.goOn();
    await cluster.clock.advance(100);
  }
  assertEquals([trial.pieces.length, call.summary], [3, "resolved"]);
  await assertEqualReplicas(cluster, ["one", "two", "three"]);
});

Deno.test("a trial that does not go on is given up with the call", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const controller = new AbortController();
  const { signal } = controller;
  const trial = { restore: () => new Promise<void>(() => {}) };
  const call = watch(leader.raft.restore(backupOf("one", "two"), { trial, signal }));
  await cluster.clock.advance(1000);
  assertEquals(call.settled, false);
  controller.abort();
  await cluster.clock.advance(100);
  assertEquals(call.summary, "aborted/failed");
  await assertEqualReplicas(cluster, BEFORE);
});

Deno.test("when leadership is lost, the trial hears that nothing more comes", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const backup = new Slow();
  const trial = new Slowly();
  const call = watch(leader.raft.restore(backup, { trial }));
  backup.give("one");
  await cluster.clock.advance(100);
  trial.goOn();
  await cluster.clock.advance(100);
  await leader.raft.stepDown();
  await cluster.clock.advance(100);
  assertEquals(call.summary, "leadership-lost/failed");
  assertInstanceOf(trial.error, Error);
});

Deno.test("the node's own state machine is none to try a backup on", async () => {
  const { cluster, leader } = await create();
  await using _ = cluster;
  const call = leader.raft.restore(backupOf("one"), { trial: leader.fsm });
  await assertRejects(() => call, InvalidConfigError, "trial is the node's own state machine");
  // What makes one is none; the backup is not to blame.
  const maker = (() => leader.fsm) as unknown as Recorder;
  const other = leader.raft.restore(backupOf("one"), { trial: maker });
  await assertRejects(() => other, InvalidConfigError, "trial is without restore()");
  await assertEqualReplicas(cluster, BEFORE);
});
