/**
 * Which group runs what was asked for.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { narrowed, type TestGroup } from "./test_groups.ts";

const CLUSTERS: TestGroup = { name: "a", paths: ["tests"], except: ["tests/page"], flags: [] };
const BROWSER: TestGroup = { name: "b", paths: ["tests/page"], flags: ["--allow-all"] };

/** What each of the two groups runs of `wanted`. */
function runs(...wanted: string[]): (readonly string[])[] {
  return [CLUSTERS, BROWSER].map((group) => narrowed(group, wanted).paths);
}

Deno.test("what belongs to a group of its own runs in no other, also when it is named", () => {
  assertEquals(runs("tests/page"), [[], ["tests/page"]]);
  assertEquals(runs("tests/page/page_test.ts"), [[], ["tests/page/page_test.ts"]]);
});

Deno.test("a file or folder runs where it lies, and a folder above runs all that lie in it", () => {
  assertEquals(runs("tests/cli/usage_test.ts"), [["tests/cli/usage_test.ts"], []]);
  assertEquals(runs("tests/pages_test.ts"), [["tests/pages_test.ts"], []]);
  assertEquals(runs("tests"), [["tests"], ["tests/page"]]);
  assertEquals(runs("packages/core"), [[], []]);
});
