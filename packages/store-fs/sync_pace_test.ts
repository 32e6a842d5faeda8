import { assertEquals } from "@std/assert";
import { QUICK_SYNC_SIZE_MAX_BYTES, SyncPace } from "./sync_pace.ts";

function after(...durationsMs: number[]): boolean {
  const pace = new SyncPace();
  for (const durationMs of durationsMs) pace.took(durationMs, 100);
  return pace.isInLine(100);
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

Deno.test("a sync of many bytes is not waited for in line, and says nothing about the disk", () => {
  const pace = new SyncPace();
  for (const durationMs of syncs(50, 0.2)) pace.took(durationMs, 100);
  const few = QUICK_SYNC_SIZE_MAX_BYTES;
  assertEquals([pace.isInLine(few), pace.isInLine(few + 1)], [true, false]);
  for (const durationMs of syncs(50, 20)) pace.took(durationMs, few + 1);
  assertEquals(pace.isInLine(few), true);
});
