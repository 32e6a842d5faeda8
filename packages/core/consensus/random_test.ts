import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Random } from "./random.ts";

function draw(seed: number, count: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.next());
}

Deno.test("the same seed gives the same numbers, its neighbour others", () => {
  assertEquals(draw(7, 20), draw(7, 20));
  assertNotEquals(draw(7, 20), draw(8, 20));
  assertEquals(draw(7, 3), draw(7 + 2 ** 32, 3), "only the low 32 bits count");
});

Deno.test("numbers lie in their range and are spread over it", () => {
  const counts = Array.from({ length: 10 }, () => 0);
  for (const value of draw(1, 10_000)) {
    assert(value >= 0 && value < 1);
    counts[Math.floor(value * 10)]! += 1;
  }
  for (const count of counts) assert(Math.abs(count - 1000) < 150, counts.join(" "));
  const random = new Random(3);
  for (let at = 0; at < 1000; at += 1) {
    const value = random.between(150, 300);
    assert(value >= 150 && value < 300, `${value}`);
  }
});

Deno.test("nodes with neighbouring seeds do not draw the same timeouts", () => {
  const firsts = Array.from({ length: 100 }, (_, seed) => Math.round(draw(seed, 1)[0]! * 1000));
  assert(new Set(firsts).size > 85, `${new Set(firsts).size} of 100 differ`);
});
