import { crc32 } from "node:zlib";
import { type SnapshotHeader, TransportError } from "@coracle/core";
import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { encodeHeader } from "./snapshot_codec.ts";
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

const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;

/** Sends `source` from `from` to `to` as a snapshot of `sizeBytes`. */
function send(
  from: Node,
  to: string,
  source: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  signal: AbortSignal = NEVER,
): Promise<void> {
  return from.transport.sendSnapshot(to, headerOf(sizeBytes), source, signal);
}

/** Zeros without end, a piece at a time. */
async function* zeros(pieceSizeBytes: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(pieceSizeBytes);
  for (;;) yield piece;
}

/** Two nodes that know each other; `b` remembers what it takes. */
async function pair(
  options: Parameters<typeof startNode>[1] = {},
): Promise<{ a: Node; b: Node; received: Received[] } & AsyncDisposable> {
  const a = await startNode("a", options);
  const b = await startNode("b", options);
  const received: Received[] = [];
  b.handler.takeSnapshot = receiver(received);
  await connect(a, b);
  const close = async () => void await Promise.all([a.transport.close(), b.transport.close()]);
  return { a, b, received, [Symbol.asyncDispose]: close };
}

/** No snapshot is on its way at `node`. */
function quiet(node: Node): Promise<boolean> {
  return until(`${node.id} has no snapshots`, () => {
    const { sendingSnapshots, receivingSnapshots } = node.transport.stats();
    return sendingSnapshots + receivingSnapshots === 0;
  });
}

Deno.test("a snapshot arrives as it was sent, whatever the pieces of its source", async () => {
  await using nodes = await pair();
  const { a, received } = nodes;
  const sizes: [sizeBytes: number, pieceSizeBytes: number][] = [
    [0, 1],
    [1, 1],
    [5000, 7],
    [256 * 1024, 256 * 1024],
    [3 * MIB + 1, 100_000],
    [3 * MIB + 1, 10 * MIB],
  ];
  for (const [sizeBytes, pieceSizeBytes] of sizes) {
    const data = dataOf(sizeBytes);
    const source = sourceOf(piecesOf(data, pieceSizeBytes));
    await send(a, "b", source, sizeBytes);
    assert(source.released);
    const { from, header, ...rest } = received.pop()!;
    assertEquals({ from, header }, { from: "a", header: headerOf(sizeBytes) });
    assertEquals(rest, { sizeBytes, crc: crc32(data), error: undefined });
  }
  assertEquals(received, []);
});

Deno.test("pieces without bytes are passed over", async () => {
  await using nodes = await pair();
  const none = new Uint8Array(0);
  await send(nodes.a, "b", sourceOf([none, Uint8Array.of(7), none]), 1);
  assertEquals(nodes.received[0]?.crc, crc32(Uint8Array.of(7)));
});

Deno.test("what goes each way is counted, apart from messages", async () => {
  await using nodes = await pair();
  const { a, b } = nodes;
  await send(a, "b", sourceOf([dataOf(MIB)]), MIB);
  await quiet(b);
  const sent = a.peer("b")!;
  const got = b.peer("a")!;
  // Frames, a header and an end.
  assertGreater(sent.sentSnapshotBytes, MIB);
  assertLess(sent.sentSnapshotBytes, MIB + 1000);
  assertEquals(got.receivedSnapshotBytes, sent.sentSnapshotBytes);
  assertEquals([sent.receivedSnapshotBytes, got.sentSnapshotBytes], [0, 0]);
  assertLess(sent.sentBytes + got.receivedBytes, 1000);
  assertEquals([a.handler.lost, b.handler.lost], [[], []], "no connection for messages is lost");
  assertEquals([a.logger.warnLines, b.logger.warnLines], [[], []]);
});

Deno.test("counts stay for as long as a snapshot goes, though the connection for messages is lost", async () => {
  await using node = await startNode("a");
  using messages = await RawPeer.introduce(node);
  using snapshot = await RawPeer.introduce(node, { purpose: 2 });
  await snapshot.write(encodeHeader(headerOf(1e6)).subarray(0, 20));
  await until("it arrives", () => node.peer("x")?.receivedSnapshotBytes === 20);
  messages[Symbol.dispose]();
  await until("the loss is noticed", () => node.peer("x")?.incoming === false);
  assertEquals(node.peer("x")?.receivedSnapshotBytes, 20);
  snapshot[Symbol.dispose]();
  await until("it is forgotten", () => node.peer("x") === undefined);
});

Deno.test("snapshots can go both ways at the same time", async () => {
  await using nodes = await pair();
  const { a, b } = nodes;
  const other: Received[] = [];
  a.handler.takeSnapshot = receiver(other);
  const data = dataOf(5 * MIB);
  await Promise.all([
    send(a, "b", sourceOf([data]), data.length),
    send(b, "a", sourceOf([data]), data.length),
  ]);
  assertEquals([nodes.received[0]?.crc, other[0]?.crc], [crc32(data), crc32(data)]);
});

Deno.test("the receiver refuses with a reason, which the sender hears", async () => {
  await using nodes = await pair();
  const { a, b } = nodes;
  b.handler.takeSnapshot = () => Promise.reject(new Error("the term is over"));
  const source = sourceOf(zeros(MIB));
  const error = await assertRejects(() => send(a, "b", source, 1e12), TransportError);
  const address = b.transport.localAddress;
  assertEquals(
    error.message.replace(/after \d+/, "after N"),
    `the snapshot for b at ${address} ended after N of 1000000000000 bytes: refused: ` +
      "the term is over",
  );
  // It may be heard before the source is begun.
  assert(source.released || source.pulledBytes === 0);
  await quiet(b);
  assertEquals(b.logger.warnings("is not taken: the term is over").length, 1);
});

Deno.test("a receiver that has it already accepts it without reading it all", async () => {
  await using nodes = await pair();
  const { a, b } = nodes;
  b.handler.takeSnapshot = () => Promise.resolve();
  const whole = sourceOf(zeros(MIB));
  await send(a, "b", whole, 1e12);
  // It may be accepted before the source is begun.
  assert(whole.released || whole.pulledBytes === 0);

  b.handler.takeSnapshot = async (_from, _header, data) => {
    for await (const _ of data) break;
  };
  const begun = sourceOf(zeros(MIB));
  await send(a, "b", begun, 1e12);
  assert(begun.released);
  await quiet(b);
  assertEquals(b.logger.warnLines, []);
});

Deno.test("a receiver that throws in the middle ends the snapshot for both", async () => {
  await using nodes = await pair();
  const { a, b } = nodes;
  b.handler.takeSnapshot = async (_from, _header, data) => {
    let size = 0;
    for await (const chunk of data) {
      size += chunk.length;
      if (size > 5 * MIB) throw new Error("the disk is full");
    }
  };
  const source = sourceOf(zeros(MIB));
  await assertRejects(
    () => send(a, "b", source, 1e12),
    TransportError,
    "bytes: refused: the disk is full",
  );
  assert(source.released);
  await quiet(b);
});

Deno.test("data that is asked for after the verdict does not come", async () => {
  await using nodes = await pair();
  const { a, b } = nodes;
  let late: AsyncIterator<Uint8Array> | undefined;
  b.handler.takeSnapshot = async (_from, _header, data) => {
    late = data[Symbol.asyncIterator]();
    await late.next();
  };
  await send(a, "b", sourceOf(zeros(MIB)), 1e12);
  await assertRejects(
    () => late!.next(),
    TransportError,
    "broke off after 262144 of 1000000000000 bytes: its verdict is spoken",
  );
});

Deno.test("the sender reads its source only as fast as the receiver takes it", async () => {
  await using nodes = await pair();
  const { a, b } = nodes;
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let held = false;
  let size = 0;
  b.handler.takeSnapshot = async (_from, _header, data) => {
    for await (const chunk of data) {
      if (size === 0) {
        held = true;
        await go;
      }
      size += chunk.length;
    }
  };
  const source = sourceOf(piecesOf(new Uint8Array(64 * MIB), MIB));
  const sending = send(a, "b", source, 64 * MIB);
  await until("the receiver holds", () => held);
  let before = -1;
  await until("the sender waits", () => {
    const still = before === a.peer("b")!.sentSnapshotBytes;
    before = a.peer("b")!.sentSnapshotBytes;
    return still && before > 0;
  });
  // What TCP holds at both ends, and one piece.
  assertLess(source.pulledBytes, 32 * MIB);
  assertLess(b.peer("a")!.receivedSnapshotBytes, 300_000, "one frame is in memory");
  release();
  await sending;
  assertEquals(size, 64 * MIB);
});

Deno.test("the receiver may take long once it has all: keep-alives say that it is there", async () => {
  const hasty = { keepAliveIntervalMs: 5, keepAliveTimeoutMs: 10_000, snapshotIdleTimeoutMs: 50 };
  await using nodes = await pair(hasty);
  const { a, b } = nodes;
  let working = false;
  let waited = 0;
  b.handler.takeSnapshot = async (_from, _header, data) => {
    for await (const _ of data);
    working = true;
    const startMs = performance.now();
    await until("four times the timeout is over", () => {
      waited = performance.now() - startMs;
      return waited > 200;
    });
  };
  const sending = send(a, "b", sourceOf([dataOf(1000)]), 1000);
  await until("it works", () => working);
  await sending;
  assertGreater(waited, 200);
});

Deno.test("a slow source and a slow receiver are waited for as long as they get on", async () => {
  const hasty = { keepAliveIntervalMs: 5, keepAliveTimeoutMs: 10_000, snapshotIdleTimeoutMs: 100 };
  await using nodes = await pair(hasty);
  const { a, received } = nodes;
  const startMs = performance.now();
  async function* slow(): AsyncGenerator<Uint8Array> {
    for (let piece = 0; piece < 20; piece += 1) {
      const pieceMs = performance.now();
      await until("a moment is over", () => performance.now() - pieceMs > 15);
      yield new Uint8Array(10);
    }
  }
  await send(a, "b", slow(), 200);
  assertGreater(performance.now() - startMs, 300);
  assertEquals(received[0]?.sizeBytes, 200);

  nodes.b.handler.takeSnapshot = async (_from, _header, data) => {
    for await (const _ of data) {
      const pieceMs = performance.now();
      await until("a moment is over", () => performance.now() - pieceMs > 15);
    }
  };
  // Twenty frames: TCP holds all of them, so that the sender is done long before the receiver.
  await send(a, "b", sourceOf([new Uint8Array(20 * 256 * 1024)]), 20 * 256 * 1024);
  assertEquals(nodes.b.logger.warnLines, []);
});

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
