import { assertEquals, assertGreaterOrEqual, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { toIndex } from "@coracle/core";
import { RunCache } from "./run_cache.ts";
import { manyEntries, plain } from "./_testing/logs.ts";

Deno.test("a run that is read alone is the very run that was appended", () => {
  const cache = new RunCache(1 << 20);
  const large = manyEntries(1, 1, 2, 64 * 1024);
  const small = manyEntries(3, 1, 2);
  cache.append([large, small]);
  assertStrictEquals(cache.read(toIndex(1), 1 << 20), large);
  assertStrictEquals(cache.read(toIndex(3), 1 << 20), small);
});

Deno.test("small neighbours are put together, up to the limit", () => {
  const cache = new RunCache(1 << 20);
  for (let index = 1; index <= 100; index += 1) cache.append([manyEntries(index, 1, 1)]);
  const size = manyEntries(1, 1, 1).bytes.length;
  assertEquals(cache.read(toIndex(1), 1 << 20)?.lastIndex, toIndex(100));
  assertEquals(cache.read(toIndex(11), 10 * size)?.lastIndex, toIndex(20));
  assertEquals(cache.read(toIndex(11), 10 * size - 1)?.lastIndex, toIndex(19));
  assertEquals(cache.read(toIndex(11), 0)?.lastIndex, toIndex(11), "at least one");
});

Deno.test("the cache takes no more memory than it may, many small runs or few large ones", () => {
  for (const sizeBytes of [1, 5000]) {
    const cache = new RunCache(20_000);
    for (let index = 1; index <= 5000; index += 1) {
      cache.append([manyEntries(index, 1, 1, sizeBytes)]);
      assertGreaterOrEqual(20_000, cache.costBytes);
    }
    assertEquals(cache.read(toIndex(5000), 1)?.firstIndex, toIndex(5000));
    assertEquals(cache.read(toIndex(1), 1), undefined);
  }
  const none = new RunCache(0);
  none.append([manyEntries(1, 1, 1)]);
  assertEquals([none.read(toIndex(1), 1), none.costBytes], [undefined, 0]);
});

Deno.test("what the cache returns is what was appended and not dropped", () => {
  const step = fc.record({
    count: fc.integer({ min: 1, max: 5 }),
    dropAfter: fc.option(fc.nat(12)),
    dropBefore: fc.option(fc.nat(12)),
    maxBytes: fc.nat(400),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), fc.nat(9000), (steps, limit) => {
    const cache = new RunCache(limit);
    let last = 0;
    for (const [at, { count, dropAfter, dropBefore, maxBytes }] of steps.entries()) {
      if (dropAfter !== null) {
        last = Math.max(0, last - dropAfter);
        cache.dropAfter(toIndex(last));
      }
      cache.append([manyEntries(last + 1, at + 1, count)]);
      last += count;
      if (dropBefore !== null) cache.dropBefore(toIndex(Math.max(0, last - dropBefore)));
      for (let index = 0; index <= last + 1; index += 1) {
        const read = cache.read(toIndex(index), maxBytes);
        if (read === undefined) continue;
        assertEquals(read.firstIndex, index);
        assertGreaterOrEqual(last, read.lastIndex);
        if (read.count > 1) assertGreaterOrEqual(maxBytes, read.bytes.length);
        for (const entry of read.entries().map(plain)) {
          assertEquals(entry.text.split(":")[1]?.replaceAll(".", ""), String(entry.index));
          assertEquals(entry.text.split(":")[0], String(entry.term));
        }
      }
      if (limit > 5000) assertEquals(cache.read(toIndex(last), 1)?.lastIndex, toIndex(last));
    }
  }));
});
