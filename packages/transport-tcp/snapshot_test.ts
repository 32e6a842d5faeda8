/**
 * A snapshot's way from one node to another.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { TransportError } from "@coracle/core";
import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { encodeHeader } from "./snapshot_codec.ts";
import { RawPeer } from "./_testing/raw_peers.ts";
import {
  dataOf,
  headerOf,
  piecesOf,
  type Received,
  receiver,
  sourceOf,
} from "./_testing/snapshots.ts";
import { startNode, until } from "./_testing/support.ts";
import { MIB, pair, quiet, send, zeros } from "./_testing/snapshot_pairs.ts";

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
