import { assertEquals, assertMatch } from "@std/assert";
import { callFigures } from "./rows.ts";
import { Results } from "./results.ts";
import { LIMIT, save } from "./save.ts";

Deno.test("a run leaves a table, all figures, and a chart of those that the README shows", async () => {
  const directory = await Deno.makeTempDir({ prefix: "coracle-peers-test-" });
  try {
    const results = new Results();
    const measured = { conc: 1, size: 128, p50_ms: 1, p99_ms: 2, max_ms: 3 };
    for (const [name, perSecond] of [["ours", 20], ["theirs & others", 10]] as const) {
      const figures = callFigures(
        { conc: 1, size: 128, nodes: 3 },
        { ...measured, applies_per_s: perSecond },
      );
      results.add(name, figures);
    }
    const compared = { own: "ours", others: ["theirs & others"], limit: LIMIT };
    await save(`${directory}/out`, results.rows(), compared, { rounds: 1 });
    const read = (name: string) => Deno.readTextFile(`${directory}/out/${name}`);
    assertMatch(await read("results.md"), /^\| 1 applier, 128 B, 3 nodes \| calls\/s \| 20\.0 \|/m);
    const { extent, rows } = JSON.parse(await read("results.json"));
    assertEquals([extent, rows.length], [{ rounds: 1 }, 3]);
    const chart = await read("chart.svg");
    assertMatch(chart, /class="own"/);
    assertMatch(chart, /theirs &amp; others/);
    assertEquals(chart.match(/class="title"/g)?.length, 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
