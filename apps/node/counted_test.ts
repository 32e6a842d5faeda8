/**
 * Numbers of things, as people read them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { counted } from "./counted.ts";

Deno.test("one is one, anything else is many", () => {
  assertEquals(counted(1, "segment"), "1 segment");
  assertEquals(counted(0, "segment"), "0 segments");
  assertEquals(counted(1000, "segment"), "1,000 segments");
  assertEquals(counted(1, "entry", "entries"), "1 entry");
  assertEquals(counted(2, "entry", "entries"), "2 entries");
});
