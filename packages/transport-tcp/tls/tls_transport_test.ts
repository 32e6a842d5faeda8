/**
 * What the transport promises holds within TLS as it does without.
 *
 * @module
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { crc32 } from "node:zlib";
import { tcpStreamLayer } from "../stream_layer.ts";
import { dataOf, headerOf, type Received, receiver, sourceOf } from "../_testing/snapshots.ts";
import { appendOf, numbered, peerOf, rounds, startNode, until } from "../_testing/support.ts";
import { CertificateFolder } from "./_testing/certificate_folder.ts";
import { TlsStreamLayer } from "./tls_stream_layer.ts";
import { pair } from "./_testing/pairs.ts";

const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;

Deno.test("messages of any size arrive, in order, both ways", async () => {
  await using folder = await CertificateFolder.create();
  await using nodes = await pair(folder);
  const { a, b } = nodes;
  for (let round = 0; round < 1000; round += 1) {
    a.transport.send("b", numbered(round));
    b.transport.send("a", numbered(round));
  }
  for (const size of [1, 16_000, 300_000, 15 * MIB]) {
    a.transport.send("b", appendOf(1, size));
    await until(`${size} bytes arrive`, () => b.handler.received.at(-1)?.message.type === "append");
    const { message } = b.handler.received.pop()!;
    assert(message.type === "append");
    assertEquals(message.entries?.bytes, appendBytes(size));
  }
  await until("all arrive", () => a.handler.received.length === 1000);
  const all = Array.from({ length: 1000 }, (_, at) => at);
  assertEquals(rounds(b.handler.from("a")), all);
  assertEquals(rounds(a.handler.from("b")), all);
  assertEquals([a.logger.warnLines, b.logger.warnLines], [[], []]);
});

function appendBytes(size: number): Uint8Array | undefined {
  const message = appendOf(1, size);
  return message.type === "append" ? message.entries?.bytes : undefined;
}

Deno.test("nobody who listens on the way reads a word", async () => {
  await using folder = await CertificateFolder.create();
  let heard = "";
  const overheard = await TlsStreamLayer.open({
    id: "a",
    ...await folder.issue("a"),
    over: {
      listen: tcpStreamLayer.listen,
      async dial(address, signal) {
        const stream = await tcpStreamLayer.dial(address, signal);
        return {
          remoteAddress: stream.remoteAddress,
          read: (into) => stream.read(into),
          close: () => stream.close(),
          write: (bytes) => {
            heard += new TextDecoder("latin1").decode(bytes);
            return stream.write(bytes);
          },
        };
      },
    },
  });
  await using nodes = await pair(folder, {});
  await using a = await startNode("a", { streamLayer: overheard });
  a.transport.setPeers([peerOf(nodes.b)]);
  await until("it is connected", () => a.peer("b")?.connectedSinceMs);
  assert(heard.length > 500);
  // The magic of the handshake, and the name of the cluster.
  assert(!heard.includes("CRCL") && !heard.includes("test"));
});

Deno.test("a snapshot arrives as it was sent, and a receiver that stops holds the sender back", async () => {
  await using folder = await CertificateFolder.create();
  await using nodes = await pair(folder);
  const { a, b } = nodes;
  const received: Received[] = [];
  b.handler.takeSnapshot = receiver(received);
  const data = dataOf(3 * MIB + 1);
  await a.transport.sendSnapshot("b", headerOf(data.length), sourceOf([data]), NEVER);
  assertEquals(received.map(({ crc }) => crc), [crc32(data)]);

  const { promise: go, resolve } = Promise.withResolvers<void>();
  let taken = 0;
  b.handler.takeSnapshot = async (_from, _header, chunks) => {
    for await (const chunk of chunks) {
      taken += chunk.length;
      await go;
    }
  };
  const piece = new Uint8Array(MIB);
  const source = sourceOf((function* () {
    for (let count = 0; count < 200; count += 1) yield piece;
  })());
  const sending = a.transport.sendSnapshot("b", headerOf(200 * MIB), source, NEVER);
  let before = -1;
  let probes = 0;
  // The kernel takes some megabytes; then it goes no further.
  await until("the sender is held back", () => {
    probes = source.pulledBytes === before && taken > 0 ? probes + 1 : 0;
    before = source.pulledBytes;
    return probes === 50;
  });
  for (let round = 0; round < 50; round += 1) {
    a.transport.send("b", numbered(round));
    await until("a message passes it by", () => b.handler.from("a").length === round + 1);
  }
  assertLess(source.pulledBytes, 50 * MIB);
  resolve();
  await sending;
  assertEquals(taken, 200 * MIB);
});

Deno.test("a message is not lost when the transport is closed right after it was sent", async () => {
  await using folder = await CertificateFolder.create();
  await using nodes = await pair(folder);
  const { a, b } = nodes;
  a.transport.send("b", appendOf(1, MIB));
  await a.transport.close();
  await until("it arrives", () => b.handler.from("a").length === 1);
});
