/**
 * A backup is taken from a running node, and restored.
 *
 * @module
 */
import { type Entry, Raft, systemClock } from "@coracle/core";
import { MemoryLog, MemoryNetwork, MemorySnapshotStore } from "@coracle/testing";
import { assertEquals } from "@std/assert";

let text = "";
const fsm = {
  apply: ({ data }: Entry) => text += new TextDecoder().decode(data),
  snapshot: () => [new TextEncoder().encode(text)],
  async restore(data: AsyncIterable<Uint8Array>) {
    text = await new Response(ReadableStream.from(data)).text();
  },
};
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
assertEquals(text, "coracle sinks");

// Restore: on the leader, into this cluster or another one. All replicas change at the same entry.
await raft.restore(backup);
assertEquals(text, "coracle");
