/**
 * A backup is taken from a running node, and restored.
 *
 * @module
 */
import { BackupRefusedError, type Entry, type Fsm, Raft, systemClock } from "@coracle/core";
import { MemoryLog, MemoryNetwork, MemorySnapshotStore } from "@coracle/testing";
import { assertEquals, assertRejects } from "@std/assert";

class Text implements Fsm<string> {
  text = "";

  apply({ data }: Entry): string {
    return this.text += new TextDecoder().decode(data);
  }

  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(this.text)];
  }

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    this.text = decoder.decode(await new Response(ReadableStream.from(data)).arrayBuffer());
  }
}

const fsm = new Text();
const snapshots = new MemorySnapshotStore();
await using raft = await Raft.start({
  id: "n1",
  fsm,
  log: new MemoryLog(),
  snapshots,
  transport: new MemoryNetwork({ clock: systemClock }).transport("n1"),
});
await raft.bootstrap({ servers: [{ id: "n1", address: "n1", suffrage: "voter" }] });
for await (const { isLeader } of raft.leadershipChanges()) if (isLeader) break;
await raft.apply(new TextEncoder().encode("coracle"));

// Back up: on any node, the leader or not. Keep the bytes wherever you like.
const { id } = await raft.snapshot();
const backup: Uint8Array[] = [];
{
  await using source = await snapshots.open(id);
  for await (const chunk of source.read()) backup.push(Uint8Array.from(chunk));
}

await raft.apply(new TextEncoder().encode(" sinks"));
assertEquals(fsm.text, "coracle sinks");

// Restore: on the leader, into this cluster or another one. It is tried on a state machine that nobody uses; then all replicas change at the same entry.
await raft.restore(backup, { trial: new Text() });
assertEquals(fsm.text, "coracle");

// What cannot be restored is refused before anybody has to.
const noText = [Uint8Array.of(0xff)];
await assertRejects(() => raft.restore(noText, { trial: new Text() }), BackupRefusedError);
assertEquals(fsm.text, "coracle");
