import { assert, assertEquals, assertMatch } from "@std/assert";
import { lineChartSvg } from "./line_chart.ts";
import { overAppliers, overLengths, overNodes, overSizes, type Series } from "./measure.ts";
import { panels, tables } from "./tables.ts";

const EXTENT = { seconds: 0.2, warmUpSeconds: 0.1 };

Deno.test("each curve can be measured, in short", async () => {
  const series = [
    await overAppliers([1, 16], EXTENT),
    await overNodes([3], EXTENT),
    await overSizes([16, 1024], EXTENT),
    await overLengths([1000], EXTENT),
  ];
  for (const { varied, points } of series) {
    for (const { at, values } of points) {
      for (const [name, value] of Object.entries(values)) {
        assert(value > 0 && Number.isFinite(value), `${name} at ${at} ${varied}: ${value}`);
      }
    }
  }
  assertEquals(panels(series).length, 8);
});

Deno.test("a curve becomes a table and a panel", () => {
  const points = [{ at: 1, values: { "calls/s": 2000 } }, { at: 1000, values: { "calls/s": 9 } }];
  const series: Series = { varied: "nodes", fixed: "64 appliers", points };
  assertEquals(
    tables([series]),
    [
      "By nodes (64 appliers):",
      "",
      "| nodes | calls/s |",
      "|  ---: |    ---: |",
      "|     1 |   2,000 |",
      "| 1,000 |    9.00 |",
      "",
    ].join("\n"),
  );
  const [panel] = panels([series]);
  assertEquals(panel!.points, [{ at: 1, value: 2000 }, { at: 1000, value: 9 }]);
  assertMatch(lineChartSvg("a < b", [panel!]), /aria-label="a &lt; b"[\s\S]*<polyline/);
});
