/**
 * One node of a benchmark's cluster, as a process of its own. It takes orders from standard input, one JSON
 * object a line, and answers each with one line; it ends when its standard input does. The peers that it is measured
 * against obey the same orders.
 *
 * @module
 */
import { Raft } from "@coracle/core";
import { WordsFsm } from "@coracle/fsm-words";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { TcpTransport } from "@coracle/transport-tcp";
import { TextLineStream } from "@std/streams";
import { NodeClient } from "../tests/support/node_client.ts";
import { tlsLayer } from "../tests/support/tls_files.ts";
import { fill, measure, type Measurement } from "./measure.ts";
import { option } from "./options.ts";

/** A member of a benchmark's cluster. */
export interface Peer {
  /** Its name. */
  readonly id: string;
  /** Where it listens. */
  readonly address: string;
}

/** How many callers call for how long. */
export interface Load {
  /** Callers; each waits for its answer before it calls again. */
  readonly conc: number;
  /** Bytes of a command. */
  readonly size: number;
  /** Seconds, after those of warming up. */
  readonly seconds: number;
  /** Seconds of warming up; one if nothing is said. */
  readonly warmUpSeconds?: number;
}

/** What a benchmark asks of a node. */
export type Order =
  /** Where it will listen: where it was before, if `address` says so. */
  | { readonly type: "address"; readonly address?: string }
  /** Opens the store and joins the others; answers with the seconds that took. */
  | { readonly type: "start"; readonly peers: readonly Peer[]; readonly bootstrap: boolean }
  /** Whether it leads and has committed all of its log. */
  | { readonly type: "isLeader" }
  | { readonly type: "last" }
  | { readonly type: "applied" }
  /** Applies one command; answers whether that succeeded. */
  | { readonly type: "apply"; readonly size: number }
  | { readonly type: "measure" } & Load
  /** Linearizable reads. */
  | { readonly type: "reads" } & Load
  /** Lets clients call the node over gRPC; answers with the address. The node of this project serves by itself (apps/node). */
  | { readonly type: "serve" }
  /** As a client: words over gRPC, added by all callers on one connection. */
  | { readonly type: "measureGrpc"; readonly address: string } & Load
  /** Applies so many commands; answers with the seconds that took. */
  | { readonly type: "fill"; readonly count: number; readonly conc: number; readonly size: number }
  /** Answers when the node votes. */
  | { readonly type: "addVoter" } & Peer
  | { readonly type: "removeServer"; readonly id: string };

const id = option("id", "n1");
const directory = option("dir", "");
const certificates = option("certificates", "");
let address = "127.0.0.1:0";
let transport: TcpTransport | undefined;
let raft: Raft<unknown> | undefined;
const fsm = new WordsFsm();

async function obey(order: Order): Promise<unknown> {
  switch (order.type) {
    case "address":
      address = order.address ?? address;
      transport = await TcpTransport.listen({
        id,
        clusterId: "bench",
        listenAddress: address,
        ...(certificates === "" ? {} : { streamLayer: await tlsLayer(certificates, id) }),
      });
      return transport.localAddress;
    case "start":
      return await start(order.peers, order.bootstrap);
    case "isLeader":
      return raft!.state === "leader" && raft!.commitIndex === raft!.lastIndex;
    case "last":
      return raft!.lastIndex;
    case "applied":
      return raft!.appliedIndex;
    case "apply":
      return await raft!.apply(command(order.size)).then(() => true, () => false);
    case "measure":
      return await measure((bytes) => raft!.apply(bytes), order);
    case "reads":
      return await measure(() => raft!.read(() => fsm.words[0]), order);
    case "serve":
      throw new Error("it is apps/node that serves gRPC");
    case "measureGrpc":
      return await measureGrpc(order.address, order);
    case "fill":
      return await fill((bytes) => raft!.apply(bytes), order);
    case "addVoter":
      await raft!.addVoter(order.id, order.address, { timeoutMs: 300_000 });
      return true;
    case "removeServer":
      await raft!.removeServer(order.id);
      return true;
  }
}

async function start(peers: readonly Peer[], bootstrap: boolean): Promise<number> {
  const beganMs = performance.now();
  const log = await FsLogStore.open({ directory, nodeId: id });
  const snapshots = await FsSnapshotStore.open({ directory, nodeId: id });
  raft = await Raft.start({
    id,
    fsm,
    log,
    snapshots,
    transport: transport!,
    // Snapshots would disturb what is measured.
    config: { snapshotThreshold: Number.MAX_SAFE_INTEGER },
  });
  if (bootstrap) {
    await raft.bootstrap({ servers: peers.map((peer) => ({ ...peer, suffrage: "voter" })) });
  }
  return (performance.now() - beganMs) / 1000;
}

async function measureGrpc(address: string, load: Load): Promise<Measurement> {
  await using client = new NodeClient(address);
  return await measure(async (word) => {
    const answer = await client.addWord(word);
    if (!answer.ok) throw new Error(`a word was not added: ${answer.details}`);
  }, load);
}

function command(size: number): Uint8Array {
  return new Uint8Array(size).fill(97);
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(
  new TextLineStream(),
);
for await (const line of lines) {
  const answer = await obey(JSON.parse(line) as Order).catch((error) => ({ error: String(error) }));
  console.log(JSON.stringify(answer));
}
await raft?.shutdown();
