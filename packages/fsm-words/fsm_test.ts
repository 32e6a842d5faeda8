/**
 * The words machine behind the port of core.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Entry, NO_BYTES, toIndex, toTerm } from "@coracle/core";
import { WordsFsm } from "./fsm.ts";

function command(index: number, word: string): Entry {
  return {
    index: toIndex(index),
    term: toTerm(1),
    type: "command",
    data: new TextEncoder().encode(word),
    extensions: NO_BYTES,
    appendedAtMs: 0,
  };
}

Deno.test("each command is a word, each response its place", () => {
  const fsm = new WordsFsm();
  assertEquals(fsm.bestWords(), ["", "", ""]);
  assertEquals(fsm.lastIndex, 0);
  assertEquals(fsm.apply(command(2, "oar")), 1);
  assertEquals(fsm.apply(command(3, "paddle")), 1);
  assertEquals(fsm.apply(command(5, "hull")), 2);
  assertEquals(fsm.apply(command(6, "it")), undefined);
  assertEquals(fsm.bestWords(), ["paddle", "hull", "oar"]);
  assertEquals(fsm.lastIndex, 6);
});
