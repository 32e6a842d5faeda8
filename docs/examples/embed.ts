/**
 * A node inside of a program.
 *
 * @module
 */
import { type Entry, Raft } from "@coracle/core";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { TcpTransport } from "@coracle/transport-tcp";
import { assertEquals } from "@std/assert";

let letters = 0;
const fsm = {
  apply: ({ data }: Entry) => letters += data.length,
  snapshot: () => [new TextEncoder().encode(`${letters}`)],
  async restore(data: AsyncIterable<Uint8Array>) {
    letters = Number(await new Response(ReadableStream.from(data)).text());
  },
};

const id = "n1";
const directory = await Deno.makeTempDir(); // a directory that stays, in a real program
{
  const transport = await TcpTransport.listen({
    id,
    clusterId: "letters",
    listenAddress: "127.0.0.1:0", // a fixed port, in a real program
  });
  await using raft = await Raft.start({
    id,
    fsm,
    log: await FsLogStore.open({ directory, nodeId: id }),
    snapshots: await FsSnapshotStore.open({ directory, nodeId: id, retain: 2 }),
    transport,
    config: { snapshotThreshold: 1000 },
  });

  // Once in the life of a cluster: the first configuration.
  if (raft.lastIndex === 0) {
    const address = transport.localAddress;
    await raft.bootstrap({ servers: [{ id, address, suffrage: "voter" }] });
  }

  for await (const { isLeader } of raft.leadershipChanges()) if (isLeader) break;
  const { response } = await raft.apply(new TextEncoder().encode("coracle"), { timeoutMs: 5000 });
  assertEquals(response, 7);
}
await Deno.remove(directory, { recursive: true });
