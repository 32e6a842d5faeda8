/**
 * The suite for snapshot stores passes the store in memory, and asks of nobody what cannot be had.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { snapshotStoreConformance } from "./snapshot_store.ts";
import { inMemory } from "./_testing/wrong_snapshot_stores.ts";

for (const retain of [1, 2, 3]) {
  const options = { ...inMemory(retain), remove: () => {} };
  for (const { name, run } of snapshotStoreConformance(options)) {
    Deno.test(`snapshot store conformance, in memory, ${retain} retained: ${name}`, run);
  }
}

Deno.test("what an author of a snapshot store does not say how to bring about is not checked", () => {
  const { crash: _, fail: __, damage: ___, ...plain } = inMemory(2);
  const names = snapshotStoreConformance(plain).map(({ name }) => name);
  const all = snapshotStoreConformance(inMemory(2)).map(({ name }) => name);
  assertEquals(all.filter((name) => !names.includes(name)), [
    "what was committed is there after a crash, and nothing else is",
    "what was being committed at a crash is there as a whole or not at all",
    "a disk that fails is one clear error; what was there stays, and what comes after works",
    "what is damaged is not read to its end, or not opened, or not listed; all others are as they were",
  ]);
});
