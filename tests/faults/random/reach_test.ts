import { assert, assertEquals } from "@std/assert";
import type { Loss } from "../lab/network.ts";
import { cut } from "./fault.ts";
import { canElect } from "./reach.ts";

const ALL = [0, 1, 2, 3, 4];
const mute = (at: number): Loss[] =>
  ALL.filter((to) => to !== at).map((to) => ({ from: at, to, percent: 100 }));
const RING = ALL.flatMap((at) => cut(at, (at + 2) % 5));

Deno.test("a majority that is whole and connected can elect", () => {
  assert(canElect(5, ALL, []));
  assert(canElect(5, [0, 2, 4], []));
  assert(!canElect(5, [0, 2], []));
});

Deno.test("shapes of networks in which somebody can be elected, and in which nobody need be", () => {
  const halves = [0, 1].flatMap((a) => [2, 3, 4].flatMap((b) => cut(a, b)));
  const bridge = [0, 1].flatMap((a) => [3, 4].flatMap((b) => cut(a, b)));
  const alone = ALL.flatMap((a) => ALL.filter((b) => b > a).flatMap((b) => cut(a, b)));
  assertEquals([halves, bridge, alone, RING, mute(2)].map((one) => canElect(5, ALL, one)), [
    true,
    true,
    false,
    true,
    true,
  ]);
});

Deno.test("two may speak with a majority, and need the votes of others who have more and speak with fewer", () => {
  assert(!canElect(5, ALL, [...RING, ...mute(0)]));
});

Deno.test("links that lose some packets are no cuts", () => {
  assert(canElect(3, [0, 1, 2], [...cut(0, 1, 30), ...cut(0, 2, 30), ...cut(1, 2, 30)]));
});
