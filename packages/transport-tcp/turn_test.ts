import { assertLess } from "@std/assert";
import { takeTurns } from "./turn.ts";

Deno.test("connections are served while somebody works without end", async () => {
  const rounds = 20;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const here = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const there = await listener.accept();
  let left = rounds;
  const echo = (async () => {
    const bytes = new Uint8Array(1);
    while (await there.read(bytes) !== null) await there.write(bytes);
  })();
  const ask = (async () => {
    for (; left > 0; left -= 1) {
      await here.write(new Uint8Array(1));
      await here.read(new Uint8Array(1));
    }
    here.close();
  })();
  let pieces = 0;
  while (left > 0) {
    const startMs = performance.now();
    while (performance.now() - startMs < 1);
    pieces += 1;
    await takeTurns();
  }
  await Promise.all([echo, ask]);
  there.close();
  listener.close();
  // A round takes two steps, and five pieces of work at most come before each. With `setImmediate` there are 60.
  assertLess(pieces, rounds * 20, `${pieces} pieces of work for ${rounds} rounds`);
});
