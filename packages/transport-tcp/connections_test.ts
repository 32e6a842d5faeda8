/**
 * What outgoing and incoming connections do at each tick, on streams where the test decides how far
 * reads and writes get.
 *
 * @module
 */
import { type Message, silentLogger } from "@coracle/core";
import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { resolveConfig, type TcpTransportConfig } from "./config.ts";
import { KEEP_ALIVE_FRAME } from "./frame.ts";
import { encodeAnswer, encodeHello } from "./handshake.ts";
import { IncomingConnection } from "./incoming.ts";
import { IncomingMessages } from "./incoming_messages.ts";
import { admit, type Identity } from "./negotiation.ts";
import { OutgoingConnection } from "./outgoing.ts";
import { PeerCounters } from "./stats.ts";
import { type MemoryStream, memoryStreams } from "./_testing/memory_streams.ts";
import { frameWith } from "./_testing/frames.ts";
import { appendOf, numbered, turn, until } from "./_testing/support.ts";

/** Three ticks without a sign of life are one too many. */
const CONFIG: TcpTransportConfig = {
  ...resolveConfig({
    id: "a",
    clusterId: "test",
    listenAddress: "127.0.0.1:1",
    logger: silentLogger,
    keepAliveIntervalMs: 1000,
    keepAliveTimeoutMs: 2000,
    frameTimeoutMs: 5000,
  }),
};

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

/** An outgoing connection that is established, and the streams of both sides. */
async function outgoing() {
  const [here, there] = memoryStreams();
  const counters = new PeerCounters();
  let established = false;
  const connection = new OutgoingConnection({
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
    onEstablished: () => established = true,
  });
  const ending = connection.run();
  await admit(there, identity("b"));
  await until("it is established", () => established);
  return { connection, ending, counters, here, there };
}

async function readAll(stream: MemoryStream, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count;) at += (await stream.read(bytes.subarray(at)))!;
  return bytes;
}

Deno.test("an outgoing connection asks at each tick, and lives as long as it is answered", async () => {
  const { connection, ending, there } = await outgoing();
  for (let tick = 0; tick < 10; tick += 1) {
    connection.tick();
    assertEquals(await readAll(there, 8), KEEP_ALIVE_FRAME);
    await there.write(KEEP_ALIVE_FRAME);
    // For the answer to be read.
    await turn();
  }
  for (let tick = 0; tick < 3; tick += 1) connection.tick();
  assertEquals(await ending, { established: true, reason: "nothing heard for 2000 ms" });
});

Deno.test("a write that gets on, however slowly, is a sign of life; one that does not is none", async () => {
  const { connection, ending, here, counters } = await outgoing();
  let ended = false;
  const done = ending.finally(() => ended = true);
  here.allowBytes(0);
  connection.send(appendOf(1, 1000));
  for (let tick = 0; tick < 10; tick += 1) {
    here.allowBytes(1);
    await turn();
    connection.tick();
  }
  await turn();
  assertFalse(ended, "it takes long, but it gets on");
  assertEquals(counters.sentMessages, 0);
  for (let tick = 0; tick < 3; tick += 1) connection.tick();
  assertEquals(await done, { established: true, reason: "nothing heard for 2000 ms" });
  assertEquals(connection.unsentMessages, 1);
});

Deno.test("what is sent in one turn leaves in one write, what is sent during a write in the next", async () => {
  const { connection, ending, here, counters } = await outgoing();
  const before = here.writes;
  for (let round = 0; round < 100; round += 1) connection.send(numbered(round));
  assertEquals(here.writes, before, "the turn is not over");
  here.allowBytes(0);
  await turn();
  assertEquals(here.writes, before + 1);
  for (let round = 0; round < 100; round += 1) connection.send(numbered(round));
  await turn();
  assertEquals(here.writes, before + 1);
  here.allowBytes(Infinity);
  await until("everything is written", () => counters.sentMessages === 200);
  assertEquals(here.writes, before + 2);
  connection.close("enough");
  await ending;
});

Deno.test("messages that were sent before the connection was established follow the handshake", async () => {
  const [here, there] = memoryStreams();
  const connection = new OutgoingConnection({
    peer: { id: "b", address: "127.0.0.1:1" },
    identity: identity("a"),
    config: {
      ...CONFIG,
      streamLayer: { listen: CONFIG.streamLayer.listen, dial: () => Promise.resolve(here) },
    },
    counters: new PeerCounters(),
    onEstablished: () => {},
  });
  connection.send(numbered(1));
  const ending = connection.run();
  await admit(there, identity("b"));
  const frame = frameWith(numbered(1));
  assertEquals(await readAll(there, frame.length), frame);
  there.close();
  assertEquals(await ending, { established: true, reason: "closed by the other side" });
});

Deno.test("a connection is drained once everything is written, also what waits for the handshake", async () => {
  const [here, there] = memoryStreams();
  const connection = new OutgoingConnection({
    peer: { id: "b", address: "127.0.0.1:1" },
    identity: identity("a"),
    config: {
      ...CONFIG,
      streamLayer: { listen: CONFIG.streamLayer.listen, dial: () => Promise.resolve(here) },
    },
    counters: new PeerCounters(),
    onEstablished: () => {},
  });
  // Nothing waits.
  await connection.drained();
  const ending = connection.run();
  connection.send(numbered(1));
  let drained = false;
  const draining = connection.drained().then(() => drained = true);
  await turn();
  assertFalse(drained, "it waits for the handshake");
  await there.read(new Uint8Array(1000));
  here.allowBytes(0);
  await there.write(
    encodeAnswer({ refusal: undefined, reason: "", incarnation: 1, frameSizeMaxBytes: 1 << 25 }),
  );
  await turn();
  assertFalse(drained, "it waits for the write");
  here.allowBytes(Infinity);
  await draining;
  const frame = frameWith(numbered(1));
  assertEquals(await readAll(there, frame.length), frame);
  connection.close("enough");
  await ending;
});

Deno.test("a connection that ends is drained, since nothing more can be written", async () => {
  const { connection, ending, here } = await outgoing();
  here.allowBytes(0);
  connection.send(numbered(1));
  const draining = connection.drained();
  connection.close("enough");
  await draining;
  await ending;
  assertEquals(connection.unsentMessages, 1);
});

Deno.test("an attempt that is given up is drained as well", async () => {
  const connection = new OutgoingConnection({
    peer: { id: "b", address: "127.0.0.1:1" },
    identity: identity("a"),
    config: {
      ...CONFIG,
      streamLayer: {
        listen: CONFIG.streamLayer.listen,
        dial: (_, signal) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      },
    },
    counters: new PeerCounters(),
    onEstablished: () => {},
  });
  const ending = connection.run();
  connection.send(numbered(1));
  const draining = connection.drained();
  connection.close("enough");
  await draining;
  assertEquals(await ending, { established: false, reason: "enough" });
});

/** An incoming connection that is established, and the stream of the other side. */
async function incoming(receive: (messages: readonly Message[]) => void = () => {}) {
  const [here, there] = memoryStreams();
  let accepted = false;
  const connection = new IncomingConnection(here, {
    identity: identity("a"),
    config: CONFIG,
    accepted: (connection, { from }, stream) => {
      accepted = true;
      return new IncomingMessages(stream, {
        from,
        config: CONFIG,
        counters: new PeerCounters(),
        receive: (_, messages) => receive(messages),
        close: (reason) => connection.close(reason),
      });
    },
  });
  const ending = connection.run();
  ending.catch(() => {});
  const { clusterId, address: fromAddress } = identity("b");
  await there.write(
    encodeHello({
      purpose: 1,
      incarnation: 1,
      clusterId,
      from: "b",
      fromAddress,
      to: "a",
      clientAddress: "",
    }),
  );
  await until("it is accepted", () => accepted);
  await there.read(new Uint8Array(1000));
  return { connection, ending, here, there };
}

Deno.test("an incoming connection answers keep-alives and lives as long as it hears them", async () => {
  const { connection, ending, there } = await incoming();
  for (let tick = 0; tick < 10; tick += 1) {
    await there.write(KEEP_ALIVE_FRAME);
    assertEquals(await readAll(there, 8), KEEP_ALIVE_FRAME);
    connection.tick();
  }
  for (let tick = 0; tick < 3; tick += 1) connection.tick();
  assertEquals(await ending, { established: true, reason: "nothing heard for 2000 ms" });
});

Deno.test("a frame that comes too slowly is not waited for, however much comes", async () => {
  const { connection, ending, there } = await incoming();
  const frame = frameWith(appendOf(1, 1000));
  let ended = false;
  const done = ending.finally(() => ended = true);
  for (const byte of frame) {
    await there.write(Uint8Array.of(byte));
    await turn();
    if (ended) break;
    connection.tick();
  }
  assertEquals(await done, { established: true, reason: "a frame did not end within 5000 ms" });
});

Deno.test("many frames may come for as long as they like", async () => {
  let received = 0;
  const { connection, ending, there } = await incoming((messages) => received += messages.length);
  const frame = frameWith(numbered(1));
  await there.write(frame.subarray(0, 5));
  for (let tick = 0; tick < 20; tick += 1) {
    // The connection is inside a frame at every tick, but never the same.
    await there.write(Uint8Array.of(...frame.subarray(5), ...frame.subarray(0, 5)));
    await until("it is read", () => received === tick + 1);
    connection.tick();
  }
  there.close();
  const { reason } = await ending;
  assertEquals(reason, "closed by the other side within a frame");
});

Deno.test("a peer that does not read the answers to its keep-alives gets one at a time", async () => {
  let received = 0;
  const { connection, ending, here, there } = await incoming(() => received += 1);
  const before = here.writes;
  here.allowBytes(0);
  for (let count = 0; count < 100; count += 1) await there.write(KEEP_ALIVE_FRAME);
  await there.write(frameWith(numbered(1)));
  await until("all is read", () => received === 1);
  assertEquals(here.writes, before + 1);
  here.allowBytes(Infinity);
  assertEquals(await readAll(there, 8), KEEP_ALIVE_FRAME);
  connection.close("enough");
  assertEquals(await ending, { established: true, reason: "enough" });
});

Deno.test("what the node throws is not taken for something that the peer did", async () => {
  const failure = new Error("an invariant does not hold");
  const { ending, there } = await incoming(() => {
    throw failure;
  });
  await there.write(frameWith(numbered(1)));
  const error = await assertRejects(() => ending);
  assert(error === failure);
});
