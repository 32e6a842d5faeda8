/**
 * A snapshot that goes out, on streams where the test decides how far reads and writes get.
 *
 * @module
 */
import { TransportError } from "@coracle/core";
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { KEEP_ALIVE_FRAME } from "./frame.ts";
import { admit } from "./negotiation.ts";
import { OutgoingSnapshot } from "./outgoing_snapshot.ts";
import { encodeVerdict } from "./snapshot_codec.ts";
import { PeerCounters } from "./stats.ts";
import { memoryStreams } from "./_testing/memory_streams.ts";
import { frameOf } from "./_testing/frames.ts";
import { RawServer } from "./_testing/raw_peers.ts";
import { headerOf, sourceOf } from "./_testing/snapshots.ts";
import { startNode, turn, until } from "./_testing/support.ts";
import { announce, DATA, HEADER, NEVER, WHOLE } from "./_testing/snapshot_bytes.ts";
import { CONFIG, identity } from "./_testing/identities.ts";

/** An outgoing snapshot that the other side has accepted, and the streams of both sides. */
async function outgoing(data: AsyncIterable<Uint8Array>, sizeBytes: number, accept = true) {
  const [here, there] = memoryStreams();
  const counters = new PeerCounters();
  const snapshot = new OutgoingSnapshot(
    {
      peer: { id: "b", address: "127.0.0.1:1" },
      identity: identity("a"),
      config: {
        ...CONFIG,
        streamLayer: {
          listen: CONFIG.streamLayer.listen,
          dial: () => Promise.resolve(here),
        },
      },
      counters,
    },
    headerOf(sizeBytes),
    data,
  );
  const sent = snapshot.run(NEVER);
  sent.catch(() => {});
  if (accept) {
    const hello = await admit(there, identity("b"));
    assertEquals(hello.purpose, 2);
  }
  return { snapshot, sent, counters, here, there };
}

Deno.test("a sender whose peer takes nothing gives up; one whose peer takes a byte does not", async () => {
  const { snapshot, sent, counters, here } = await outgoing(sourceOf([DATA]), 1000);
  here.allowBytes(0);
  for (let tick = 0; tick < 10; tick += 1) {
    const before = counters.sentSnapshotBytes;
    here.allowBytes(1);
    await until("a byte is taken", () => counters.sentSnapshotBytes > before);
    snapshot.tick();
  }
  for (let tick = 0; tick < 4; tick += 1) snapshot.tick();
  await assertRejects(() => sent, TransportError, "bytes: the peer took nothing for 2000 ms");
});

Deno.test("a sender whose peer has all and says nothing gives up", async () => {
  const { snapshot, sent, counters } = await outgoing(sourceOf([DATA]), 1000);
  await until("all is sent", () => counters.sentSnapshotBytes === WHOLE.length);
  // The pause after the last write.
  await turn();
  for (let tick = 0; tick < 4; tick += 1) snapshot.tick();
  await assertRejects(
    () => sent,
    TransportError,
    "1000 of 1000 bytes: the peer has all and said nothing for 2000 ms",
  );
});

Deno.test("a sender waits for a verdict as long as it hears keep-alives", async () => {
  const { snapshot, sent, there } = await outgoing(sourceOf([DATA]), 1000);
  const rest = new Uint8Array(10_000);
  for (let size = 0; size < WHOLE.length;) size += (await there.read(rest))!;
  for (let tick = 0; tick < 20; tick += 1) {
    await there.write(KEEP_ALIVE_FRAME);
    await turn();
    snapshot.tick();
  }
  await there.write(encodeVerdict({ type: "accepted" }));
  await sent;
});

Deno.test("a source that is silent is given up", async () => {
  const { promise: silence, resolve: speak } = Promise.withResolvers<void>();
  const source = sourceOf((async function* () {
    yield new Uint8Array(10);
    await silence;
  })());
  const { snapshot, sent } = await outgoing(source, 1000);
  await until("it is silent", () => source.pulledBytes === 10);
  await turn();
  for (let tick = 0; tick < 4; tick += 1) snapshot.tick();
  await assertRejects(() => sent, TransportError, "the source gave nothing for 2000 ms");
  speak();
  await until("it is let go of", () => source.released);
});

Deno.test("a source that is slow does not keep its peer waiting for a whole frame", async () => {
  const { promise: more, resolve: goOn } = Promise.withResolvers<void>();
  const { promise: silence, resolve: speak } = Promise.withResolvers<void>();
  const source = sourceOf((async function* () {
    yield DATA.subarray(0, 400);
    await more;
    yield DATA.subarray(400, 900);
    await silence;
    yield DATA.subarray(900);
  })());
  const { snapshot, sent, there } = await outgoing(source, 1000);
  const header = new Uint8Array(HEADER.length);
  assertEquals(await there.read(header), HEADER.length);
  await until("the first piece is there", () => source.pulledBytes === 400);
  snapshot.tick();
  goOn();
  const frame = new Uint8Array(1000);
  assertEquals(await there.read(frame), 9 + 900, "both pieces, though there is room for more");
  speak();
  await there.write(encodeVerdict({ type: "accepted" }));
  await sent;
});

Deno.test("what a sender hears instead of a verdict is said in its error", async () => {
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(0), "bytes: closed by the other side"],
    [announce(5000), "gives its length as 5000 bytes; at most 4096 is allowed"],
    [frameOf(Uint8Array.of(1)), "is of kind 1; 4 to 5 is allowed"],
    [encodeVerdict({ type: "refused", reason: "no room" }), "bytes: refused: no room"],
  ];
  for (const [answer, message] of cases) {
    const source = sourceOf([DATA]);
    const { sent, there } = await outgoing(source, 1000);
    await there.write(answer);
    there.close();
    await assertRejects(() => sent, TransportError, message);
  }
});

Deno.test("a write that fails waits for what the peer has to say", async () => {
  const [here, there] = memoryStreams();
  let writes = 0;
  const snapshot = new OutgoingSnapshot(
    {
      peer: { id: "b", address: "127.0.0.1:1" },
      identity: identity("a"),
      config: {
        ...CONFIG,
        streamLayer: {
          listen: CONFIG.streamLayer.listen,
          dial: () =>
            Promise.resolve({
              remoteAddress: here.remoteAddress,
              read: (into) => here.read(into),
              close: () => here.close(),
              // The first is the hello.
              write: (bytes) =>
                writes++ === 0 ? here.write(bytes) : Promise.reject(new Error("broken pipe")),
            }),
        },
      },
      counters: new PeerCounters(),
    },
    headerOf(1000),
    sourceOf([DATA]),
  );
  const outcome = assertRejects(() => snapshot.run(NEVER), TransportError, "refused: no room");
  await admit(there, identity("b"));
  await until("a write has failed", () => writes === 2);
  await turn();
  await there.write(encodeVerdict({ type: "refused", reason: "no room" }));
  await outcome;
});

Deno.test("a verdict counts though the connection breaks under what is being written", async () => {
  using server = new RawServer();
  await using node = await startNode("a");
  node.transport.setPeers([{ id: "x", address: server.address }]);
  await server.admit();
  const zeros = (async function* () {
    for (;;) yield new Uint8Array(100_000);
  })();
  const sending = node.transport.sendSnapshot("x", headerOf(1e9), zeros, NEVER);
  const outcome = assertRejects(() => sending, TransportError, "bytes: refused: no room");
  const peer = await server.admit();
  await peer.read(1000);
  await peer.write(encodeVerdict({ type: "refused", reason: "no room" }));
  // With so much unread, this is a reset.
  peer[Symbol.dispose]();
  await outcome;
  assertEquals(node.handler.lost, []);
});

Deno.test("a peer that does not answer the handshake of a snapshot is given up", async () => {
  using server = new RawServer();
  await using node = await startNode("a", { handshakeTimeoutMs: 20 });
  node.transport.setPeers([{ id: "x", address: server.address }]);
  const source = sourceOf([DATA]);
  await assertRejects(
    () => node.transport.sendSnapshot("x", headerOf(1000), source, NEVER),
    TransportError,
    "0 of 1000 bytes: no connection and handshake within 20 ms",
  );
  assertLess(source.pulledBytes, 1);
});
