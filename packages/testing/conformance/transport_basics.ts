/**
 * How a transport carries messages, and what it tells its node.
 *
 * @module
 */
import { type Message, TransportError } from "@coracle/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { TransportBench } from "./transport_bench.ts";
import { ALL_MESSAGES, appendOf, numbered, plain } from "./transport_messages.ts";
import { headerOf, NEVER, sourceOf } from "./transport_snapshots.ts";

/** A check's name, and what it does on a new network. */
export type TransportCheck = readonly [
  name: string,
  work: (bench: TransportBench) => Promise<void>,
];

/** For all transports. */
export const MESSAGE_CHECKS: readonly TransportCheck[] = [
  ["messages get to where a node listens, with the name of who has sent them", async (bench) => {
    const [a, b] = await bench.pair();
    const c = await bench.start("c");
    c.transport.setPeers([a.peer, b.peer]);
    await bench.greet(c, b);
    assertEquals([...b.greeted].sort(), ["a", "c"]);
    assertEquals([...a.greeted], ["b"]);
  }],

  ["messages of every type arrive as they were sent", async (bench) => {
    const [a, b] = await bench.pair();
    const all: { readonly received: Message; readonly message: Message }[] = [];
    for (const message of ALL_MESSAGES) {
      b.received.length = 0;
      a.send("b", message);
      const again = setInterval(() => a.send("b", message), 200);
      try {
        const arrived = () => b.received.length > 0;
        await bench.until(`a message of type ${message.type} arrives`, arrived);
      } finally {
        clearInterval(again);
      }
      for (const { from, message: received } of b.received) {
        assertEquals([from, plain(received)], ["a", plain(message)]);
        all.push({ received, message });
      }
    }
    // Entries are written to the disk later, while others arrive.
    for (const { received, message } of all) {
      assertEquals(plain(received), plain(message), "what was received has changed");
    }
  }],

  [
    "a node that is not among the peers is answered where it said that it listens",
    async (bench) => {
      const a = await bench.start("a");
      const b = await bench.start("b");
      a.transport.setPeers([b.peer]);
      await bench.greet(a, b);
      await bench.greet(b, a);
    },
  ],

  [
    "a message to who is not known or not there is dropped, and keeps nobody else waiting",
    async (bench) => {
      const [a, b] = await bench.pair();
      const gone = await bench.start("gone");
      await gone.transport.close();
      a.transport.setPeers([b.peer, gone.peer]);
      for (let number = 0; number < 100; number += 1) {
        a.send("gone", appendOf(1, 100_000));
        a.send("nobody", numbered(number));
      }
      await bench.greet(a, b);
      await bench.greet(b, a);
      assertEquals([a.received, b.received], [[], []]);
    },
  ],

  ["a peer that has moved is reached where it listens now", async (bench) => {
    const [a, b] = await bench.pair();
    const moved = await bench.start("b");
    moved.transport.setPeers([a.peer]);
    a.transport.setPeers([moved.peer]);
    await bench.greet(a, moved);
    a.send("b", numbered(1));
    await bench.greet(a, moved);
    assertEquals(b.numbers("a"), [], "what came to where it was");
  }],

  [
    "close may be called again; nothing is heard after it, and what is asked is dropped or refused",
    async (bench) => {
      const [a, b] = await bench.pair();
      const c = await bench.start("c");
      c.transport.setPeers([a.peer, b.peer]);
      await bench.greet(c, a);
      await bench.greet(c, b);
      b.send("a", numbered(1));
      const closed = a.transport.close();
      const heard = [a.received.length, a.lost.length];
      // These are on their way when it closes, or come later.
      for (let number = 2; number < 50; number += 1) {
        b.send("a", numbered(number));
        c.send("a", numbered(number));
      }
      await bench.within("close resolves", Promise.all([closed, a.transport.close()]));
      await a.transport.close();
      a.transport.setPeers([b.peer, c.peer]);
      a.send("b", numbered(99));
      const late = a.transport.sendSnapshot("b", headerOf(1), sourceOf([new Uint8Array(1)]), NEVER);
      await assertRejects(() => late, TransportError, "", "a snapshot after close");
      await bench.greet(c, b);
      await bench.greet(b, c);
      assertEquals([a.received.length, a.lost.length], heard, "what the closed one was told");
      assertEquals(b.numbers("a"), [], "what the closed one has sent");
    },
  ],

  ["where a closed one listened, another one can at once", async (bench) => {
    const [a, b] = await bench.pair();
    for (let round = 0; round < 3; round += 1) {
      const before = round === 0 ? b : await bench.start("b", b.peer.address);
      await bench.greet(a, before);
      await before.transport.close();
    }
    const last = await bench.start("b", b.peer.address);
    assertEquals(last.peer.address, b.peer.address);
    last.transport.setPeers([a.peer]);
    await bench.greet(last, a);
    await bench.greet(a, last);
  }],
];

/** For transports with connections. */
export const CONNECTION_CHECKS: readonly TransportCheck[] = [
  ["on a connection that holds messages keep their order, and each comes once", async (bench) => {
    const [a, b] = await bench.pair();
    const count = 2000;
    // Some in one turn, some in the next ones.
    for (let number = 0; number < count; number += 1) {
      a.send("b", number % 3 === 0 ? numbered(number) : appendOf(number, number % 100));
      b.send("a", numbered(number));
      if (number % 200 === 199) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await bench.until("all arrive", () => {
      return b.received.length >= count && a.received.length >= count;
    });
    await bench.greet(a, b);
    const expected = Array.from({ length: count }, (_, number) => number);
    const numbers = b.received.map(({ message }) =>
      message.type === "append" ? message.prevLogIndex + 1 : (message as { id: number }).id
    );
    assertEquals(numbers, expected);
    assertEquals(a.numbers("b"), expected);
  }],

  [
    "peers that stay where they are keep their connections when the others change",
    async (bench) => {
      const [a, b] = await bench.pair();
      const c = await bench.start("c");
      for (const peers of [[b.peer], [b.peer, c.peer], [c.peer, b.peer], [b.peer]]) {
        a.transport.setPeers(peers);
        await bench.greet(a, b);
        await bench.greet(b, a);
      }
      assertEquals([a.lost, b.lost], [[], []], "connections that were lost");
    },
  ],

  [
    "both ends of a connection that closes: one hears of it, the one that closes does not",
    async (bench) => {
      const [a, b] = await bench.pair();
      const { peer } = b;
      await b.transport.close();
      await bench.until("a hears that b is gone", () => a.lost.includes("b"));
      assertEquals(b.lost, [], "what the one that closed was told");
      const again = await bench.start("b", peer.address);
      again.transport.setPeers([a.peer]);
      await bench.greet(a, again);
      await bench.greet(again, a);
    },
  ],
];

/** Needs `disconnect`. */
export const DISCONNECT_CHECKS: readonly TransportCheck[] = [
  ["both ends hear that their connection is lost, and connect again", async (bench) => {
    const [a, b] = await bench.pair();
    for (let round = 0; round < 3; round += 1) {
      a.lost.length = b.lost.length = 0;
      await bench.disconnect(a, b);
      await bench.until("both hear of it", () => a.lost.includes("b") && b.lost.includes("a"));
      await bench.greet(a, b);
      await bench.greet(b, a);
    }
  }],
];

/** Needs `outboxSizeMaxBytes`. */
export const OUTBOX_CHECKS: readonly TransportCheck[] = [
  ["what does not fit into the outbox is dropped, and the rest arrives", async (bench) => {
    const { outboxSizeMaxBytes } = bench;
    const sizeBytes = Math.max(100, Math.ceil(outboxSizeMaxBytes / 16));
    const [a, b] = await bench.pair();
    for (let index = 1; index <= 64; index += 1) a.send("b", appendOf(index, sizeBytes));
    await bench.greet(a, b);
    const arrivedBytes = b.received.length * sizeBytes;
    assert(b.received.length > 0, "nothing of what fitted arrived");
    // One may be under way, and one more may go over the limit.
    assert(
      arrivedBytes <= outboxSizeMaxBytes + 2 * sizeBytes,
      `of ${64 * sizeBytes} bytes that were sent in one turn ${arrivedBytes} arrived; ` +
        `at most ${outboxSizeMaxBytes} may wait`,
    );
  }],
];
