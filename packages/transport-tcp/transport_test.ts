import { TransportError } from "@coracle/core";
import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { parseAddress } from "./address.ts";
import {
  appendOf,
  connect,
  numbered,
  peerOf,
  plain,
  RecordingHandler,
  rounds,
  startNode,
  until,
} from "./_testing/support.ts";
import { TcpTransport } from "./transport.ts";

/** Short enough that a test need not wait for it, long enough that it is not reached by chance. */
const IMPATIENT = { reconnectDelayMinMs: 1, reconnectDelayMaxMs: 20 };

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("two nodes exchange messages", async () => {
  await using a = await startNode("a");
  await using b = await startNode("b");
  await connect(a, b);
  a.transport.send("b", appendOf(1, 1000));
  b.transport.send("a", numbered(7));
  await until("both arrive", () => a.handler.received.length + b.handler.received.length === 2);
  assertEquals(a.handler.received.map(({ from }) => from), ["b"]);
  assertEquals(rounds(a.handler.from("b")), [7]);
  assertEquals(b.handler.from("a").map(plain), [plain(appendOf(1, 1000))]);
});

Deno.test("what is sent in one turn arrives in one call, in order", async () => {
  await using a = await startNode("a");
  await using b = await startNode("b");
  await connect(a, b);
  for (let round = 0; round < 100; round += 1) a.transport.send("b", numbered(round));
  await until("all arrive", () => b.handler.received.length === 100);
  assertEquals(b.handler.batches, [100]);
  assertEquals(rounds(b.handler.from("a")), Array.from({ length: 100 }, (_, round) => round));
});

Deno.test("the largest message arrives whole", async () => {
  await using a = await startNode("a");
  await using b = await startNode("b");
  await connect(a, b);
  const largest = appendOf(1, 16 * 1024 * 1024 - 32);
  a.transport.send("b", numbered(1));
  a.transport.send("b", largest);
  a.transport.send("b", numbered(2));
  // While the first write is under way, the outbox is above its limit and takes no more.
  await until("it arrives", () => b.handler.received.length >= 2);
  const received = b.handler.from("a")[1];
  assert(received?.type === "append" && largest.type === "append");
  assertEquals(received.entries?.bytes.length, largest.entries?.bytes.length);
  assertEquals(received.entries?.lastIndex, largest.entries?.lastIndex);
  assertEquals(a.peer("b")?.droppedMessages, 1);
});

Deno.test("100,000 messages each way arrive once and in order", async () => {
  const count = 100_000;
  await using a = await startNode("a");
  await using b = await startNode("b");
  await connect(a, b);
  let ticks = 0;
  const ticker = setInterval(() => ticks += 1, 1);
  for (let round = 0; round < count;) {
    for (let some = 0; some < 1000; some += 1, round += 1) {
      a.transport.send("b", numbered(round));
      b.transport.send("a", numbered(round));
    }
    const limit = round - 10_000;
    await until(
      "they keep up",
      () => a.handler.received.length > limit && b.handler.received.length > limit,
    );
  }
  await until(
    "all arrive",
    () => a.handler.received.length === count && b.handler.received.length === count,
  );
  clearInterval(ticker);
  const expected = Array.from({ length: count }, (_, round) => round);
  assertEquals(rounds(a.handler.from("b")), expected);
  assertEquals(rounds(b.handler.from("a")), expected);
  assertLess(a.handler.batches.length, count / 10, "messages are handed over many at a time");
  assertGreater(ticks, 0, "timers go off meanwhile");
  assertEquals(a.peer("b")?.sentMessages, count);
  assertEquals(b.peer("a")?.receivedMessages, count);
});

Deno.test("a node answers one that it has no address of, once that has introduced itself", async () => {
  await using a = await startNode("a");
  await using b = await startNode("b");
  b.transport.send("a", numbered(1));
  assertEquals(b.transport.stats().unaddressedMessages, 1);
  assertEquals(b.logger.warnings("its address is not known").length, 1);

  a.transport.setPeers([peerOf(b)]);
  await until("b knows a", () => b.peer("a")?.incoming);
  assertEquals(b.peer("a")?.address, a.transport.localAddress);
  b.transport.send("a", numbered(2));
  await until("the answer arrives", () => a.handler.received.length === 1);
  assertEquals(rounds(a.handler.from("b")), [2]);
});

Deno.test("a connection to one that is not a peer ends when it is not used", async () => {
  await using a = await startNode("a");
  await using b = await startNode("b", { keepAliveIntervalMs: 5, idleTimeoutMs: 20 });
  a.transport.setPeers([peerOf(b)]);
  await until("b knows a", () => b.peer("a")?.incoming);
  b.transport.send("a", numbered(1));
  await until("it arrives", () => a.handler.received.length === 1);
  await until("it is not kept", () => a.peer("b")?.incoming === false);
  assertEquals(b.peer("a")?.connectedSinceMs, undefined);
  // The peers' own connection is not affected, and that of a peer is kept however little is sent.
  assert(b.peer("a")?.incoming);
  b.transport.send("a", numbered(2));
  await until("it is made again", () => a.handler.received.length === 2);
});

Deno.test("a connection stays while something is sent on it, and that to a peer in any case", async () => {
  const hasty = { keepAliveIntervalMs: 5, keepAliveTimeoutMs: 5000, idleTimeoutMs: 20 };
  await using a = await startNode("a", hasty);
  await using b = await startNode("b", hasty);
  a.transport.setPeers([peerOf(b)]);
  await until("b knows a", () => b.peer("a")?.incoming);
  // Ten keep-alives are more than twice the time after which an idle connection ends.
  await until("a has kept quiet for long", () => (b.peer("a")?.receivedBytes ?? 0) >= 80);
  let turns = 0;
  await until("b has sent for long", () => {
    turns += 1;
    b.transport.send("a", numbered(turns));
    return (b.peer("a")?.receivedBytes ?? 0) >= 200;
  });
  await until("all arrive", () => a.handler.received.length === turns);
  assertEquals([a.handler.lost, b.handler.lost], [[], []]);
  assertEquals([a.peer("b")?.reconnects, b.peer("a")?.reconnects], [0, 0]);
});

Deno.test("a node sends nothing to itself, and is not its own peer", async () => {
  await using a = await startNode("a");
  a.transport.setPeers([peerOf(a)]);
  a.transport.send("a", numbered(1));
  assertEquals(a.transport.stats().peers, []);
  assertEquals(a.transport.stats().unaddressedMessages, 1);
  assertEquals(a.logger.warnings("it is this node").length, 1);
});

Deno.test("a peer that is restarted is connected with again, and its loss is reported", async () => {
  await using a = await startNode("a", IMPATIENT);
  const first = await startNode("b", IMPATIENT);
  const { address } = peerOf(first);
  await connect(a, first);
  await first.transport.close();
  await until("both losses are reported", () => a.handler.lost.length === 2);
  assertEquals(a.handler.lost, ["b", "b"]);
  assertEquals(a.peer("b")?.connectedSinceMs, undefined);
  assertEquals(first.handler.lost, [], "the one that closes hears nothing");

  const dropped = a.peer("b")!.droppedMessages;
  a.transport.send("b", numbered(1));
  await until(
    "nothing waits for who is not there",
    () => a.peer("b")?.droppedMessages === dropped + 1,
  );

  await using second = await startNode("b", { ...IMPATIENT, listenAddress: address });
  await connect(a, second);
  assertEquals(a.peer("b")?.reconnects, 1);
  a.transport.send("b", numbered(2));
  second.transport.send("a", numbered(3));
  await until(
    "both arrive",
    () => second.handler.received.length === 1 && a.handler.received.length === 1,
  );
  assertEquals(rounds(second.handler.from("a")), [2]);
  assertEquals(a.handler.lost, ["b", "b"], "failed attempts are not losses");
  assert(a.logger.warnings("cannot connect to b").length <= 1, "attempts that fail are said once");
});

Deno.test("a peer that connects is dialled at once, however long the wait would be", async () => {
  const patient = { reconnectDelayMinMs: 600_000, reconnectDelayMaxMs: 600_000 };
  const probe = await startNode("b");
  const { address } = peerOf(probe);
  await probe.transport.close();
  await using a = await startNode("a", patient);
  a.transport.setPeers([{ id: "b", address }]);
  await until("a waits", () => a.logger.warnings("cannot connect to b").length === 1);

  await using b = await startNode("b", { listenAddress: address });
  b.transport.setPeers([peerOf(a)]);
  await until("a does not wait", () => a.peer("b")?.connectedSinceMs);
});

Deno.test("a peer whose address changes is dialled there", async () => {
  await using a = await startNode("a");
  await using here = await startNode("b");
  await using there = await startNode("b");
  await connect(a, here);
  a.transport.setPeers([peerOf(there)]);
  await until("it is connected there", () => there.peer("a")?.incoming);
  await until("it is not connected here", () => here.peer("a")?.incoming === false);
  await until("the loss is reported", () => a.handler.lost.length === 1);
  a.transport.send("b", numbered(1));
  await until("it arrives there", () => there.handler.received.length === 1);
  assertEquals(here.handler.received, []);
});

Deno.test("peers that are told again are left alone; those that are gone are forgotten", async () => {
  await using a = await startNode("a", IMPATIENT);
  await using b = await startNode("b");
  await connect(a, b);
  const since = a.peer("b")?.connectedSinceMs;
  a.transport.setPeers([peerOf(b), { id: "c", address: "127.0.0.1:1" }]);
  assertEquals(a.peer("b")?.connectedSinceMs, since);
  assertEquals(a.peer("c")?.address, "127.0.0.1:1");
  a.transport.setPeers([peerOf(b)]);
  assertEquals(a.peer("c"), undefined);
  assertEquals(a.handler.lost, []);
});

Deno.test("a peer with an address that is none costs a warning", async () => {
  await using a = await startNode("a");
  a.transport.setPeers([{ id: "b", address: "nowhere" }]);
  a.transport.send("b", numbered(1));
  await until("it is said", () => a.logger.warnings('"nowhere" is not an address').length === 1);
  assertEquals(a.peer("b")?.droppedMessages, 1);
});

Deno.test("an address that is taken is refused with its name", async () => {
  await using a = await startNode("a");
  await assertRejects(
    () => startNode("b", { listenAddress: a.transport.localAddress }),
    TransportError,
    `cannot listen on ${a.transport.localAddress}: `,
  );
});

Deno.test("the advertised address is what peers are told", async () => {
  await using a = await startNode("a", {
    listenAddress: "127.0.0.1:0",
    advertiseAddress: "localhost:0",
  });
  const { hostname, port } = parseAddress(a.transport.localAddress);
  assertEquals(hostname, "localhost");
  assertGreater(port, 0);
  await using b = await startNode("b");
  b.transport.setPeers([peerOf(a)]);
  await until("it can be dialled", () => b.peer("a")?.connectedSinceMs);
});

Deno.test("peers know where clients reach a node, also when it is gone", async () => {
  await using a = await startNode("a", { clientAddress: "10.0.0.1:50051" });
  const b = await startNode("b", { clientAddress: "b.example:443" });
  await using c = await startNode("c");
  const known = (of: string) => a.transport.clientAddressOf(of);
  assertEquals([known("a"), known("b")], ["10.0.0.1:50051", undefined]);
  await connect(a, b, c);
  await until("b is known", () => known("b") !== undefined);
  assertEquals([known("b"), known("c")], ["b.example:443", undefined], "c does not say");
  await b.transport.close();
  await until("b is gone", () => a.peer("b")?.incoming === false);
  assertEquals(known("b"), "b.example:443");
  a.transport.setPeers([peerOf(c)]);
  assertEquals(known("b"), undefined, "it is no peer any more");
});

Deno.test("IPv6 addresses work as well", { ignore: !hasIpv6() }, async () => {
  await using a = await startNode("a", { listenAddress: "[::1]:0" });
  await using b = await startNode("b", { listenAddress: "[::1]:0" });
  assert(a.transport.localAddress.startsWith("[::1]:"));
  await connect(a, b);
});

Deno.test("messages that are sent while the connection is made arrive", async () => {
  await using a = await startNode("a");
  await using b = await startNode("b");
  a.transport.setPeers([peerOf(b)]);
  a.transport.send("b", numbered(1));
  await until("it arrives", () => b.handler.received.length === 1);
  assertEquals(rounds(b.handler.from("a")), [1]);
});

Deno.test("peers may be set before the start; what is sent before it is dropped", async () => {
  await using b = await startNode("b");
  await using a = await TcpTransport.listen({
    id: "a",
    clusterId: "test",
    listenAddress: "127.0.0.1:0",
  });
  a.setPeers([peerOf(b)]);
  a.send("b", numbered(1));
  const handler = new RecordingHandler();
  a.start(handler);
  await until("it is connected", () => b.peer("a")?.incoming);
  assertEquals(a.stats().peers[0]?.droppedMessages, 1);
  b.transport.send("a", numbered(2));
  await until("it arrives", () => handler.received.length === 1);
});
