/**
 * What of a network that is cut comes through.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { type Stream, tcpStreamLayer } from "@coracle/transport-tcp";
import { Partition } from "./partition.ts";

const { signal } = new AbortController();

/** Whether a byte gets from `a` to `b`. */
async function passes(a: Stream, b: Stream): Promise<boolean> {
  try {
    await a.write(Uint8Array.of(1));
    return await b.read(new Uint8Array(1)) === 1;
  } catch {
    return false;
  }
}

Deno.test("a node that is cut off loses its connections, and neither makes nor takes any until it is let back", async () => {
  const partition = new Partition(tcpStreamLayer);
  const listener = await partition.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const from = await tcpStreamLayer.dial(listener.address, signal);
  const to = await accepting;
  assertEquals(await passes(from, to), true);

  partition.cutOff();
  assertEquals(await passes(from, to), false);
  await assertRejects(() => partition.dial(listener.address, signal), Error, "cut off");
  const later = listener.accept();
  const refused = await tcpStreamLayer.dial(listener.address, signal);
  assertEquals(await refused.read(new Uint8Array(1)).catch(() => null), null);

  partition.heal();
  const back = await partition.dial(listener.address, signal);
  assertEquals(await passes(back, await later), true);
  for (const stream of [from, to, refused, back, await later]) stream.close();
  listener.close();
});
