/**
 * The three levels of reading.
 *
 * @module
 */
import { type Entry, Raft, systemClock } from "@coracle/core";
import { MemoryLog, MemoryNetwork } from "@coracle/testing";
import { assertEquals } from "@std/assert";

let letters = 0;
await using raft = await Raft.start({
  id: "n1",
  fsm: { apply: ({ data }: Entry) => letters += data.length },
  log: new MemoryLog(),
  transport: new MemoryNetwork({ clock: systemClock }).transport("n1"),
  config: { leaseReads: true, clockDriftMax: 0.05 },
});
await raft.bootstrap({ servers: [{ id: "n1", address: "n1", suffrage: "voter" }] });
for await (const { isLeader } of raft.leadershipChanges()) if (isLeader) break;
await raft.apply(new TextEncoder().encode("coracle"));

// Everything that was acknowledged before the call. On any member.
const { response, index } = await raft.read(() => letters, { timeoutMs: 5000 });
assertEquals([response, index], [7, raft.appliedIndex]);

// The same without asking anybody, as long as this leader holds its lease.
assertEquals((await raft.read(() => letters, { level: "lease" })).response, 7);

// Whatever this node has: no leader is needed, and it may be old.
assertEquals((await raft.read(() => letters, { level: "local" })).response, 7);
