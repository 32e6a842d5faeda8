/**
 * Raft: state machines that keep their state on a disk of their own.
 *
 * @module
 */
import { assertEquals, assertInstanceOf } from "@std/assert";
import type { Entry } from "../model/entry.ts";
import { NothingNewToSnapshotError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import { Cluster, commandOf, Recorder, type TestNode } from "./_testing/cluster.ts";
import { watch } from "./_testing/outcome.ts";

/** The disk of a state machine. */
interface OwnDisk {
  commands: readonly string[];
  index: number;
}

/** Writes each change to a disk of its own, together with the index. A command that is given twice counts twice. */
class Kept extends Recorder {
  /** Resolves when a restore may go on. */
  gate: Promise<void> = Promise.resolve();

  constructor(readonly own: OwnDisk) {
    super();
    this.commands.push(...own.commands);
  }

  override apply(entry: Entry): string | Promise<string> {
    const response = super.apply(entry);
    this.#write(entry.index);
    return response;
  }

  override async restore(
    data: AsyncIterable<Uint8Array>,
    lastIncludedIndex?: Index,
  ): Promise<void> {
    await this.gate;
    await super.restore(data);
    this.#write(lastIncludedIndex!);
  }

  keptIndex(): Promise<number> {
    return Promise.resolve(this.own.index);
  }

  #write(index: number): void {
    this.own.commands = [...this.commands];
    this.own.index = index;
  }
}

/** A cluster whose state machines have disks that outlive their nodes. */
async function start(size: number, trailingLogs = 2): Promise<{
  readonly cluster: Cluster;
  readonly own: Map<string, OwnDisk>;
}> {
  const own = new Map<string, OwnDisk>();
  const fsm = (id: string) => {
    if (!own.has(id)) own.set(id, { commands: [], index: 0 });
    return new Kept(own.get(id)!);
  };
  return { cluster: await Cluster.start(size, { retain: 1, fsm, config: { trailingLogs } }), own };
}

function texts(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${word} ${n}`);
}

function keptOf({ fsm }: TestNode): Kept {
  assertInstanceOf(fsm, Kept);
  return fsm;
}

Deno.test("a state machine that keeps its own state is given only what it lacks", async () => {
  for (const lostChanges of [0, 2]) {
    const { cluster, own } = await start(1);
    await using _ = cluster;
    const { raft } = await cluster.leader();
    await cluster.write("a", 10);
    await raft.snapshot();
    await cluster.write("b", 5);
    const disk = await cluster.crash("n1");
    // The latest changes were not on its disk yet.
    const kept = own.get("n1")!;
    kept.commands = kept.commands.slice(0, kept.commands.length - lostChanges);
    kept.index -= lostChanges;
    const again = await cluster.startNode("n1", disk);
    assertEquals(again.fsm.commands, [...texts("a", 10), ...texts("b", 5 - lostChanges)]);
    const early = watch(again.raft.snapshot());
    await cluster.leader();
    await cluster.write("c", 1);
    assertInstanceOf(early.error, NothingNewToSnapshotError);
    assertEquals(again.fsm.commands, [...texts("a", 10), ...texts("b", 5), "c 0"]);
    await again.raft.snapshot();
  }
});

Deno.test("the log of a node that is given no more commands is compacted all the same", async () => {
  const { cluster } = await start(1);
  await using _ = cluster;
  const { raft: before } = await cluster.leader();
  await cluster.write("a", 3);
  await before.snapshot();
  const { raft, fsm } = await cluster.startNode("n1", await cluster.crash("n1"));
  await cluster.leader();
  const index = await cluster.until(raft.barrier());
  assertEquals(keptOf(cluster.node("n1")).own.index < index, true);
  const { lastIncludedIndex } = await cluster.until(raft.snapshot());
  assertEquals([lastIncludedIndex, fsm.commands], [index, texts("a", 3)]);
});

Deno.test("a leader's snapshot that has arrived and was not restored before a crash is restored after it", async () => {
  const { cluster, own } = await start(3);
  await using _ = cluster;
  const leader = await cluster.leader();
  const { id } = cluster.others(leader.id)[0]!;
  await cluster.applied(await cluster.write("known", 5));
  const disk = await cluster.crash(id);
  const before = { ...own.get(id)! };
  await cluster.write("missed", 50);
  await leader.raft.snapshot();
  disk.completion = "immediate";
  const follower = await cluster.startNode(id, disk);
  const { promise, resolve } = Promise.withResolvers<void>();
  keptOf(follower).gate = promise;
  await cluster.clock.waitFor(
    "the snapshot has arrived",
    5000,
    () => follower.raft.commitIndex >= leader.snapshots!.list()[0]!.lastIncludedIndex,
  );
  const crashed = cluster.crash(id);
  resolve();
  const left = await crashed;
  own.set(id, before);
  left.completion = "immediate";
  const again = await cluster.startNode(id, left);
  await cluster.applied(await cluster.write("later", 1));
  assertEquals(again.fsm.commands, leader.fsm.commands);
  assertEquals(again.fsm.commands.length, 56);
});

Deno.test("a backup that was in the log and was not restored before a crash is restored after it", async () => {
  const { cluster, own } = await start(1);
  await using _ = cluster;
  const { raft, fsm, snapshots } = await cluster.leader();
  await cluster.write("a", 3);
  const before = { ...own.get("n1")! };
  const { promise, resolve } = Promise.withResolvers<void>();
  keptOf(cluster.node("n1")).gate = promise;
  const call = watch(raft.restore([commandOf("of the backup\n")]));
  await cluster.clock.waitFor("the backup is stored", 5000, () => snapshots!.list().length > 0);
  assertEquals(fsm.commands, texts("a", 3));
  const crashed = cluster.crash("n1");
  resolve();
  const left = await crashed;
  assertEquals(call.settled, true);
  own.set("n1", before);
  left.completion = "immediate";
  const again = await cluster.startNode("n1", left);
  await cluster.leader();
  await cluster.write("b", 1);
  assertEquals(again.fsm.commands, ["of the backup", "b 0"]);
});
