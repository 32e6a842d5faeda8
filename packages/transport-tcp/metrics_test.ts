/**
 * What a transport measures, over real connections.
 *
 * @module
 */
import { MemoryMetrics } from "@coracle/testing";
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import {
  appendOf,
  connect,
  numbered,
  peerOf,
  RecordingHandler,
  startNode,
  until,
} from "./_testing/support.ts";
import { dataOf, headerOf, sourceOf } from "./_testing/snapshots.ts";
import { TRANSPORT_METRICS } from "./metrics.ts";
import { TcpTransport } from "./transport.ts";

const TICKING = { keepAliveIntervalMs: 5, keepAliveTimeoutMs: 20_000, reconnectDelayMinMs: 1 };

/** Keeps the processor busy. */
function spin(durationMs: number): void {
  for (const untilMs = performance.now() + durationMs; performance.now() < untilMs;);
}

Deno.test("what is counted is measured, for each peer, while it happens and at the end", async () => {
  const metrics = new MemoryMetrics(TRANSPORT_METRICS);
  await using b = await startNode("b");
  {
    await using a = await startNode("a", { ...TICKING, metrics });
    await connect(a, b);
    for (let round = 0; round < 10; round += 1) a.transport.send("b", numbered(round));
    for (let round = 0; round < 5; round += 1) b.transport.send("a", numbered(round));
    await until("a tick after they were sent", () => metrics.total("net.sentMessages") === 10);
    await until("a tick after the others came", () => metrics.total("net.receivedMessages") === 5);
    a.transport.send("nobody", numbered(1));
    const others = a.peer("b")!;
    assertGreaterOrEqual(others.sentBytes, 10);
    assertEquals(metrics.level("net.outboxBytes", { peer_id: "b" }), 0);
    await a.transport.close();
    const { sentBytes, receivedBytes, sentMessages, receivedMessages } = a.peer("b")!;
    const of = (name: string) => metrics.total(name, { peer_id: "b" });
    assertEquals(of("net.sentBytes"), sentBytes);
    assertEquals(of("net.receivedBytes"), receivedBytes);
    assertEquals([of("net.sentMessages"), sentMessages], [10, 10]);
    assertEquals([of("net.receivedMessages"), receivedMessages], [5, 5]);
  }
  assertEquals(metrics.total("net.unaddressedMessages"), 1);
  assertEquals(metrics.problems, []);
});

Deno.test("reconnecting, dropping and rejecting are measured", async () => {
  const metrics = new MemoryMetrics(TRANSPORT_METRICS);
  await using a = await startNode("a", { ...TICKING, metrics });
  let b = await startNode("b");
  const peer = peerOf(b);
  await connect(a, b);
  await b.transport.close();
  await until("it is gone", () => a.peer("b")?.connectedSinceMs === undefined);
  const dropped = await until("a message is dropped", () => {
    a.transport.send("b", numbered(1));
    return a.peer("b")?.droppedMessages;
  });
  b = await startNode("b", { listenAddress: peer.address });
  await until("it is back", () => metrics.total("net.reconnects", { peer_id: "b" }) === 1);
  assertGreaterOrEqual(metrics.total("net.droppedMessages", { peer_id: "b" }), dropped);
  const { port } = new URL(`tcp://${a.transport.localAddress}`);
  using stranger = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await stranger.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n"));
  await until("it is turned away", () => metrics.total("net.rejectedConnections") === 1);
  await b.transport.close();
  assertEquals(metrics.problems, []);
});

Deno.test("what waits for a peer that accepts and says nothing is measured", async () => {
  const metrics = new MemoryMetrics(TRANSPORT_METRICS);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using a = await startNode("a", { ...TICKING, metrics });
  const { port } = listener.addr as Deno.NetAddr;
  a.transport.setPeers([{ id: "b", address: `127.0.0.1:${port}` }]);
  a.transport.send("b", appendOf(1, 1000));
  const waiting = a.peer("b")!.outboxSizeBytes;
  assertGreaterOrEqual(waiting, 1000);
  const level = () => metrics.level("net.outboxBytes", { peer_id: "b" });
  await until("it is measured", () => level() !== undefined);
  assertEquals(level(), waiting);
});

Deno.test("snapshots are counted apart from messages", async () => {
  const metrics = new MemoryMetrics(TRANSPORT_METRICS);
  await using a = await startNode("a", { ...TICKING, metrics });
  await using b = await startNode("b", { ...TICKING, metrics: new MemoryMetrics() });
  await connect(a, b);
  const drain = async (_: unknown, __: unknown, data: AsyncIterable<Uint8Array>) => {
    for await (const chunk of data) void chunk;
  };
  a.handler.takeSnapshot = drain;
  b.handler.takeSnapshot = drain;
  const { signal } = new AbortController();
  for (const [from, to] of [[a, b], [b, a]] as const) {
    await from.transport.sendSnapshot(
      to.id,
      headerOf(100_000),
      sourceOf([dataOf(100_000)]),
      signal,
    );
  }
  const total = (name: string) => metrics.total(name, { peer_id: "b" });
  await until("both are counted", () => {
    const { sentSnapshotBytes, receivedSnapshotBytes } = a.peer("b")!;
    return total("net.sentSnapshotBytes") === sentSnapshotBytes &&
      total("net.receivedSnapshotBytes") === receivedSnapshotBytes;
  });
  assertGreaterOrEqual(total("net.sentSnapshotBytes"), 100_000);
  assertGreaterOrEqual(total("net.receivedSnapshotBytes"), 100_000);
  assertEquals(metrics.problems, []);
});

Deno.test("decoding and handing over are timed for what one read brings", async () => {
  const metrics = new MemoryMetrics(TRANSPORT_METRICS);
  class SlowHandler extends RecordingHandler {
    override receive(...args: Parameters<RecordingHandler["receive"]>): void {
      spin(15);
      super.receive(...args);
    }
  }
  const handler = new SlowHandler();
  await using transport = await TcpTransport.listen({
    id: "a",
    clusterId: "test",
    listenAddress: "127.0.0.1:0",
    metrics,
  });
  transport.start(handler);
  await using b = await startNode("b");
  b.transport.setPeers([{ id: "a", address: transport.localAddress }]);
  await until("it is connected", () => b.peer("a")?.connectedSinceMs);
  b.transport.send("a", appendOf(1, 1000));
  b.transport.send("a", numbered(2));
  await until("both arrive", () => handler.received.length === 2);
  const handedOver = metrics.samples("net.rpcEnqueue");
  const decoded = metrics.samples("net.rpcDecode");
  assertEquals([handedOver.length, decoded.length], [1, 1]);
  assertGreaterOrEqual(handedOver[0]!, 15);
  assertGreaterOrEqual(handedOver[0]!, decoded[0]!);
  assertEquals(metrics.problems, []);
});

Deno.test("a peer that was forgotten and comes back is counted on", async () => {
  const metrics = new MemoryMetrics(TRANSPORT_METRICS);
  await using a = await startNode("a", { ...TICKING, metrics, idleTimeoutMs: 10 });
  for (let times = 1; times <= 2; times += 1) {
    await using b = await startNode("b");
    await connect(a, b);
    a.transport.send("b", numbered(times));
    await until("it arrives", () => b.handler.received.length === 1);
    a.transport.setPeers([]);
    await b.transport.close();
    await until("it is forgotten", () => a.peer("b") === undefined);
    assertEquals(metrics.total("net.sentMessages", { peer_id: "b" }), times);
  }
  assertEquals(metrics.problems, []);
});
