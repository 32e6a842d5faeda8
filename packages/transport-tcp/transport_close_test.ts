import type { Message } from "@coracle/core";
import { assertEquals, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { tcpStreamLayer } from "./stream_layer.ts";
import { RawPeer, RawServer } from "./_testing/raw_peers.ts";
import { appendOf, connect, type Node, numbered, startNode, until } from "./_testing/support.ts";
import { TcpTransport } from "./transport.ts";

// That nothing is left over (sockets, timers, reads and writes) is what the sanitizers see to.

/** Far longer than closing takes, and far shorter than the timeouts that would end what was forgotten. */
const CLOSE_DEADLINE_MS = 20_000;
const PATIENT = { handshakeTimeoutMs: 600_000 };

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
  transport.start({ receive: () => {}, disconnected: () => {} });
});

Deno.test("a transport is started once", async () => {
  await using node = await startNode("a");
  const again = () => node.transport.start({ receive: () => {}, disconnected: () => {} });
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
  transport.start({
    receive: (_, messages) => {
      received.push(...messages);
      resolve(transport.close());
    },
    disconnected: () => {},
  });
  b.transport.setPeers([{ id: "a", address: transport.localAddress }]);
  b.transport.send("a", numbered(1));
  await done;
  assertEquals(received, [numbered(1)]);
});
