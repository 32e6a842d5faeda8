/**
 * How a snapshot's way ends before its time, and how many go at a time.
 *
 * @module
 */
import { type SnapshotHeader, TransportError } from "@coracle/core";
import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { RawPeer } from "./_testing/raw_peers.ts";
import {
  dataOf,
  headerOf,
  piecesOf,
  type Received,
  receiver,
  type Source,
  sourceOf,
} from "./_testing/snapshots.ts";
import { connect, type Node, numbered, peerOf, startNode, until } from "./_testing/support.ts";
import { MIB, NEVER, pair, quiet, send, zeros } from "./_testing/snapshot_pairs.ts";

Deno.test("a signal gives a snapshot up, before it begins and in the middle", async () => {
  await using nodes = await pair();
  const { a, b, received } = nodes;
  const before = sourceOf(zeros(MIB));
  const aborted = AbortSignal.abort(new Error("leadership lost"));
  const message = "bytes: leadership lost";
  await assertRejects(() => send(a, "b", before, 1e12, aborted), TransportError, message);
  assertEquals([before.pulledBytes, received.length], [0, 0]);

  const abort = new AbortController();
  const middle = sourceOf(zeros(MIB));
  const sending = send(a, "b", middle, 1e12, abort.signal);
  await until("it flows", () => (received[0]?.sizeBytes ?? 0) > 10 * MIB);
  const reason = new Error("leadership lost");
  abort.abort(reason);
  const error = await assertRejects(() => sending, TransportError, message);
  assert(error.cause === reason);
  assert(middle.released);
  await until("the receiver hears of it", () => received[0]?.error);
  const { error: broken } = received[0]!;
  assert(broken instanceof TransportError);
  assert(/^the snapshot from a broke off after \d+ of 1000000000000 bytes: /.test(broken.message));
  await quiet(b);
  assertEquals(b.logger.warnings("the snapshot from a at").length, 1);
});

Deno.test("a signal that lives longer than a snapshot keeps nothing of it", async () => {
  await using nodes = await pair();
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
  signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
  const sending = send(nodes.a, "b", sourceOf([dataOf(10)]), 10, signal);
  assertEquals(listeners.size, 1);
  await sending;
  assertEquals(listeners.size, 0);
});

Deno.test("a signal gives a snapshot up though its source is silent", async () => {
  await using nodes = await pair();
  const { a, received } = nodes;
  const abort = new AbortController();
  const { promise: silence, resolve: speak } = Promise.withResolvers<void>();
  const source = sourceOf((async function* () {
    yield new Uint8Array(MIB);
    await silence;
    yield new Uint8Array(MIB);
  })());
  const sending = send(a, "b", source, 2 * MIB, abort.signal);
  await until("the source is silent", () => source.pulledBytes === MIB);
  abort.abort("enough");
  await assertRejects(() => sending, TransportError, "of 2097152 bytes: enough");
  await until("the receiver hears of it", () => received[0]?.error);
  speak();
  await until("the source is let go of", () => source.released);
});

Deno.test("a source that fails, is too short or too long ends the snapshot for both", async () => {
  await using nodes = await pair();
  const { a, b, received } = nodes;
  const failing = (async function* () {
    yield new Uint8Array(MIB);
    await Promise.reject(new Error("checksum of block 4"));
  })();
  const cases: [AsyncIterable<Uint8Array>, string][] = [
    [failing, "checksum of block 4"],
    [sourceOf([new Uint8Array(999)]), "the source has no more"],
    [sourceOf([new Uint8Array(1000), new Uint8Array(2 * MIB)]), "the source has more"],
  ];
  for (const [source, reason] of cases) {
    await assertRejects(() => send(a, "b", source, 2 * MIB), TransportError, `bytes: ${reason}`);
    await until("the receiver hears of it", () => received.at(-1)?.error);
    assert(received.pop()?.error instanceof TransportError);
  }
  await quiet(b);
});

Deno.test("one snapshot at a time goes to a peer, and so many to all", async () => {
  await using a = await startNode("a", { snapshotConnectionsMax: 2 });
  await using b = await startNode("b");
  await using c = await startNode("c");
  await using d = await startNode("d");
  await connect(a, b, c, d);
  for (const node of [b, c, d]) node.handler.takeSnapshot = receiver([]);
  const abort = new AbortController();
  const sending = [b, c].map(({ id }) => send(a, id, zeros(MIB), 1e12, abort.signal));
  const again = () => send(a, "b", zeros(MIB), 1e12);
  await assertRejects(again, TransportError, "a snapshot is on its way to b already");
  const third = () => send(a, "d", zeros(MIB), 1e12);
  await assertRejects(third, TransportError, "no snapshot can go to d: there go 2 to others");
  assertEquals(a.transport.stats().sendingSnapshots, 2);
  abort.abort();
  assertEquals((await Promise.allSettled(sending)).map(({ status }) => status), [
    "rejected",
    "rejected",
  ]);
  await send(a, "d", sourceOf([new Uint8Array(10)]), 10);
});

Deno.test("so many snapshots come in at a time, and the next is refused", async () => {
  await using b = await startNode("b", { snapshotConnectionsMax: 2 });
  b.handler.takeSnapshot = receiver([]);
  const abort = new AbortController();
  const sending: Promise<void>[] = [];
  const senders: Node[] = [];
  for (const id of ["x", "y", "z"]) {
    const node = await startNode(id);
    node.transport.setPeers([peerOf(b)]);
    senders.push(node);
    if (id !== "z") sending.push(send(node, "b", zeros(MIB), 1e12, abort.signal));
  }
  await until("two come in", () => b.transport.stats().receivingSnapshots === 2);
  await assertRejects(
    () => send(senders[2]!, "b", zeros(MIB), 1e12),
    TransportError,
    "refused: there come 2 snapshots already",
  );
  abort.abort();
  await Promise.allSettled(sending);
  await quiet(b);
  await send(senders[2]!, "b", sourceOf([new Uint8Array(10)]), 10);
  for (const node of senders) await node.transport.close();
});

Deno.test("a peer that begins another snapshot has given up the one before", async () => {
  await using node = await startNode("a");
  const received: Received[] = [];
  node.handler.takeSnapshot = receiver(received);
  using first = await RawPeer.introduce(node, { purpose: 2 });
  await until("it is there", () => node.transport.stats().receivingSnapshots === 1);
  using second = await RawPeer.introduce(node, { purpose: 2 });
  await first.ended();
  assertEquals(node.logger.warnings("is not taken: the peer sends another one").length, 1);
  await until("only the second is there", () => node.transport.stats().receivingSnapshots === 1);
  using third = await RawPeer.introduce(node, { purpose: 2 });
  await second.ended();
  await until("only the third is there", () => node.transport.stats().receivingSnapshots === 1);
  third[Symbol.dispose]();
  await quiet(node);
});

Deno.test("a snapshot goes to one that is not a peer, where it said that it is", async () => {
  await using nodes = await pair();
  const { a, b, received } = nodes;
  a.transport.setPeers([]);
  await send(a, "b", sourceOf([new Uint8Array(10)]), 10);
  assertEquals(received.length, 1);
  await assertRejects(
    () => send(b, "c", sourceOf([]), 0),
    TransportError,
    "no snapshot can go to c: its address is not known",
  );
});

Deno.test("a snapshot for one that is not there fails with its address", async () => {
  await using a = await startNode("a");
  a.transport.setPeers([{ id: "b", address: "127.0.0.1:1" }]);
  const source = sourceOf(zeros(MIB));
  await assertRejects(
    () => send(a, "b", source, 10),
    TransportError,
    "the snapshot for b at 127.0.0.1:1 ended after 0 of 10 bytes: ",
  );
  assertEquals(source.pulledBytes, 0);
});

Deno.test("a snapshot for a node of another name is refused", async () => {
  await using a = await startNode("a");
  await using b = await startNode("b");
  a.transport.setPeers([{ id: "c", address: b.transport.localAddress }]);
  await assertRejects(
    () => send(a, "c", sourceOf([]), 0),
    TransportError,
    'refused: wrong node: "a" wants "c"; this is "b"',
  );
});

Deno.test("a header that cannot be sent is refused before anything is dialled", async () => {
  await using nodes = await pair();
  const { a, received } = nodes;
  const servers = Array.from({ length: 5000 }, (_, at) => ({
    id: `n${at}`.padEnd(100),
    address: `a${at}`,
    suffrage: "voter" as const,
  }));
  const { configuration: { index }, ...header }: SnapshotHeader = headerOf(10);
  const configuration = { index, configuration: { servers } };
  await assertRejects(
    () => a.transport.sendSnapshot("b", { ...header, configuration }, sourceOf([]), NEVER),
    TransportError,
    "at most 262145 is allowed",
  );
  assertEquals(received, []);
});

Deno.test("messages do not wait for a snapshot of 256 MiB (B51)", async () => {
  await using nodes = await pair();
  const { a, b, received } = nodes;
  const size = 256 * MIB;
  const source: Source = sourceOf(piecesOf(new Uint8Array(size), 4 * MIB));
  let sent = false;
  const sending = send(a, "b", source, size).finally(() => sent = true);
  const waits: number[] = [];
  while (!sent) {
    const startMs = performance.now();
    const round = waits.length;
    const [there, back] = [b.handler.received.length, a.handler.received.length];
    a.transport.send("b", numbered(round));
    b.transport.send("a", numbered(round));
    await until(
      "both arrive",
      () => b.handler.received.length > there && a.handler.received.length > back,
    );
    waits.push(performance.now() - startMs);
  }
  await sending;
  assertEquals(received[0]?.sizeBytes, size);
  assertGreater(waits.length, 10, "messages went back and forth all the time");
  const longest = Math.max(...waits);
  // A quarter of the default heartbeat timeout, though the machine may have other things to do.
  assertLess(longest, 250, `${waits.length} round trips, the longest ${longest} ms`);
});
