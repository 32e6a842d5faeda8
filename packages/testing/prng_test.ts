import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Prng } from "./prng.ts";

Deno.test("the same seed gives the same numbers, another seed others", () => {
  const draw = (seed: number): number[] => {
    const random = new Prng(seed);
    return Array.from({ length: 8 }, () => random.uint32());
  };
  assertEquals(draw(7), draw(7));
  const firsts = new Set<number>();
  for (let bit = 0; bit < 53; bit += 1) firsts.add(draw(2 ** bit)[0]!);
  assertEquals(firsts.size, 53, "every bit of the seed counts");
});

Deno.test("numbers are spread evenly over their range", () => {
  const random = new Prng(1);
  const counts = Array.from({ length: 6 }, () => 0);
  for (let at = 0; at < 60_000; at += 1) counts[random.int(0, 5)]! += 1;
  for (const count of counts) assert(Math.abs(count - 10_000) < 500, counts.join(" "));
  let hits = 0;
  for (let at = 0; at < 10_000; at += 1) if (random.chance(0.25)) hits += 1;
  assert(Math.abs(hits - 2500) < 200, `${hits}`);
  for (let at = 0; at < 1000; at += 1) {
    const value = random.between(-3, 4);
    assert(value >= -3 && value < 4);
  }
});

Deno.test("shuffling keeps the values and changes their order", () => {
  const random = new Prng(1);
  const values = Array.from({ length: 50 }, (_, at) => at);
  const shuffled = random.shuffle([...values]);
  assertNotEquals(shuffled, values);
  assertEquals(shuffled.toSorted((a, b) => a - b), values);
  assertThrows(() => random.pick([]), RangeError);
});
