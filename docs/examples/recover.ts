/**
 * Two of three nodes are lost for ever; the third goes on alone, with everything that it has.
 *
 * @module
 */
import { type Entry, Raft, readConfiguration, recoverCluster, systemClock } from "@coracle/core";
import { FsLogStore } from "@coracle/store-fs";
import { MemoryNetwork } from "@coracle/testing";
import { assertEquals } from "@std/assert";

const root = await Deno.makeTempDir();
const network = new MemoryNetwork({ clock: systemClock });
const openLog = (id: string) => FsLogStore.open({ directory: `${root}/${id}`, nodeId: id });

async function start(id: string): Promise<{ raft: Raft<string>; text: () => string }> {
  let text = "";
  const fsm = { apply: ({ data }: Entry) => text += new TextDecoder().decode(data) };
  const transport = network.transport(id);
  const raft = await Raft.start({ id, fsm, log: await openLog(id), transport });
  return { raft, text: () => text };
}
const voter = (id: string) => ({ id, address: id, suffrage: "voter" }) as const;

const nodes = await Promise.all(["n1", "n2", "n3"].map(start));
const [n1, n2, n3] = nodes as [typeof nodes[0], typeof nodes[0], typeof nodes[0]];
await n1.raft.bootstrap({ servers: ["n1", "n2", "n3"].map(voter) });
for await (const { isLeader } of n1.raft.leadershipChanges()) if (isLeader) break;
await n1.raft.apply(new TextEncoder().encode("coracle"));
await n3.raft.read(n3.text); // n3 has it, too
await Promise.all([n1.raft.shutdown(), n2.raft.shutdown()]); // for ever

// The node that is left has to be stopped as well.
await n3.raft.shutdown();
{
  await using log = await openLog("n3");
  assertEquals(readConfiguration({ log }).configuration.servers.length, 3);
  const configuration = { servers: [voter("n3")] };
  const { lastIndex, after } = await recoverCluster({ id: "n3", log, configuration });
  assertEquals(after.index, lastIndex + 1);
}

const again = await start("n3");
for await (const { isLeader } of again.raft.leadershipChanges()) if (isLeader) break;
assertEquals((await again.raft.read(again.text)).response, "coracle");

// It grows again: new nodes, on empty disks.
const n4 = await start("n4");
await again.raft.addVoter("n4", "n4");
assertEquals((await n4.raft.read(n4.text)).response, "coracle");
await Promise.all([again.raft.shutdown(), n4.raft.shutdown()]);
await Deno.remove(root, { recursive: true });
