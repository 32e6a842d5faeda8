/**
 * The suite for transports passes the network in memory, not what is handed over too early, and asks of nobody what cannot be had.
 *
 * @module
 */
import type { Message, ServerId } from "@coracle/core";
import { assertEquals, assertRejects } from "@std/assert";
import type { Station as MemoryTransport } from "../memory_transport.ts";
import { transportConformance, type TransportConformanceOptions } from "./transport.ts";
import { MEMORY, type Network, run, Wrong } from "./_testing/wrong_transports.ts";

for (const { name, run } of transportConformance(MEMORY)) {
  Deno.test(`transport conformance, in memory: ${name}`, run);
}

Deno.test("transport conformance finds what is handed over while send is being called", async () => {
  const nodes = new Map<ServerId, Wrong>();
  const eager = (transport: MemoryTransport) => {
    const wrong = new class extends Wrong {
      override send(to: ServerId, message: Message): void {
        nodes.get(to)?.receive(transport.id, [message]);
      }
    }(transport);
    nodes.set(transport.id, wrong);
    return wrong;
  };
  const message = "was handed 1 messages from b while send was being called";
  await assertRejects(() => run("messages get to where a node listens", eager), Error, message);
});

Deno.test("what an author of a transport does not say how to bring about is not checked, nor connections where there are none", () => {
  const names = (options: Partial<TransportConformanceOptions<Network>>) =>
    transportConformance({ ...MEMORY, outboxSizeMaxBytes: 1, ...options }).map(({ name }) => name);
  const all = names({});
  const without = (options: Partial<TransportConformanceOptions<Network>>) => {
    const some = names(options);
    return all.filter((name) => !some.includes(name));
  };
  const { disconnect: _, ...whole } = MEMORY;
  assertEquals(transportConformance(whole).length, all.length - 3);
  assertEquals(without({ isConnectionless: true }), [
    "on a connection that holds messages keep their order, and each comes once",
    "peers that stay where they are keep their connections when the others change",
    "both ends of a connection that closes: one hears of it, the one that closes does not",
    "both ends hear that their connection is lost, and connect again",
  ]);
});
