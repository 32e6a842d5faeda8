/**
 * A program with a replicated state machine of its own: it counts letters. The README shows it.
 *
 * @module
 */
import { type Entry, Raft } from "@coracle/core";
import { FsLogStore } from "@coracle/store-fs";
import { TcpTransport } from "@coracle/transport-tcp";

const [id = "n1", address = "127.0.0.1:7001"] = Deno.args;
let letters = 0; // Your state,
const fsm = { apply: ({ data }: Entry) => letters += data.length }; // and what a command does to it.
const log = await FsLogStore.open({ directory: `./data-${id}`, nodeId: id });
const transport = await TcpTransport.listen({ id, clusterId: "letters", listenAddress: address });
await using raft = await Raft.start({ id, fsm, log, transport });

if (raft.lastIndex === 0) await raft.bootstrap({ servers: [{ id, address, suffrage: "voter" }] });
for await (const { isLeader } of raft.leadershipChanges()) if (isLeader) break;
const { index, response } = await raft.apply(new TextEncoder().encode("coracle"));
console.log(`entry ${index}: ${response} letters`);
