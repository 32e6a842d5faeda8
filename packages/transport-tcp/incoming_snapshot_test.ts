/**
 * A snapshot that comes in, on streams where the test decides how far reads and writes get.
 *
 * @module
 */
import { TransportError } from "@coracle/core";
import { assert, assertEquals, assertFalse } from "@std/assert";
import { joined } from "@coracle/testing";
import { KEEP_ALIVE_FRAME } from "./frame.ts";
import { encodeHello } from "./handshake.ts";
import { IncomingConnection } from "./incoming.ts";
import { IncomingSnapshot } from "./incoming_snapshot.ts";
import { decodeVerdict, encodeEnd, type Verdict } from "./snapshot_codec.ts";
import { PeerCounters } from "./stats.ts";
import { type MemoryStream, memoryStreams } from "./_testing/memory_streams.ts";
import { type Received, receiver } from "./_testing/snapshots.ts";
import { type TakeSnapshot, turn, until } from "./_testing/support.ts";
import { CRC, DATA, dataFrame, HEADER, WHOLE } from "./_testing/snapshot_bytes.ts";
import { CONFIG, identity } from "./_testing/identities.ts";

/** An incoming snapshot of which the header has arrived, and the stream of the other side. */
async function incoming(take: TakeSnapshot) {
  const [here, there] = memoryStreams();
  let begun = false;
  const connection = new IncomingConnection(here, {
    identity: identity("a"),
    config: CONFIG,
    accepted: (_, { from }, stream) =>
      new IncomingSnapshot(stream, {
        from,
        config: CONFIG,
        counters: new PeerCounters(),
        receive(header, data) {
          begun = true;
          return take(from, header, data);
        },
      }),
  });
  const ending = connection.run();
  const { clusterId, address: fromAddress } = identity("b");
  const to = "a";
  await there.write(
    encodeHello({
      purpose: 2,
      incarnation: 1,
      clusterId,
      from: "b",
      fromAddress,
      to,
      clientAddress: "",
    }),
  );
  await there.write(HEADER);
  await until("it has begun", () => begun);
  await there.read(new Uint8Array(1000));
  return { connection, ending, here, there };
}

/** The next frame on `stream`: `undefined` for a keep-alive, or else a verdict. */
async function heard(stream: MemoryStream): Promise<Verdict | undefined> {
  const head = new Uint8Array(8);
  assertEquals(await stream.read(head), 8);
  const length = new DataView(head.buffer).getUint32(0);
  if (length === 0) return undefined;
  const body = new Uint8Array(length);
  assertEquals(await stream.read(body), length);
  return decodeVerdict(body);
}

Deno.test("a receiver whose peer falls silent hears of it, and so does the peer", async () => {
  const received: Received[] = [];
  const { connection, ending, there } = await incoming(receiver(received));
  await there.write(dataFrame(DATA.subarray(0, 100)));
  await until("it arrives", () => received[0]?.sizeBytes === 100);
  connection.tick();
  assertEquals(await heard(there), undefined, "there was progress");
  for (let tick = 0; tick < 3; tick += 1) connection.tick();
  assertEquals(await heard(there), { type: "refused", reason: "nothing arrived for 2000 ms" });
  await ending;
  await until("the node hears of it", () => received[0]?.error);
  assertEquals(
    received[0]?.error?.message,
    "the snapshot from b broke off after 100 of 1000 bytes: nothing arrived for 2000 ms",
  );
});

Deno.test("bytes that trickle in are progress", async () => {
  const received: Received[] = [];
  const { connection, ending, there } = await incoming(receiver(received));
  for (const byte of dataFrame(DATA.subarray(0, 20))) {
    await there.write(Uint8Array.of(byte));
    await turn();
    connection.tick();
  }
  await until("all arrive", () => received[0]?.sizeBytes === 20);
  connection.close("enough");
  await ending;
  await until("the node hears of it", () => received[0]?.error);
});

Deno.test("a node that asks for one small piece after the other gets on, though nothing arrives", async () => {
  let size = 0;
  let goOn = () => {};
  const { connection, ending, there } = await incoming(async (_from, _header, data) => {
    for await (const chunk of data) {
      size += chunk.length;
      await new Promise<void>((resolve) => goOn = resolve);
    }
  });
  const pieces = Array.from({ length: 20 }, (_, at) => dataFrame(DATA.subarray(at, at + 1)));
  await there.write(joined(pieces));
  for (let piece = 1; piece <= 20; piece += 1) {
    await until("a piece is taken", () => size === piece);
    connection.tick();
    connection.tick();
    assertEquals(await heard(there), undefined);
    goOn();
  }
  connection.close("enough");
  await ending;
});

Deno.test("a receiver that asks for no more is given up, and hears so when it asks", async () => {
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let held = false;
  let failure: unknown;
  const { connection, ending, there } = await incoming(async (_from, _header, data) => {
    try {
      for await (const _ of data) {
        held = true;
        await go;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  });
  // More than is read at once: the rest must not be lost on the way to the verdict.
  await there.write(dataFrame(DATA));
  await there.write(encodeEnd(1000, CRC));
  await until("the receiver holds", () => held);
  connection.tick();
  assertEquals(await heard(there), undefined);
  for (let tick = 0; tick < 3; tick += 1) connection.tick();
  const reason = "the node asked for no more for 2000 ms";
  assertEquals(await heard(there), { type: "refused", reason });
  let ended = false;
  const done = ending.then(() => ended = true);
  await turn();
  assertFalse(ended, "closed with data unread, the verdict might be lost");
  there.close();
  await done;
  release();
  await until("the receiver hears of it", () => failure);
  assert(failure instanceof TransportError && failure.message.endsWith(`bytes: ${reason}`));
});

Deno.test("a receiver that has all may work for as long as it likes, with a sign of life at each tick", async () => {
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let working = false;
  const { connection, ending, there } = await incoming(async (_from, _header, data) => {
    for await (const _ of data);
    working = true;
    await go;
  });
  await there.write(WHOLE.subarray(HEADER.length));
  await until("it has all", () => working);
  for (let tick = 0; tick < 20; tick += 1) {
    connection.tick();
    assertEquals(await heard(there), undefined);
    // For the write to end: a peer that does not read gets one keep-alive at a time.
    await turn();
  }
  release();
  assertEquals(await heard(there), { type: "accepted" });
  there.close();
  assertEquals(await ending, { established: true, reason: "accepted" });
});

Deno.test("a verdict does not get into a keep-alive", async () => {
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  const { connection, ending, here, there } = await incoming(() => go);
  here.allowBytes(3);
  connection.tick();
  release();
  await turn();
  here.allowBytes(Infinity);
  const bytes = new Uint8Array(8);
  let count = 0;
  while (count < 8) count += (await there.read(bytes.subarray(count)))!;
  assertEquals(bytes, KEEP_ALIVE_FRAME);
  assertEquals(await heard(there), { type: "accepted" });
  there.close();
  await ending;
});

Deno.test("a node that takes broken data for whole is not believed", async () => {
  let failure: unknown;
  const { ending, there } = await incoming(async (_from, _header, data) => {
    try {
      for await (const _ of data);
    } catch (error) {
      failure = error;
    }
  });
  await there.write(encodeEnd(1000, CRC));
  const verdict = await heard(there);
  assert(verdict?.type === "refused" && failure instanceof TransportError);
  assertEquals(verdict.reason, failure.message);
  there.close();
  await ending;
});

Deno.test("a receiver that never asks at all is given up", async () => {
  const { connection, ending, there } = await incoming(() => new Promise(() => {}));
  for (let tick = 0; tick < 4; tick += 1) connection.tick();
  assertEquals(await heard(there), undefined);
  const reason = "the node asked for no more for 2000 ms";
  assertEquals(await heard(there), { type: "refused", reason });
  there.close();
  await ending;
});
