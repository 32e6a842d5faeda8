import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type Message, type ServerId, toTerm, type TransportHandler } from "@coracle/core";
import { MemoryNetwork, RELIABLE } from "./memory_network.ts";
import type { MemoryTransport } from "./memory_transport.ts";
import { Prng } from "./prng.ts";
import { testStoreId } from "./test_store_id.ts";
import { VirtualClock } from "./virtual_clock.ts";

function message(number: number): Message {
  return { type: "voteResult", term: toTerm(number), granted: false, storeId: testStoreId("n1") };
}

/** Remembers what arrives, as `from: terms` and `lost peer`. */
class Ear implements TransportHandler {
  readonly heard: string[] = [];

  receive(from: ServerId, messages: readonly Message[]): void {
    this.heard.push(
      `${from}: ${messages.map((one) => "term" in one ? one.term : one.type).join(" ")}`,
    );
  }

  receiveSnapshot(): Promise<void> {
    return Promise.reject(new Error("not wanted"));
  }

  disconnected(peer: ServerId): void {
    this.heard.push(`lost ${peer}`);
  }
}

function cluster(network: MemoryNetwork, ids: string[]): [MemoryTransport, Ear][] {
  return ids.map((id) => {
    const transport = network.transport(id);
    const ear = new Ear();
    transport.start(ear);
    transport.setPeers(
      ids.filter((one) => one !== id).map((one) => ({ id: one, address: one })),
    );
    return [transport, ear];
  });
}

type Trio = [[MemoryTransport, Ear], [MemoryTransport, Ear], [MemoryTransport, Ear]];

function pair(network: MemoryNetwork): {
  a: MemoryTransport;
  ofA: Ear;
  b: MemoryTransport;
  ofB: Ear;
} {
  const [one, other] = cluster(network, ["a", "b"]);
  const [a, ofA] = one!;
  const [b, ofB] = other!;
  return { a, ofA, b, ofB };
}

Deno.test("messages arrive later, in order, and together if they arrive at the same moment", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const { a, ofB: b } = pair(network);
  a.send("b", message(1));
  a.send("b", message(2));
  assertEquals(b.heard, []);
  await clock.advance(0.5);
  a.send("b", message(3));
  assertEquals(b.heard, []);
  await clock.advance(0.5);
  assertEquals(b.heard, ["a: 1 2"]);
  await clock.advance(1);
  assertEquals(b.heard, ["a: 1 2", "a: 3"]);
  assertStrictEquals(network.stats.delivered, 3);
});

Deno.test("an answer given while receiving is not re-entrant", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({
    clock,
    behaviour: { ...RELIABLE, latencyMinMs: 0, latencyMaxMs: 0 },
  });
  const a = network.transport("a");
  const b = network.transport("b");
  const order: string[] = [];
  const others = {
    receiveSnapshot: () => Promise.reject(new Error("not wanted")),
    disconnected: () => {},
  };
  a.start({ receive: () => order.push("a receives"), ...others });
  b.start({
    receive: (from) => {
      order.push("b begins");
      b.send(from, message(2));
      order.push("b ends");
    },
    ...others,
  });
  a.setPeers([{ id: "b", address: "b" }]);
  a.send("b", message(1));
  order.push("sent");
  await clock.advance(0);
  assertEquals(order, ["sent", "b begins", "b ends", "a receives"]);
});

Deno.test("random latency keeps the order of a link; holding up does not", async () => {
  const arrivals = async (reorderRate: number): Promise<number[]> => {
    const clock = new VirtualClock();
    const behaviour = { ...RELIABLE, latencyMaxMs: 20, reorderRate, holdUpMaxMs: 50 };
    const network = new MemoryNetwork({ clock, behaviour, random: new Prng(3) });
    const { a, ofB: b } = pair(network);
    for (let number = 1; number <= 50; number += 1) {
      a.send("b", message(number));
      await clock.advance(1);
    }
    await clock.advance(100);
    return b.heard.flatMap((line) => line.slice(3).split(" ").map(Number));
  };
  const all = Array.from({ length: 50 }, (_, at) => at + 1);
  assertEquals(await arrivals(0), all);
  const mixed = await arrivals(0.3);
  assert(mixed.some((number, at) => number !== at + 1), "nothing was overtaken");
  assertEquals(mixed.toSorted((x, y) => x - y), all);
});

Deno.test("messages are lost and repeated as often as is asked for, and counted", async () => {
  const clock = new VirtualClock();
  const behaviour = { ...RELIABLE, lossRate: 0.2, repeatRate: 0.1, holdUpMaxMs: 5 };
  const network = new MemoryNetwork({ clock, behaviour });
  const { a } = pair(network);
  for (let number = 0; number < 5000; number += 1) a.send("b", message(number));
  await clock.advance(100);
  const { sent, delivered, lost, repeated, unreachable } = network.stats;
  assertStrictEquals(sent, 5000);
  assert(lost > 850 && lost < 1150, `${lost} of 5000 lost`);
  assert(repeated > 300 && repeated < 500, `${repeated} of ${sent - lost} repeated`);
  assertStrictEquals(delivered + unreachable, sent - lost + repeated);
});

Deno.test("a cut is one-way, and takes what is on its way", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const { a, ofA, b, ofB } = pair(network);
  a.send("b", message(1));
  network.cut("a", "b");
  a.send("b", message(2));
  b.send("a", message(3));
  await clock.advance(2);
  network.mend("a", "b");
  a.send("b", message(4));
  await clock.advance(2);
  assertEquals([ofA.heard, ofB.heard], [["b: 3"], ["a: 4"]]);
  assertStrictEquals(network.stats.unreachable, 2);
});

Deno.test("a partition divides, also nodes that are not there yet, and heals", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const nodes = cluster(network, ["a", "b", "c"]);
  network.partition(["a", "b"], ["d"]);
  const d = network.transport("d");
  const ofD = new Ear();
  d.start(ofD);
  for (const [node] of nodes) {
    node.setPeers(["a", "b", "c", "d"].map((id) => ({ id, address: id })));
    for (const to of ["a", "b", "c", "d"]) if (to !== node.id) node.send(to, message(1));
  }
  await clock.advance(2);
  assertEquals(nodes.map(([, ear]) => ear.heard), [["b: 1"], ["a: 1"], []]);
  assertEquals(ofD.heard, []);
  network.heal();
  nodes[2]![0].send("d", message(2));
  await clock.advance(2);
  assertEquals(ofD.heard, ["c: 2"]);
});

Deno.test("a broken connection loses what is on its way, both hear of it, and the next message connects anew", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const { a, ofA, ofB } = pair(network);
  a.send("b", message(1));
  network.disconnect("a", "b");
  a.send("b", message(2));
  await clock.advance(2);
  assertEquals(ofA.heard, ["lost b"]);
  assertEquals(ofB.heard, ["lost a", "a: 2"]);
});

Deno.test("closing is noticed, losing power is not", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const [[a], [b], [c, ofC]] = cluster(network, ["a", "b", "c"]) as Trio;
  network.vanish("a");
  await b.close();
  a.send("c", message(1));
  c.send("a", message(2));
  await clock.advance(2);
  assertEquals(ofC.heard, ["lost b"]);
  assertStrictEquals(network.stats.unreachable, 1);
});

Deno.test("a node is reached where it listens; one that introduced itself can be answered", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const [leader, joiner] = [
    network.transport("leader", "here"),
    network.transport("joiner", "there"),
  ];
  const [ofLeader, ofJoiner] = [new Ear(), new Ear()];
  leader.start(ofLeader);
  joiner.start(ofJoiner);
  joiner.send("leader", message(1));
  leader.setPeers([{ id: "joiner", address: "there" }, { id: "other", address: "there" }]);
  leader.send("other", message(2));
  leader.send("joiner", message(3));
  await clock.advance(2);
  joiner.send("leader", message(4));
  await clock.advance(2);
  assertEquals(ofLeader.heard, ["joiner: 4"]);
  assertEquals(ofJoiner.heard, ["leader: 3"]);
  assertThrows(
    () => network.transport("third", "here"),
    Error,
    "another transport listens on here",
  );
});

Deno.test("who is sought at an earlier address is found once that leads on", () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const a = network.transport("a");
  a.start(new Ear());
  a.setPeers([{ id: "b", address: "b" }]);
  const ear = new Ear();
  const b = network.transport("b", "b/1");
  b.start(ear);
  a.send("b", message(1));
  clock.runUntil(5);
  network.redirect("b", "b/1");
  a.send("b", message(2));
  clock.runUntil(10);
  assertEquals(ear.heard, ["a: 2"]);
});
