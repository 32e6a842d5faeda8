import { assertEquals } from "@std/assert";
import { SyncPace } from "./sync_pace.ts";

function after(...durationsMs: number[]): boolean {
  const pace = new SyncPace();
  for (const durationMs of durationsMs) pace.took(durationMs);
  return pace.isInLine;
}

function syncs(count: number, durationMs: number): number[] {
  return Array.from({ length: count }, () => durationMs);
}

Deno.test("a disk is waited for in line once it has been quick for a while", () => {
  assertEquals(after(), false);
  assertEquals(after(...syncs(10, 0.2)), false);
  assertEquals(after(...syncs(30, 0.2)), true);
  assertEquals(after(...syncs(1000, 2)), false, "it is not quick");
});

Deno.test("one sync that takes a little longer changes nothing, one that stalls does", () => {
  assertEquals(after(...syncs(50, 0.2), 5), true);
  assertEquals(after(...syncs(50, 0.2), 60_000), false);
});

Deno.test("a disk that has stalled is waited for in line again when it has been quick again", () => {
  assertEquals(after(...syncs(50, 0.2), 60_000, ...syncs(2, 0.2)), false);
  assertEquals(after(...syncs(50, 0.2), 60_000, ...syncs(20, 0.2)), true);
});
