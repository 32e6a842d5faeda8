import { assert, assertEquals } from "@std/assert";
import type { Configuration, IndexedConfiguration, Suffrage } from "@coracle/core";
import { toIndex } from "@coracle/core";
import { Configurations, type NodeState } from "@coracle/core/consensus";
import { KnownMembers } from "./members.ts";

/** `a b? c+`: a votes, b has no vote, c is to vote. */
function members(text: string): Configuration {
  const suffrages: Record<string, Suffrage> = { "?": "nonvoter", "+": "staging" };
  return {
    servers: text.split(" ").map((word) => ({
      id: word[0]!,
      address: word[0]!,
      suffrage: suffrages[word[1] ?? ""] ?? "voter",
    })),
  };
}

function state(...history: [index: number, text: string][]): NodeState {
  const all: IndexedConfiguration[] = history.map(([index, text]) => ({
    index: toIndex(index),
    configuration: members(text),
  }));
  return { configurations: new Configurations(all) } as NodeState;
}

Deno.test("a majority is one of every configuration that may count", () => {
  const known = new KnownMembers();
  assert(!known.isSettled);
  known.saw(state([1, "a b c"]));
  known.saw(state([1, "a b c"], [5, "a b c d"]));
  assert(known.isSettled);
  assert(known.isMajority(new Set("abd")));
  assert(!known.isMajority(new Set("ab")), "two are none of four");
  assert(!known.isMajority(new Set("ad")), "one is none of three");
  // The fourth is settled: what was before counts no longer.
  known.saw(state([5, "a b c d"]));
  assert(known.isMajority(new Set("bcd")));
  assertEquals(known.settled, members("a b c d"));
  // One that was appended somewhere else at the same place was never committed.
  known.saw(state([1, "a b c"], [5, "a"]));
  assert(known.isMajority(new Set("bcd")));
  // But one that came later may be.
  known.saw(state([5, "a b c d"], [7, "a"]));
  assert(!known.isMajority(new Set("bcd")));
});

Deno.test("who is to vote counts, as if it did and as if it did not", () => {
  const known = new KnownMembers();
  known.saw(state([3, "a b c d+ e?"]));
  assert(known.isMajority(new Set("abc")));
  assert(!known.isMajority(new Set("ab")), "it may vote any moment");
  assert(!known.isMajority(new Set("ad")), "it may never vote");
  known.saw(state([3, "a b c d+ e?"], [4, "a b c d+ e+"]));
  assert(!known.isMajority(new Set("abd")), "the other one may vote first");
  assert(known.isMajority(new Set("abc")));
});
