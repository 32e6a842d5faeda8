/**
 * Snapshots on a network in memory: at the receiver's pace, and what both ends meet when something breaks.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type SnapshotHeader, toIndex, toTerm, TransportError } from "@coracle/core";
import { MemoryNetwork, RELIABLE } from "./memory_network.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

const HEADER: SnapshotHeader = {
  term: toTerm(3),
  sizeBytes: 40,
  lastIncludedIndex: toIndex(9),
  lastIncludedTerm: toTerm(2),
  configuration: { index: toIndex(1), configuration: { servers: [] } },
};

type Receive = (
  from: string,
  header: SnapshotHeader,
  data: AsyncIterable<Uint8Array>,
) => Promise<void>;

/** Nodes `a`, which sends, and `b`, which does `receive`; and pieces of 10 bytes of which it is known how many were taken. */
function create(receive: Receive, pieces = 4) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const [a, b] = [network.transport("a"), network.transport("b")];
  const ignored = { receive: () => {}, disconnected: () => {} };
  a.start({ ...ignored, receiveSnapshot: () => Promise.reject(new Error("not wanted")) });
  b.start({ ...ignored, receiveSnapshot: receive });
  a.setPeers([{ id: "b", address: "b" }, { id: "c", address: "c" }]);
  const sender = { taken: 0, isReleased: false };
  async function* data(): AsyncGenerator<Uint8Array> {
    try {
      for (; sender.taken < pieces; sender.taken += 1) {
        await Promise.resolve();
        yield new Uint8Array(10);
      }
    } finally {
      sender.isReleased = true;
    }
  }
  const controller = new AbortController();
  const send = (to = "b") => {
    const sent = a.sendSnapshot(to, HEADER, data(), controller.signal);
    sent.catch(() => {});
    return sent;
  };
  return { clock, network, a, b, sender, controller, send };
}

/** A receiver that reads to the end, and records the sizes and how it ended. */
function reader() {
  const seen: (number | string)[] = [];
  const receive: Receive = async (from, header, data) => {
    seen.push(`${from} ${header.lastIncludedIndex}`);
    try {
      for await (const chunk of data) seen.push(chunk.length);
      seen.push("end");
    } catch (error) {
      seen.push((error as Error).message);
      throw error;
    }
  };
  return { seen, receive };
}

Deno.test("a snapshot arrives piece by piece, and the sender hears that it was taken", async () => {
  const { seen, receive } = reader();
  const { clock, network, send, sender } = create(receive);
  network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 1 };
  const sent = send();
  await clock.advance(0);
  assertEquals(network.snapshots, [["a", "b"]]);
  await clock.advance(12);
  assertEquals(seen, ["a 9", 10]);
  await clock.waitFor("all is taken", 100, () => network.snapshots.length === 0);
  await sent;
  assertEquals(seen, ["a 9", 10, 10, 10, 10, "end"]);
  // A millisecond there, four times eleven, and one back.
  assertEquals([clock.now(), sender.isReleased], [46, true]);
});

Deno.test("what the receiver does not read is not sent", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, send, sender } = create(async (_, __, data) => {
    for await (const chunk of data) {
      void chunk;
      await gate.promise;
    }
  });
  const sent = send();
  await clock.advance(1000);
  assertEquals(sender.taken, 0, "the second piece is not even asked for");
  gate.resolve();
  await clock.advance(10);
  await sent;
});

Deno.test("a refusal reaches the sender with its reason, and lets go of the data", async () => {
  const { clock, send, sender } = create(() => Promise.reject(new Error("no room")));
  const refused = assertRejects(() => send(), TransportError, "b refused the snapshot: no room");
  await clock.advance(5);
  await refused;
  assertEquals(clock.nextTimerAtMs, Infinity);
  assertEquals(sender.taken, 0);
});

Deno.test("a receiver that has enough before the end has taken it", async () => {
  const { clock, send, sender } = create(async (_, __, data) => {
    for await (const chunk of data) {
      void chunk;
      break;
    }
  });
  const sent = send();
  await clock.advance(5);
  await sent;
  assertEquals([sender.taken, sender.isReleased], [0, true]);
});

for (
  const [how, breaks, message] of [
    ["the connection breaks", ({ network }) => network.breakSnapshots(), "the connection is lost"],
    ["the sender stops", ({ controller }) => controller.abort(), "the sender has stopped"],
    ["the receiver loses power", ({ network }) => network.vanish("b"), "the connection is lost"],
    ["the receiver closes", ({ b }) => void b.close(), "the connection is lost"],
    ["the sender closes", ({ a }) => void a.close(), "the connection is lost"],
    ["the way there is cut", ({ network }) => network.cut("a", "b"), "no progress"],
    ["the way back is cut", ({ network }) => network.cut("b", "a"), "no progress"],
  ] as [string, (made: ReturnType<typeof create>) => void, string][]
) {
  Deno.test(`both ends hear of it when ${how} in the middle`, async () => {
    const { seen, receive } = reader();
    const made = create(receive);
    const { clock, network, send, sender } = made;
    network.behaviour = { ...RELIABLE, snapshotBytesPerMs: 1 };
    const failed = assertRejects(() => send(), TransportError, message);
    await clock.advance(15);
    assertEquals(seen, ["a 9", 10]);
    breaks(made);
    await clock.advance(2000);
    await failed;
    assert(String(seen.at(-1)).includes(message), String(seen));
    assertEquals([sender.isReleased, clock.nextTimerAtMs], [true, Infinity]);
    assertEquals(network.snapshots, []);
  });
}

Deno.test("a short cut only takes time", async () => {
  const { seen, receive } = reader();
  const { clock, network, send } = create(receive);
  network.cut("a", "b");
  const sent = send();
  await clock.advance(500);
  network.heal();
  await clock.advance(1000);
  await sent;
  assertEquals(seen.at(-1), "end");
});

Deno.test("an error of the sender's data ends both ends with it", async () => {
  const { seen, receive } = reader();
  const { clock, network, a } = create(receive);
  async function* data(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
    await Promise.resolve();
    throw new Error("damaged on the sender's disk");
  }
  const { signal } = new AbortController();
  const message = "the source failed: damaged on the sender's disk";
  const failed = assertRejects(
    () => a.sendSnapshot("b", HEADER, data(), signal),
    TransportError,
    message,
  );
  await clock.advance(10);
  await failed;
  await settle();
  assertEquals([seen.at(-1), network.snapshots.length], [message, 0]);
});

Deno.test("data that are shorter or longer than was said are whole for nobody", async () => {
  for (const [pieces, problem] of [[3, "the source has no more"], [5, "the source has more"]]) {
    const { seen, receive } = reader();
    const { clock, send } = create(receive, pieces as number);
    const failed = assertRejects(() => send(), TransportError, problem as string);
    await clock.advance(20);
    await failed;
    await settle();
    assertEquals(seen.at(-1), problem);
  }
});

Deno.test("a network that is closed leaves nothing behind", async () => {
  const { seen, receive } = reader();
  const { clock, network, a, send } = create(receive);
  const failed = assertRejects(() => send(), TransportError, "the network is closed");
  await clock.advance(2);
  a.send("b", { type: "readIndex", id: 1 });
  network.close();
  await failed;
  await settle();
  assertEquals([seen.at(-1), clock.nextTimerAtMs], ["the network is closed", Infinity]);
});

Deno.test("nobody there, an address that nobody knows, and a transport that is closed", async () => {
  const { clock, a, send } = create(() => Promise.resolve());
  const nobody = assertRejects(() => send("c"), TransportError, "nobody listens on c");
  await clock.advance(5);
  await nobody;
  await assertRejects(() => send("d"), TransportError, "nobody knows where d listens");
  await a.close();
  await assertRejects(() => send("b"), TransportError, "the transport is closed");
});
