/**
 * Snapshots from and for peers that do what no node would, and peers that fall silent.
 *
 * @module
 */
import { TransportError } from "@coracle/core";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { joined } from "@coracle/testing";
import fc from "fast-check";
import { KEEP_ALIVE_FRAME } from "./frame.ts";
import { decodeVerdict, encodeEnd, encodeHeader, type Verdict } from "./snapshot_codec.ts";
import { frameOf } from "./_testing/frames.ts";
import { RawPeer } from "./_testing/raw_peers.ts";
import { headerOf, type Received, receiver } from "./_testing/snapshots.ts";
import { connect, type Node, numbered, startNode, until } from "./_testing/support.ts";
import { announce, CRC, DATA, dataFrame, HEADER, WHOLE } from "./_testing/snapshot_bytes.ts";

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
      joined([dataFrame(DATA), longer]),
      "broke off after 1001 of 1000 bytes: there is more than the header says",
      true,
    ],
    [
      joined([dataFrame(DATA.subarray(1)), encodeEnd(1000, CRC)]),
      "its end comes after 999 bytes and says 1000",
      true,
    ],
    [
      joined([dataFrame(DATA), encodeEnd(999, CRC)]),
      `${brokenOff}its end comes after 1000 bytes and says 999`,
      true,
    ],
    [
      joined([dataFrame(DATA), encodeEnd(1000, 1)]),
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
  const frames = joined([
    HEADER,
    dataFrame(DATA.subarray(0, 20)),
    dataFrame(DATA.subarray(20, 30)),
  ]);
  const whole = joined([frames, encodeEnd(1000, CRC)]);
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
