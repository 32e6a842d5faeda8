import { type Message, TransportError } from "@coracle/core";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { tcpStreamLayer } from "./stream_layer.ts";
import { RawPeer, RawServer } from "./_testing/raw_peers.ts";
import {
  appendOf,
  connect,
  type Node,
  numbered,
  RecordingHandler,
  rounds,
  startNode,
  turn,
  until,
} from "./_testing/support.ts";
import { headerOf, type Received, receiver, sourceOf } from "./_testing/snapshots.ts";
import { TcpTransport } from "./transport.ts";

// That nothing is left over (sockets, timers, reads and writes) is what the sanitizers see to.

/** Far longer than closing takes, and far shorter than the timeouts that would end what was forgotten. */
const CLOSE_DEADLINE_MS = 20_000;
const PATIENT = { handshakeTimeoutMs: 600_000 };
const NEVER = new AbortController().signal;

/** Closes `node`, twice at the same time, and looks that it is quiet from then on. */
async function closed(node: Node): Promise<void> {
  const { received, lost } = node.handler;
  const before = [received.length, lost.length];
  const warnings = node.logger.warnLines.length;
  const closing = Promise.all([node.transport.close(), node.transport.close()]);
  await deadline(closing, CLOSE_DEADLINE_MS);
  await node.transport.close();
  node.transport.send("x", numbered(1));
  node.transport.setPeers([{ id: "x", address: "127.0.0.1:1" }]);
  assertEquals([received.length, lost.length], before);
  assertEquals(node.logger.warnLines.length, warnings);
  assertEquals(node.transport.stats().incomingConnections, 0);
}

Deno.test("a transport that was never started is closed", async () => {
  const transport = await TcpTransport.listen({
    id: "a",
    clusterId: "test",
    listenAddress: "127.0.0.1:0",
  });
  transport.setPeers([{ id: "x", address: "127.0.0.1:1" }]);
  await transport.close();
  transport.start(new RecordingHandler());
});

Deno.test("a transport is started once", async () => {
  await using node = await startNode("a");
  const again = () => node.transport.start(new RecordingHandler());
  assertThrows(again, Error, "started already");
});

Deno.test("closing ends a dial", async () => {
  let dialling = false;
  const node = await startNode("a", {
    ...PATIENT,
    streamLayer: {
      listen: tcpStreamLayer.listen,
      dial: (_, signal) =>
        new Promise((_, reject) => {
          dialling = true;
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    },
  });
  node.transport.setPeers([{ id: "x", address: "127.0.0.1:1" }]);
  await until("it dials", () => dialling);
  await closed(node);
});

Deno.test("closing ends a connection that the layer hands over afterwards", async () => {
  using server = new RawServer();
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let dialling = false;
  const node = await startNode("a", {
    ...PATIENT,
    streamLayer: {
      listen: tcpStreamLayer.listen,
      async dial(address) {
        const stream = await tcpStreamLayer.dial(address, new AbortController().signal);
        dialling = true;
        await go;
        return stream;
      },
    },
  });
  node.transport.setPeers([{ id: "x", address: server.address }]);
  await until("it dials", () => dialling);
  const closing = closed(node);
  release();
  await closing;
  assertEquals(await (await server.accept()).ended(), 0);
});

Deno.test("closing ends a handshake with one that was dialled", async () => {
  using server = new RawServer();
  const node = await startNode("a", PATIENT);
  node.transport.setPeers([{ id: "x", address: server.address }]);
  await (await server.accept()).readHandshake();
  await closed(node);
});

Deno.test("closing ends a handshake with one that has dialled", async () => {
  const node = await startNode("a", PATIENT);
  using _peer = await RawPeer.dial(node);
  await until("it is there", () => node.transport.stats().incomingConnections === 1);
  await closed(node);
});

Deno.test("closing ends a connection that is accepted afterwards", async () => {
  using server = new RawServer();
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let accepting = false;
  const node = await startNode("a", {
    ...PATIENT,
    streamLayer: {
      dial: tcpStreamLayer.dial,
      listen: (address) =>
        Promise.resolve({
          address,
          close: () => {},
          async accept() {
            accepting = true;
            await go;
            return await tcpStreamLayer.dial(server.listening, new AbortController().signal);
          },
        }),
    },
  });
  await until("it accepts", () => accepting);
  const closing = closed(node);
  release();
  await closing;
  assertEquals(await (await server.accept()).ended(), 0);
});

Deno.test("closing ends the wait before the next attempt", async () => {
  const node = await startNode("a", { reconnectDelayMinMs: 600_000 });
  node.transport.setPeers([{ id: "x", address: "127.0.0.1:1" }]);
  await until("an attempt has failed", () => node.logger.warnings("cannot connect").length === 1);
  await closed(node);
});

Deno.test("closing ends connections in use", async () => {
  const a = await startNode("a");
  const b = await startNode("b");
  await connect(a, b);
  for (let round = 0; round < 1000; round += 1) {
    a.transport.send("b", numbered(round));
    b.transport.send("a", numbered(round));
  }
  await Promise.all([closed(a), closed(b)]);
});

Deno.test("closing ends a write that nobody reads", async () => {
  using server = new RawServer();
  const node = await startNode("a", PATIENT);
  node.transport.setPeers([{ id: "x", address: server.address }]);
  await server.admit();
  await until("it is connected", () => node.peer("x")?.connectedSinceMs);
  await until("the outbox is full", () => {
    node.transport.send("x", appendOf(1, 1_000_000));
    return node.peer("x")!.droppedMessages > 0;
  });
  await closed(node);
});

Deno.test("closing ends the wait after a failure to accept", async () => {
  const node = await startNode("a", {
    ...PATIENT,
    streamLayer: {
      dial: tcpStreamLayer.dial,
      async listen(address) {
        const listener = await tcpStreamLayer.listen(address);
        const accept = () => Promise.reject(new Error("too many open files"));
        return { address: listener.address, close: () => listener.close(), accept };
      },
    },
  });
  await until("it has failed", () => node.logger.warnings("cannot accept").length === 1);
  await closed(node);
});

Deno.test("a handler may close the transport", async () => {
  await using b = await startNode("b");
  const transport = await TcpTransport.listen({
    id: "a",
    clusterId: "test",
    listenAddress: "127.0.0.1:0",
  });
  const received: Message[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const handler = new RecordingHandler();
  handler.receive = (_, messages) => {
    received.push(...messages);
    resolve(transport.close());
  };
  transport.start(handler);
  b.transport.setPeers([{ id: "a", address: transport.localAddress }]);
  b.transport.send("a", numbered(1));
  await done;
  assertEquals(received, [numbered(1)]);
});

Deno.test("what was sent before the close is written, and arrives before the loss is noticed", async () => {
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let held = false;
  const a = await startNode("a", {
    streamLayer: {
      listen: tcpStreamLayer.listen,
      async dial(address, signal) {
        const stream = await tcpStreamLayer.dial(address, signal);
        let writes = 0;
        return {
          remoteAddress: stream.remoteAddress,
          read: (into) => stream.read(into),
          close: () => stream.close(),
          async write(bytes) {
            writes += 1;
            // The first is the hello.
            if (writes === 2) {
              held = true;
              await go;
            }
            return await stream.write(bytes);
          },
        };
      },
    },
  });
  await using b = await startNode("b");
  await connect(a, b);
  const order: string[] = [];
  b.handler.receive = (_, messages) => order.push(...rounds(messages).map((round) => `${round}`));
  b.handler.disconnected = (peer) => order.push(`lost ${peer}`);
  a.transport.send("b", numbered(1));
  await until("a write is under way", () => held);
  a.transport.send("b", numbered(2));
  const closing = a.transport.close();
  a.transport.send("b", numbered(3));
  // Were a connection closed already, that would be noticed now.
  await turn();
  release();
  await closing;
  await until("both losses are noticed", () => order.length === 4);
  assertEquals(order, ["1", "2", "lost a", "lost a"]);
});

Deno.test("what was sent in the same turn as the close is written", async () => {
  const a = await startNode("a");
  await using b = await startNode("b");
  await connect(a, b);
  a.transport.send("b", numbered(1));
  await closed(a);
  await until("it arrives", () => b.handler.received.length === 1);
});

Deno.test("closing ends snapshots that go out, and lets go of their sources", async () => {
  const a = await startNode("a");
  await using b = await startNode("b");
  await connect(a, b);
  const received: Received[] = [];
  b.handler.takeSnapshot = receiver(received);
  const source = sourceOf(zeros());
  const sending = a.transport.sendSnapshot("b", headerOf(1e12), source, NEVER);
  const outcome = assertRejects(() => sending, TransportError, "bytes: the transport is closed");
  await until("it flows", () => (received[0]?.sizeBytes ?? 0) > 1_000_000);
  await closed(a);
  await outcome;
  assert(source.released);
  await until("the receiver hears of it", () => received[0]?.error);
  const again = () => a.transport.sendSnapshot("b", headerOf(0), sourceOf([]), NEVER);
  await assertRejects(again, TransportError, "the transport is closed");
});

Deno.test("closing ends snapshots that come in", async () => {
  await using a = await startNode("a");
  const b = await startNode("b");
  await connect(a, b);
  const received: Received[] = [];
  b.handler.takeSnapshot = receiver(received);
  const source = sourceOf(zeros());
  const sending = a.transport.sendSnapshot("b", headerOf(1e12), source, NEVER);
  const outcome = assertRejects(() => sending, TransportError, "of 1000000000000 bytes: ");
  await until("it flows", () => (received[0]?.sizeBytes ?? 0) > 1_000_000);
  await closed(b);
  await outcome;
  assert(source.released);
  await until("the receiver hears of it", () => received[0]?.error);
  const { error } = received[0]!;
  assert(error instanceof TransportError && error.message.endsWith(": the transport is closed"));
});

Deno.test("closing does not wait for a node that works on a snapshot", async () => {
  await using a = await startNode("a");
  const b = await startNode("b");
  await connect(a, b);
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let working = false;
  b.handler.takeSnapshot = async (_from, _header, data) => {
    for await (const _ of data);
    working = true;
    await go;
  };
  const bytes = new Uint8Array(1000);
  const sending = a.transport.sendSnapshot("b", headerOf(1000), sourceOf([bytes]), NEVER);
  const outcome = assertRejects(() => sending, TransportError, "1000 of 1000 bytes: ");
  await until("it has all", () => working);
  await closed(b);
  await outcome;
  release();
});

Deno.test("closing ends the dial for a snapshot", async () => {
  using server = new RawServer();
  const a = await startNode("a", PATIENT);
  a.transport.setPeers([{ id: "x", address: server.address }]);
  await server.admit();
  const sending = a.transport.sendSnapshot("x", headerOf(0), sourceOf([]), NEVER);
  const outcome = assertRejects(() => sending, TransportError, "the transport is closed");
  await (await server.accept()).readHandshake();
  await closed(a);
  await outcome;
});

Deno.test("a transport that is not started sends no snapshots", async () => {
  await using transport = await TcpTransport.listen({
    id: "a",
    clusterId: "test",
    listenAddress: "127.0.0.1:0",
  });
  transport.setPeers([{ id: "x", address: "127.0.0.1:1" }]);
  const sending = () => transport.sendSnapshot("x", headerOf(0), sourceOf([]), NEVER);
  await assertRejects(sending, TransportError, "the transport is not started");
});

async function* zeros(): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(100_000);
  for (;;) yield piece;
}
