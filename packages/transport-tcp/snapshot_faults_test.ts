/**
 * Snapshots from and for peers that do what no node would, and peers that fall silent.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { silentLogger, TransportError } from "@coracle/core";
import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertLess,
  assertRejects,
} from "@std/assert";
import fc from "fast-check";
import { resolveConfig, type TcpTransportConfig } from "./config.ts";
import { KEEP_ALIVE_FRAME } from "./frame.ts";
import { encodeHello } from "./handshake.ts";
import { IncomingConnection } from "./incoming.ts";
import { IncomingSnapshot } from "./incoming_snapshot.ts";
import { admit, type Identity } from "./negotiation.ts";
import { OutgoingSnapshot } from "./outgoing_snapshot.ts";
import {
  DataFrame,
  decodeVerdict,
  encodeEnd,
  encodeHeader,
  encodeVerdict,
  type Verdict,
} from "./snapshot_codec.ts";
import { PeerCounters } from "./stats.ts";
import { type MemoryStream, memoryStreams } from "./_testing/memory_streams.ts";
import { frameOf, RawPeer, RawServer } from "./_testing/raw_peers.ts";
import { dataOf, headerOf, type Received, receiver, sourceOf } from "./_testing/snapshots.ts";
import {
  connect,
  type Node,
  numbered,
  startNode,
  type TakeSnapshot,
  turn,
  until,
} from "./_testing/support.ts";

const NEVER = new AbortController().signal;
const DATA = dataOf(1000);
const CRC = crc32(DATA);

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function dataFrame(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new DataFrame();
  assertEquals(frame.add(data), data.length);
  return frame.take().slice();
}

/** A frame header that announces `length` bytes. */
function announce(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

const HEADER = encodeHeader(headerOf(1000));
const WHOLE = joined(HEADER, dataFrame(DATA), encodeEnd(1000, CRC));

/** Two nodes that are connected keep talking whatever `meanwhile` does to the first one, which takes what it is sent. */
async function unimpressed(
  meanwhile: (node: Node, received: Received[]) => Promise<void>,
): Promise<void> {
  await using a = await startNode("a");
  await using b = await startNode("b");
  const received: Received[] = [];
  a.handler.takeSnapshot = receiver(received);
  await connect(a, b);
  await meanwhile(a, received);
  a.transport.send("b", numbered(1));
  b.transport.send("a", numbered(2));
  await until("both arrive", () => a.handler.from("b").length + b.handler.received.length === 2);
  assertEquals([a.handler.lost, b.handler.lost], [[], []]);
}

/** Reads what `node` says of a snapshot, keep-alives left out. */
async function verdictFor(peer: RawPeer): Promise<Verdict> {
  for (;;) {
    const length = new DataView((await peer.read(8)).buffer).getUint32(0);
    if (length > 0) return decodeVerdict(await peer.read(length));
  }
}

Deno.test("a snapshot made by hand is accepted, also byte by byte", async () => {
  await unimpressed(async (node, received) => {
    for (const size of [WHOLE.length, 1]) {
      using peer = await RawPeer.introduce(node, { purpose: 2 });
      for (let at = 0; at < WHOLE.length; at += size) {
        await peer.write(WHOLE.subarray(at, at + size));
      }
      assertEquals(await verdictFor(peer), { type: "accepted" });
      const { from, header, ...rest } = received.pop()!;
      assertEquals([from, header], ["x", headerOf(1000)]);
      assertEquals(rest, { sizeBytes: 1000, crc: CRC, error: undefined });
    }
    assertEquals(node.logger.warnLines, []);
  });
});

Deno.test("what is wrong with a snapshot is said to the node, to the peer and, once, in the log", async () => {
  const damaged = WHOLE.slice();
  damaged[HEADER.length + 20]! ^= 1;
  const longer = dataFrame(new Uint8Array(1));
  const brokenOff = "the snapshot from x broke off after 1000 of 1000 bytes: ";
  const cases: [bytes: Uint8Array, reason: string, afterHeader: boolean][] = [
    [frameOf(Uint8Array.of(99)), "is of kind 99; 1 to 3 is allowed", false],
    [frameOf(new Uint8Array(50).fill(1)), "beyond 2^53 - 1", false],
    [announce(0xffffffff), "gives its length as 4294967295 bytes; at most 262145", false],
    [KEEP_ALIVE_FRAME, "a frame of a snapshot connection is empty", false],
    [dataFrame(DATA), "data comes before the header", false],
    [encodeEnd(0, 0), "end comes before the header", false],
    [frameOf(WHOLE.subarray(8, 60)), "is not JSON", false],
    [HEADER, "0 of 1000 bytes: a second header comes", true],
    [announce(262146), "0 of 1000 bytes: a frame gives its length as 262146", true],
    [damaged.subarray(HEADER.length), "0 of 1000 bytes: a frame of 1001 bytes has checksum", true],
    [frameOf(Uint8Array.of(2)), "a frame of a snapshot's data has none", true],
    [
      joined(dataFrame(DATA), longer),
      "broke off after 1001 of 1000 bytes: there is more than the header says",
      true,
    ],
    [
      joined(dataFrame(DATA.subarray(1)), encodeEnd(1000, CRC)),
      "its end comes after 999 bytes and says 1000",
      true,
    ],
    [
      joined(dataFrame(DATA), encodeEnd(999, CRC)),
      `${brokenOff}its end comes after 1000 bytes and says 999`,
      true,
    ],
    [
      joined(dataFrame(DATA), encodeEnd(1000, 1)),
      `${brokenOff}its data has checksum ${CRC.toString(16)}; its end says 00000001`,
      true,
    ],
  ];
  for (const [bytes, reason, afterHeader] of cases) {
    await unimpressed(async (node, received) => {
      using peer = await RawPeer.introduce(node, { purpose: 2 });
      if (afterHeader) {
        await peer.write(HEADER);
        await until("it has begun", () => received.length === 1);
      }
      await peer.write(bytes);
      const verdict = await verdictFor(peer);
      assert(verdict.type === "refused");
      assert(verdict.reason.includes(reason), verdict.reason);
      peer[Symbol.dispose]();
      await until("it is over", () => node.transport.stats().receivingSnapshots === 0);
      await until("no connection is left", () => node.transport.stats().incomingConnections === 1);
      assertEquals(received.length, afterHeader ? 1 : 0);
      if (afterHeader) {
        const { error } = received[0]!;
        assert(error instanceof TransportError);
        assertEquals(error.message, verdict.reason);
      }
      assertEquals(node.logger.warnLines.length, 1);
      assertEquals(node.logger.warnings(`is not taken: ${verdict.reason}`).length, 1);
    });
  }
});

Deno.test("a snapshot that ends at any byte is never taken for a whole one", async () => {
  const frames = joined(HEADER, dataFrame(DATA.subarray(0, 20)), dataFrame(DATA.subarray(20, 30)));
  const whole = joined(frames, encodeEnd(1000, CRC));
  await unimpressed(async (node, received) => {
    for (let length = 0; length < whole.length; length += 7) {
      const begun = received.length;
      const peer = await RawPeer.introduce(node, { purpose: 2 });
      await peer.write(whole.subarray(0, length));
      peer[Symbol.dispose]();
      await until("it is over", () => node.transport.stats().incomingConnections === 1);
      for (const { error } of received.slice(begun)) {
        assert(error instanceof TransportError && error.message.includes("closed by the other"));
      }
    }
    assertGreater(received.length, 0);
    // How far it came is not worth a line each time.
    assertEquals(node.logger.warnings("closed by the other side").length, 2);
  });
});

Deno.test("bytes that are no frames are refused whatever they are", async () => {
  await unimpressed(async (node, received) => {
    const noise = fc.uint8Array({ minLength: 64, maxLength: 300 });
    for (const bytes of fc.sample(noise, 30)) {
      const peer = await RawPeer.introduce(node, { purpose: 2 });
      await peer.write(bytes).catch(() => {});
      peer[Symbol.dispose]();
      await until("it is over", () => node.transport.stats().incomingConnections === 1);
    }
    assertEquals(received, []);
  });
});

Deno.test("a peer that goes on sending after a refusal hears it, and is not heard for ever", async () => {
  await using node = await startNode("a");
  using peer = await RawPeer.introduce(node, { purpose: 2 });
  await peer.write(encodeHeader(headerOf(1e9)));
  // The default of the tests: no snapshots are taken.
  const frame = dataFrame(new Uint8Array(200_000));
  let written = 0;
  const writing = (async () => {
    for (;; written += frame.length) await peer.write(frame);
  })().catch(() => {});
  assertEquals(await verdictFor(peer), { type: "refused", reason: "no snapshots here" });
  await until("it is cut off", () => node.transport.stats().incomingConnections === 0);
  await writing;
});

/** Three ticks without progress are one too many. */
const CONFIG: TcpTransportConfig = resolveConfig({
  id: "a",
  clusterId: "test",
  listenAddress: "127.0.0.1:1",
  logger: silentLogger,
  keepAliveIntervalMs: 1000,
  snapshotIdleTimeoutMs: 2000,
});

function identity(id: string): Identity {
  return {
    id,
    clusterId: "test",
    address: "127.0.0.1:1",
    clientAddress: "",
    incarnation: 1,
    frameSizeMaxBytes: CONFIG.frameSizeMaxBytes,
  };
}

/** An incoming snapshot of which the header has arrived, and the stream of the other side. */
async function incoming(take: TakeSnapshot) {
  const [here, there] = memoryStreams();
  let begun = false;
  const connection = new IncomingConnection(here, {
    identity: identity("a"),
    config: CONFIG,
    accepted: (_, { from }, stream) =>
      new IncomingSnapshot(stream, {
        from,
        config: CONFIG,
        counters: new PeerCounters(),
        receive(header, data) {
          begun = true;
          return take(from, header, data);
        },
      }),
  });
  const ending = connection.run();
  const { clusterId, address: fromAddress } = identity("b");
  const to = "a";
  await there.write(
    encodeHello({
      purpose: 2,
      incarnation: 1,
      clusterId,
      from: "b",
      fromAddress,
      to,
      clientAddress: "",
    }),
  );
  await there.write(HEADER);
  await until("it has begun", () => begun);
  await there.read(new Uint8Array(1000));
  return { connection, ending, here, there };
}

/** The next frame on `stream`: `undefined` for a keep-alive, or else a verdict. */
async function heard(stream: MemoryStream): Promise<Verdict | undefined> {
  const head = new Uint8Array(8);
  assertEquals(await stream.read(head), 8);
  const length = new DataView(head.buffer).getUint32(0);
  if (length === 0) return undefined;
  const body = new Uint8Array(length);
  assertEquals(await stream.read(body), length);
  return decodeVerdict(body);
}

Deno.test("a receiver whose peer falls silent hears of it, and so does the peer", async () => {
  const received: Received[] = [];
  const { connection, ending, there } = await incoming(receiver(received));
  await there.write(dataFrame(DATA.subarray(0, 100)));
  await until("it arrives", () => received[0]?.sizeBytes === 100);
  connection.tick();
  assertEquals(await heard(there), undefined, "there was progress");
  for (let tick = 0; tick < 3; tick += 1) connection.tick();
  assertEquals(await heard(there), { type: "refused", reason: "nothing arrived for 2000 ms" });
  await ending;
  await until("the node hears of it", () => received[0]?.error);
  assertEquals(
    received[0]?.error?.message,
    "the snapshot from b broke off after 100 of 1000 bytes: nothing arrived for 2000 ms",
  );
});

Deno.test("bytes that trickle in are progress", async () => {
  const received: Received[] = [];
  const { connection, ending, there } = await incoming(receiver(received));
  for (const byte of dataFrame(DATA.subarray(0, 20))) {
    await there.write(Uint8Array.of(byte));
    await turn();
    connection.tick();
  }
  await until("all arrive", () => received[0]?.sizeBytes === 20);
  connection.close("enough");
  await ending;
  await until("the node hears of it", () => received[0]?.error);
});

Deno.test("a node that asks for one small piece after the other gets on, though nothing arrives", async () => {
  let size = 0;
  let goOn = () => {};
  const { connection, ending, there } = await incoming(async (_from, _header, data) => {
    for await (const chunk of data) {
      size += chunk.length;
      await new Promise<void>((resolve) => goOn = resolve);
    }
  });
  const pieces = Array.from({ length: 20 }, (_, at) => dataFrame(DATA.subarray(at, at + 1)));
  await there.write(joined(...pieces));
  for (let piece = 1; piece <= 20; piece += 1) {
    await until("a piece is taken", () => size === piece);
    connection.tick();
    connection.tick();
    assertEquals(await heard(there), undefined);
    goOn();
  }
  connection.close("enough");
  await ending;
});

Deno.test("a receiver that asks for no more is given up, and hears so when it asks", async () => {
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let held = false;
  let failure: unknown;
  const { connection, ending, there } = await incoming(async (_from, _header, data) => {
    try {
      for await (const _ of data) {
        held = true;
        await go;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  });
  // More than is read at once: the rest must not be lost on the way to the verdict.
  await there.write(dataFrame(DATA));
  await there.write(encodeEnd(1000, CRC));
  await until("the receiver holds", () => held);
  connection.tick();
  assertEquals(await heard(there), undefined);
  for (let tick = 0; tick < 3; tick += 1) connection.tick();
  const reason = "the node asked for no more for 2000 ms";
  assertEquals(await heard(there), { type: "refused", reason });
  let ended = false;
  const done = ending.then(() => ended = true);
  await turn();
  assertFalse(ended, "closed with data unread, the verdict might be lost");
  there.close();
  await done;
  release();
  await until("the receiver hears of it", () => failure);
  assert(failure instanceof TransportError && failure.message.endsWith(`bytes: ${reason}`));
});

Deno.test("a receiver that has all may work for as long as it likes, with a sign of life at each tick", async () => {
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let working = false;
  const { connection, ending, there } = await incoming(async (_from, _header, data) => {
    for await (const _ of data);
    working = true;
    await go;
  });
  await there.write(WHOLE.subarray(HEADER.length));
  await until("it has all", () => working);
  for (let tick = 0; tick < 20; tick += 1) {
    connection.tick();
    assertEquals(await heard(there), undefined);
    // For the write to end: a peer that does not read gets one keep-alive at a time.
    await turn();
  }
  release();
  assertEquals(await heard(there), { type: "accepted" });
  there.close();
  assertEquals(await ending, { established: true, reason: "accepted" });
});

Deno.test("a verdict does not get into a keep-alive", async () => {
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  const { connection, ending, here, there } = await incoming(() => go);
  here.allowBytes(3);
  connection.tick();
  release();
  await turn();
  here.allowBytes(Infinity);
  const bytes = new Uint8Array(8);
  let count = 0;
  while (count < 8) count += (await there.read(bytes.subarray(count)))!;
  assertEquals(bytes, KEEP_ALIVE_FRAME);
  assertEquals(await heard(there), { type: "accepted" });
  there.close();
  await ending;
});

Deno.test("a node that takes broken data for whole is not believed", async () => {
  let failure: unknown;
  const { ending, there } = await incoming(async (_from, _header, data) => {
    try {
      for await (const _ of data);
    } catch (error) {
      failure = error;
    }
  });
  await there.write(encodeEnd(1000, CRC));
  const verdict = await heard(there);
  assert(verdict?.type === "refused" && failure instanceof TransportError);
  assertEquals(verdict.reason, failure.message);
  there.close();
  await ending;
});

Deno.test("a receiver that never asks at all is given up", async () => {
  const { connection, ending, there } = await incoming(() => new Promise(() => {}));
  for (let tick = 0; tick < 4; tick += 1) connection.tick();
  assertEquals(await heard(there), undefined);
  const reason = "the node asked for no more for 2000 ms";
  assertEquals(await heard(there), { type: "refused", reason });
  there.close();
  await ending;
});

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
