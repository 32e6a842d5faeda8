/**
 * One node of a benchmark's cluster, as a process of its own. It takes orders from standard input, one JSON
 * object a line, and answers each with one line; it ends when its standard input does.
 *
 * @module
 */
import { Raft } from "@coracle/core";
import { WordsFsm } from "@coracle/fsm-words";
import { FsLogStore } from "@coracle/store-fs";
import { TcpTransport } from "@coracle/transport-tcp";
import { TextLineStream } from "@std/streams";
import { measure } from "./measure.ts";
import { option } from "./options.ts";

/** What a benchmark asks of a node. */
export type Order =
  | { readonly type: "address" }
  | { readonly type: "start"; readonly peers: readonly { id: string; address: string }[] }
  | { readonly type: "isLeader" }
  | {
    readonly type: "measure";
    readonly conc: number;
    readonly size: number;
    readonly seconds: number;
  };

const id = option("id", "n1");
const directory = option("dir", "");
const transport = await TcpTransport.listen({
  id,
  clusterId: "bench",
  listenAddress: "127.0.0.1:0",
});
const log = await FsLogStore.open({ directory, nodeId: id });
let raft: Raft<unknown> | undefined;

async function obey(order: Order): Promise<unknown> {
  switch (order.type) {
    case "address":
      return transport.localAddress;
    case "start": {
      raft = await Raft.start({ id, fsm: new WordsFsm(), log, transport });
      const servers = order.peers.map((peer) => ({ ...peer, suffrage: "voter" as const }));
      await raft.bootstrap({ servers });
      return "started";
    }
    case "isLeader":
      return raft!.state === "leader" && raft!.commitIndex === raft!.lastIndex;
    case "measure":
      return await measure(
        (command) => raft!.apply(command),
        order.conc,
        order.size,
        order.seconds,
      );
  }
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(
  new TextLineStream(),
);
for await (const line of lines) {
  console.log(JSON.stringify(await obey(JSON.parse(line) as Order)));
}
await raft?.shutdown();
