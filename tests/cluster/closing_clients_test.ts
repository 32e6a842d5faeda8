/**
 * Clients come, watch who leads, add words, and go, many at a time: a node outlives them all. (Without
 * apps/node/grpc/no_goaway.ts, most runs of this test kill the node within seconds.)
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client, credentials } from "@grpc/grpc-js";
import { clusterTest } from "../support/cluster.ts";
import { encodeText } from "../support/protobuf.ts";

const CLIENTS = 250;
const CLIENTS_AT_ONCE = 8;
const WORDS_PER_CLIENT = 10;

const encode = (bytes: Uint8Array) => Buffer.from(bytes);
const decode = (bytes: Buffer) => new Uint8Array(bytes);

/** One client's life; returns how many of its words were added. Clients that live at the same time share a connection. */
async function live(address: string): Promise<number> {
  const client = new Client(address, credentials.createInsecure());
  const watch = client.makeServerStreamRequest(
    "/grpc.health.v1.Health/Watch",
    encode,
    decode,
    encodeText("Example"),
  );
  const ended = new Promise<void>((resolve) => watch.on("status", () => resolve()));
  watch.on("error", () => {});
  await new Promise<void>((resolve) => watch.once("data", () => resolve()));
  const added = await Promise.all(Array.from({ length: WORDS_PER_CLIENT }, () => add(client)));
  client.close();
  watch.cancel();
  await ended;
  return added.filter((each) => each).length;
}

function add(client: Client): Promise<boolean> {
  return new Promise((resolve) =>
    client.makeUnaryRequest(
      "/Example/AddWord",
      encode,
      decode,
      encodeText("oar"),
      { deadline: Date.now() + 10_000 },
      (error) => resolve(error === null),
    )
  );
}

clusterTest("a node outlives its clients", async (cluster) => {
  const [node] = cluster.nodes;
  await cluster.leader();
  let begun = 0;
  let added = 0;
  await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, async () => {
    while (begun < CLIENTS && node!.isRunning) {
      begun += 1;
      const words = await live(node!.grpc);
      added += words;
    }
  }));
  assertEquals([node!.isRunning, added], [true, CLIENTS * WORDS_PER_CLIENT], node!.log);
}, { nodes: 1 });
