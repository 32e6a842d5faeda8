import { assertEquals } from "@std/assert";
import { bestOf, ratio, Results, summarize, tableMarkdown, tableText } from "./results.ts";

Deno.test("the middle of an odd and of an even number of figures", () => {
  assertEquals(summarize([3, 1, 2]), { median: 2, least: 1, most: 3 });
  assertEquals(summarize([4, 1, 2, 3]), { median: 2.5, least: 1, most: 4 });
});

Deno.test("figures of several rounds become one row, with ratios to the best other and the limit", () => {
  const results = new Results();
  for (const [ours, slow, quick, limit] of [[30, 10, 12, 60], [50, 8, 14, 80], [40, 12, 10, 70]]) {
    results.add("ours", [{ row: "a", unit: "calls/s", value: ours! }]);
    results.add("slow", [{ row: "a", unit: "calls/s", value: slow! }]);
    results.add("quick", [{ row: "a", unit: "calls/s", value: quick! }]);
    results.add("limit", [{ row: "a", unit: "calls/s", value: limit! }]);
  }
  const [row] = results.rows();
  assertEquals(row!.summaries["quick"], { median: 12, least: 10, most: 14 });
  assertEquals(bestOf(row!, ["slow", "quick", "missing"]), "quick");
  assertEquals(ratio(row!, "ours", "quick"), 40 / 12);
  assertEquals(ratio(row!, "ours", "missing"), undefined);
  const text = tableText(results.rows(), {
    own: "ours",
    others: ["slow", "quick"],
    limit: "limit",
  });
  assertEquals(text.split("\n")[1]!.split(/ {2,}/), [
    "a",
    "calls/s",
    "40.0 (30.0-50.0)",
    "10.0 (8.00-12.0)",
    "12.0 (10.0-14.0)",
    "70.0 (60.0-80.0)",
    "3.33",
    "0.57",
  ]);
});

Deno.test("a table in Markdown has as many cells in each line", () => {
  const results = new Results();
  results.add("ours", [{ row: "a", unit: "ms", value: 2 }]);
  results.add("theirs", [{ row: "a", unit: "ms", value: 4 }]);
  const text = tableMarkdown(results.rows(), { own: "ours", others: ["theirs"], limit: "limit" });
  assertEquals(text.split("\n"), [
    "|  | unit | ours | theirs | limit | ours / best other | ours / limit |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    "| a | ms | 2.00 | 4.00 | - | 0.50 | - |",
    "",
  ]);
});

Deno.test("of times the shortest is best", () => {
  const results = new Results();
  results.add("a", [{ row: "t", unit: "ms", value: 3 }]);
  results.add("b", [{ row: "t", unit: "ms", value: 2 }]);
  assertEquals(bestOf(results.rows()[0]!, ["a", "b"]), "b");
});
