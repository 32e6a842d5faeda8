import { assertEquals } from "@std/assert";
import { Prng } from "../prng.ts";
import { shrink } from "./shrink.ts";

const NUMBERS = Array.from({ length: 200 }, (_, at) => at);

Deno.test("only what is needed to fail is left", async () => {
  const random = new Prng(5);
  for (let round = 0; round < 50; round += 1) {
    const needed = random.shuffle([...NUMBERS]).slice(0, random.int(0, 6)).sort((a, b) => a - b);
    const found = await shrink(
      NUMBERS,
      (items) => Promise.resolve(needed.every((one) => items.includes(one))),
    );
    assertEquals(found, needed);
  }
});

Deno.test("what becomes unnecessary later is taken out too", async () => {
  // 7 is needed as long as 150 is there.
  const fails = (items: readonly number[]) =>
    Promise.resolve(items.includes(3) && (!items.includes(150) || items.includes(7)));
  assertEquals(await shrink(NUMBERS, fails), [3]);
});

Deno.test("a search that is ended gives the shortest list so far", async () => {
  let tries = 0;
  const found = await shrink(
    NUMBERS,
    (items) => Promise.resolve((tries += 1) <= 3 && items.includes(199)),
    () => tries >= 3,
  );
  assertEquals(found.length < 200 && found.includes(199), true);
});
