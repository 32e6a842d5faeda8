/**
 * A cluster of one node becomes one of three, and loses its first member.
 *
 * @module
 */
import { type Configuration, type Entry, Raft } from "@coracle/core";
import { MemoryLog } from "@coracle/testing";
import { TcpTransport } from "@coracle/transport-tcp";
import { assertEquals } from "@std/assert";

async function start(id: string): Promise<{ raft: Raft<number>; address: string }> {
  let letters = 0;
  const fsm = { apply: ({ data }: Entry) => letters += data.length };
  const listenAddress = "127.0.0.1:0"; // a fixed port, in a real program
  const transport = await TcpTransport.listen({ id, clusterId: "letters", listenAddress });
  const raft = await Raft.start({ id, fsm, log: new MemoryLog(), transport });
  return { raft, address: transport.localAddress };
}
const namesOf = ({ servers }: Configuration) => servers.map(({ id, suffrage }) => [id, suffrage]);

const n1 = await start("n1");
await n1.raft.bootstrap({ servers: [{ id: "n1", address: n1.address, suffrage: "voter" }] });
for await (const { isLeader } of n1.raft.leadershipChanges()) if (isLeader) break;

// New nodes are started, and not bootstrapped: they wait until the leader speaks to them.
const n2 = await start("n2");
const n3 = await start("n3");
await n1.raft.addVoter("n2", n2.address); // resolves when n2 has caught up and votes
await n1.raft.addNonvoter("n3", n3.address, { prevIndex: n1.raft.configuration().index });
assertEquals(namesOf(n1.raft.configuration().configuration), [
  ["n1", "voter"],
  ["n2", "voter"],
  ["n3", "nonvoter"],
]);

// Or say what there shall be in the end. This node leads and is not part of it, so it goes last, and stops.
await n1.raft.changeConfiguration({
  servers: [
    { id: "n2", address: n2.address, suffrage: "voter" },
    { id: "n3", address: n3.address, suffrage: "voter" },
  ],
});
for await (const { leader } of n2.raft.leadershipChanges()) {
  if (leader !== undefined && leader.id !== "n1") break;
}
assertEquals(namesOf(n2.raft.configuration().configuration), [["n2", "voter"], ["n3", "voter"]]);
assertEquals(await n1.raft.stopped, undefined);
await Promise.all([n2.raft.shutdown(), n3.raft.shutdown()]);
