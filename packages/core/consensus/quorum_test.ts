import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { quorumSize, reachedByQuorum } from "./quorum.ts";

Deno.test("a majority is more than half (B58)", () => {
  assertEquals([1, 2, 3, 4, 5, 6, 7].map(quorumSize), [1, 2, 2, 3, 3, 4, 4]);
});

Deno.test("two majorities have a member in common, and a majority can do without the rest (B58)", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1000 }), (voters) => {
    const size = quorumSize(voters);
    assertEquals(2 * size > voters && size <= voters, true);
    assertEquals(2 * (size - 1) <= voters, true);
  }));
});

Deno.test("what a quorum has reached equals the definition by counting, in any order (B15)", () => {
  const values = fc.array(fc.integer({ min: -3, max: 9 }), { minLength: 1, maxLength: 9 });
  fc.assert(fc.property(values, (given) => {
    // The greatest value for which the number of those that reach it is a majority.
    const reached = given.filter((candidate) =>
      2 * given.filter((value) => value >= candidate).length > given.length
    );
    assertStrictEquals(reachedByQuorum([...given]), Math.max(...reached));
  }));
});

Deno.test("the order of the voters does not matter (B15)", () => {
  const values = fc.array(fc.nat(9), { minLength: 1, maxLength: 7 });
  const shuffled = values.chain((given) =>
    fc.tuple(
      fc.constant(given),
      fc.shuffledSubarray(given, { minLength: given.length, maxLength: given.length }),
    )
  );
  fc.assert(fc.property(shuffled, ([given, other]) => {
    assertStrictEquals(reachedByQuorum([...given]), reachedByQuorum([...other]));
  }));
});

Deno.test("a cluster without voters reaches nothing", () => {
  assertStrictEquals(reachedByQuorum([]), -Infinity);
});
