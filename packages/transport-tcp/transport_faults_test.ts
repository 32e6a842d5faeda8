import { assert, assertEquals, assertGreater } from "@std/assert";
import fc from "fast-check";
import { KEEP_ALIVE_FRAME } from "./frame.ts";
import { encodeHello } from "./handshake.ts";
import { tcpStreamLayer } from "./stream_layer.ts";
import { frameOf, frameWith } from "./_testing/frames.ts";
import { helloTo, RawPeer, RawServer } from "./_testing/raw_peers.ts";
import {
  appendOf,
  connect,
  type Node,
  numbered,
  peerOf,
  rounds,
  startNode,
  until,
} from "./_testing/support.ts";

const IMPATIENT = { reconnectDelayMinMs: 1, reconnectDelayMaxMs: 5 };

/** Two nodes that are connected keep talking whatever `meanwhile` does to the first one. */
async function unimpressed(
  options: Parameters<typeof startNode>[1],
  meanwhile: (node: Node) => Promise<void>,
): Promise<void> {
  await using a = await startNode("a", options);
  await using b = await startNode("b", options);
  await connect(a, b);
  await meanwhile(a);
  a.transport.send("b", numbered(1));
  b.transport.send("a", numbered(2));
  await until("both arrive", () => a.handler.from("b").length + b.handler.received.length === 2);
  assertEquals(a.handler.lost.filter((id) => id === "b"), []);
}

function rejected(node: Node, count = 1): Promise<boolean> {
  return until("it is rejected", () => node.transport.stats().rejectedConnections >= count);
}

Deno.test("garbage instead of a handshake costs its connection and one line in the log", async () => {
  await unimpressed({}, async (node) => {
    let count = 0;
    const garbage = fc.uint8Array({ minLength: 8, maxLength: 5000, size: "max" });
    for (const bytes of fc.sample(garbage, 20)) {
      // What was said before is not said again: no two begin with the same bytes.
      bytes[0] = count;
      using peer = await RawPeer.dial(node);
      await peer.write(bytes).catch(() => {});
      assertEquals(await peer.ended(), 0);
      await rejected(node, count += 1);
    }
    assertEquals(node.logger.warnings("rejected a connection from").length, 20);
    assertEquals(node.transport.stats().incomingConnections, 1);
  });
});

Deno.test("a web browser is told from a node", async () => {
  await unimpressed({}, async (node) => {
    for (const attempt of [1, 2, 3]) {
      using peer = await RawPeer.dial(node);
      await peer.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
      await peer.ended();
      await rejected(node, attempt);
    }
    // The same again is not said again.
    assertEquals(node.logger.warnings('it begins with "GET / HT"').length, 1);
  });
});

Deno.test("B79: garbage after the handshake costs its connection, which is reported as lost", async () => {
  const length = (value: number) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(0, value);
    return bytes;
  };
  const damaged = frameWith(numbered(1));
  damaged[12]! ^= 1;
  const cases: [Uint8Array, string][] = [
    [length(0xffffffff), "gives its length as 4294967295 bytes; at most 33554432 is allowed"],
    [length(33554433), "gives its length as 33554433 bytes"],
    [damaged, "has checksum"],
    [frameOf(Uint8Array.of(99)), "of kind 99; 1 to 10 is allowed"],
    [frameOf(frameWith(appendOf(3, 10)).subarray(8, -1)), "42 bytes; there are 41"],
  ];
  await unimpressed({}, async (node) => {
    for (const [bytes, reason] of cases) {
      const lost = node.handler.lost.length;
      using peer = await RawPeer.introduce(node);
      await peer.write(bytes);
      await peer.ended();
      await until("the loss is reported", () => node.handler.lost.length === lost + 1);
      assertEquals(node.logger.warnings(reason).length, 1, reason);
    }
    assertEquals(node.handler.from("x"), []);
  });
});

Deno.test("B79: bytes that are no frames are refused whatever they are", async () => {
  await unimpressed({}, async (node) => {
    const noise = fc.uint8Array({ minLength: 64, maxLength: 300 })
      .filter((bytes) => bytes.subarray(0, 8).some((byte) => byte !== 0));
    for (const bytes of fc.sample(noise, 30)) {
      const lost = node.handler.lost.length;
      const peer = await RawPeer.introduce(node);
      await peer.write(bytes).catch(() => {});
      // Noise may look like the beginning of a long frame: its end is then the end of the connection.
      peer[Symbol.dispose]();
      await until("the loss is reported", () => node.handler.lost.length === lost + 1);
    }
    assertEquals(node.handler.from("x"), []);
  });
});

Deno.test("B79: a message may come byte by byte", async () => {
  await using node = await startNode("a");
  using peer = await RawPeer.dial(node);
  const bytes = [...encodeHello(helloTo(node)), ...frameWith(numbered(1)), ...KEEP_ALIVE_FRAME];
  for (const byte of [...bytes, ...frameWith(numbered(2))]) await peer.write(Uint8Array.of(byte));
  await until("both arrive", () => node.handler.received.length === 2);
  assertEquals(rounds(node.handler.from("x")), [1, 2]);
});

Deno.test("B79: who says nothing, or not all of it, is not waited for", async () => {
  await unimpressed({ handshakeTimeoutMs: 30 }, async (node) => {
    for (const part of [new Uint8Array(0), encodeHello(helloTo(node)).subarray(0, -1)]) {
      using peer = await RawPeer.dial(node);
      await peer.write(part);
      assertEquals(await peer.ended(), 0);
    }
    await rejected(node, 2);
    assertEquals(node.logger.warnings("the handshake did not end within 30 ms").length, 1);
  });
});

Deno.test("B79: a peer that falls silent is given up, and so is one that stops within a frame", async () => {
  await using node = await startNode("a", { keepAliveIntervalMs: 5, keepAliveTimeoutMs: 20 });
  for (const part of [new Uint8Array(0), frameWith(numbered(1)).subarray(0, 11)]) {
    const lost = node.handler.lost.length;
    using peer = await RawPeer.introduce(node);
    await peer.write(part);
    await peer.ended();
    await until("the loss is reported", () => node.handler.lost.length === lost + 1);
  }
  assertEquals(node.logger.warnings("nothing heard for 20 ms").length, 1);
});

Deno.test("a peer that does not answer the handshake is dialled again", async () => {
  using server = new RawServer();
  await using node = await startNode("a", { ...IMPATIENT, handshakeTimeoutMs: 20 });
  node.transport.setPeers([{ id: "x", address: server.address }]);
  for (const _attempt of [1, 2]) await (await server.accept()).ended();
  assertEquals(node.logger.warnings("no connection and handshake within 20 ms").length, 1);
  assertEquals(node.handler.lost, []);
});

Deno.test("a peer that answers with garbage is dialled again", async () => {
  using server = new RawServer();
  await using node = await startNode("a", IMPATIENT);
  node.transport.setPeers([{ id: "x", address: server.address }]);
  for (const _attempt of [1, 2]) {
    const peer = await server.accept();
    await peer.readHandshake();
    await peer.write(new TextEncoder().encode("220 mail.example ESMTP\r\n"));
    await peer.ended();
  }
  assertEquals(node.logger.warnings('it begins with "220 mail"').length, 1);
  assertEquals(node.handler.lost, []);
});

Deno.test("a peer that does not answer keep-alives is given up and dialled again", async () => {
  using server = new RawServer();
  await using node = await startNode("a", {
    ...IMPATIENT,
    keepAliveIntervalMs: 5,
    keepAliveTimeoutMs: 20,
  });
  node.transport.setPeers([{ id: "x", address: server.address }]);
  const peer = await server.admit();
  assertEquals(await peer.read(8), KEEP_ALIVE_FRAME);
  await peer.ended();
  await until("the loss is reported", () => node.handler.lost.length === 1);
  await server.admit();
  await until("it is connected again", () => node.peer("x")?.reconnects === 1);
});

Deno.test("a peer that sends messages where it may only answer is given up", async () => {
  using server = new RawServer();
  await using node = await startNode("a", IMPATIENT);
  node.transport.setPeers([{ id: "x", address: server.address }]);
  const peer = await server.admit();
  await peer.write(frameWith(numbered(1)));
  await until("the loss is reported", () => node.handler.lost.length === 1);
  assertEquals(node.logger.warnings("only keep-alives are allowed").length, 1);
  assertEquals(node.handler.received, []);
});

Deno.test("messages for a peer that does not read are dropped and counted at the limit", async () => {
  using server = new RawServer();
  await using node = await startNode("a", { ...IMPATIENT, outboxSizeMaxBytes: 100_000 });
  node.transport.setPeers([{ id: "x", address: server.address }]);
  await server.admit();
  await until("it is connected", () => node.peer("x")?.connectedSinceMs);
  await until("the outbox is full", () => {
    for (let index = 1; index <= 100; index += 1) node.transport.send("x", appendOf(index, 10_000));
    const { droppedMessages, outboxSizeBytes } = node.peer("x")!;
    assert(outboxSizeBytes < 100_000 + 10_200, `${outboxSizeBytes} bytes wait`);
    return droppedMessages > 1000;
  });
  assertEquals(node.logger.warnings("messages to x are dropped: 100000 bytes").length, 1);
  assertGreater(node.peer("x")!.sentMessages, 0);
});

Deno.test("a message that is too large for the other side is dropped with a warning", async () => {
  await using a = await startNode("a");
  await using b = await startNode("b", { frameSizeMaxBytes: 16 * 1024 * 1024 + 1000 });
  await connect(a, b);
  const twoEntries = appendOf(1, 16 * 1024 * 1024 - 32);
  a.transport.send("b", twoEntries);
  await until("the largest entry arrives", () => b.handler.received.length === 1);
  assert(twoEntries.type === "append" && twoEntries.entries !== undefined);
  // No run is as large as this; only its size counts here.
  const bytes = new Uint8Array(16 * 1024 * 1024 + 1000);
  const entries = Object.create(twoEntries.entries, { bytes: { value: bytes } });
  a.transport.send("b", { ...twoEntries, entries });
  assertEquals(a.peer("b")?.droppedMessages, 1);
  assertEquals(a.logger.warnings("a message (append) to b is dropped").length, 1);
});

Deno.test("nodes that do not belong together say so once each, however often they try", async () => {
  const cases: [Parameters<typeof startNode>[1], string, string][] = [
    [{ clusterId: "other" }, "b", "wrong cluster"],
    [{}, "c", "wrong node"],
  ];
  for (const [options, wanted, reason] of cases) {
    await using a = await startNode("a", IMPATIENT);
    await using b = await startNode("b", { ...IMPATIENT, ...options });
    a.transport.setPeers([{ id: wanted, address: b.transport.localAddress }]);
    await until("it was tried often", () => b.transport.stats().rejectedConnections >= 5);
    assertEquals(a.logger.warnings(`refused: ${reason}`).length, 1);
    assertEquals(b.logger.warnings(reason).length, 1);
    assertEquals(a.handler.lost, []);
    assertEquals(b.handler.lost, []);
    assertEquals(a.peer(wanted)?.connectedSinceMs, undefined);
  }
});

Deno.test("a node of another version is refused, and told so", async () => {
  await using node = await startNode("a");
  using peer = await RawPeer.dial(node);
  const hello = encodeHello(helloTo(node));
  new DataView(hello.buffer).setUint16(4, 2);
  await peer.write(hello);
  assertEquals((await peer.readHandshake())[8], 1);
  assertEquals(await peer.ended(), 0);
  await rejected(node);
  assertEquals(node.logger.warnings("speaks protocol version 2; this one speaks 1").length, 1);
});

Deno.test("a peer that connects again replaces its connection; another process is worth a warning", async () => {
  await using node = await startNode("a");
  using first = await RawPeer.introduce(node);
  await until("it is known", () => node.peer("x")?.incoming);
  using second = await RawPeer.introduce(node);
  assertEquals(await first.ended(), 0);
  await until("the loss is reported", () => node.handler.lost.length === 1);
  assertEquals(node.logger.warnings("two processes use this id").length, 0);
  using third = await RawPeer.introduce(node, { incarnation: 2 });
  assertEquals(await second.ended(), 0);
  await until("the loss is reported", () => node.handler.lost.length === 2);
  assertEquals(node.logger.warnings("two processes use this id").length, 1);
  await third.write(frameWith(numbered(3)));
  await until("the latest counts", () => node.handler.received.length === 1);
  assert(node.peer("x")?.incoming);
});

Deno.test("there are only so many connections from others", async () => {
  await using node = await startNode("a", { incomingConnectionsMax: 3 });
  const peers = [];
  for (const from of ["x", "y", "z"]) peers.push(await RawPeer.introduce(node, { from }));
  using late = await RawPeer.dial(node);
  assertEquals(await late.ended(), 0);
  await rejected(node);
  assertEquals(node.logger.warnings("there are 3 connections already").length, 1);
  for (const peer of peers) peer[Symbol.dispose]();
  await until("there is room again", () => node.transport.stats().incomingConnections === 0);
  using again = await RawPeer.introduce(node);
  await again.write(frameWith(numbered(1)));
  await until("it arrives", () => node.handler.received.length === 1);
});

Deno.test("only so many that are no peers are dialled; the one that was sent nothing for longest gives way", async () => {
  await using node = await startNode("a", { incomingConnectionsMax: 2 });
  node.transport.setPeers([{ id: "b", address: "127.0.0.1:1" }]);
  for (const from of ["x", "y", "z"]) {
    const peer = await RawPeer.introduce(node, { from });
    await until("it is known", () => node.peer(from)?.incoming);
    node.transport.send(from, numbered(1));
    peer[Symbol.dispose]();
    await until("it is gone", () => node.transport.stats().incomingConnections === 0);
  }
  assertEquals(node.transport.stats().peers.map(({ id }) => id), ["b", "y", "z"]);
});

Deno.test("a failure to accept, such as too many open files, is not the end", async () => {
  let failures = 2;
  await using node = await startNode("a", {
    streamLayer: {
      dial: tcpStreamLayer.dial,
      async listen(address) {
        const listener = await tcpStreamLayer.listen(address);
        return {
          address: listener.address,
          close: () => listener.close(),
          accept: () =>
            failures-- > 0 ? Promise.reject(new Error("too many open files")) : listener.accept(),
        };
      },
    },
  });
  await using other = await startNode("b");
  other.transport.setPeers([peerOf(node)]);
  await until("it is connected", () => node.peer("b")?.incoming);
  assertEquals(node.logger.warnings("cannot accept connections: too many open files").length, 1);
});
