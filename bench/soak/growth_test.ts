import { assertEquals } from "@std/assert";
import { judgeGrowth } from "./growth.ts";

const ALLOWED = { share: 0.1, least: 4 };

/** A value for each of `count` moments. */
function values(count: number, at: (moment: number) => number): number[] {
  return Array.from({ length: count }, (_, moment) => at(moment));
}

Deno.test("what goes on growing grows; what warms up, swings, or was high once does not", () => {
  const grows = (of: (moment: number) => number) =>
    judgeGrowth("memory", "MiB", values(360, of), ALLOWED).grows;
  assertEquals(grows((moment) => 100 + moment / 10), true);
  assertEquals(grows((moment) => 100 - 60 * Math.exp(-moment / 20)), false);
  assertEquals(grows((moment) => 100 + 30 * Math.sin(moment)), false);
  assertEquals(grows((moment) => moment > 340 && moment < 350 ? 500 : 100), false);
});

Deno.test("a few are allowed, and a share", () => {
  const { early, late, allowed, grows } = judgeGrowth("handles", "", [9, 10, 13, 14], ALLOWED);
  assertEquals({ early, late, allowed, grows }, { early: 10, late: 14, allowed: 4, grows: false });
  assertEquals(judgeGrowth("memory", "MiB", [1, 100, 105, 110], ALLOWED).grows, false);
  assertEquals(judgeGrowth("memory", "MiB", [1, 100, 105, 112], ALLOWED).grows, true);
});
