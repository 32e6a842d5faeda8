/**
 * The curves as tables and as a chart.
 *
 * @module
 */
import type { Panel } from "./line_chart.ts";
import type { Series } from "./measure.ts";

/** What the chart shows: of which curve which figure. */
const PANELS: readonly (readonly [varied: string, figure: string, title: string])[] = [
  ["appliers", "calls/s", "Calls a second"],
  ["appliers", "p50 ms", "Time of a call (p50), ms"],
  ["nodes", "calls/s", "Calls a second, 64 appliers"],
  ["bytes", "MiB/s", "MiB a second, 64 appliers"],
  ["entries in the log", "calls/s", "Calls a second, 64 appliers"],
  ["entries in the log", "catch-up entries/s", "Entries a second to a new follower"],
  ["entries in the log", "open s", "Opening the store, s"],
  ["entries in the log", "leader's peak MiB", "Peak memory of the leader, MiB"],
];

/** All curves as tables in Markdown, which people can read as they are. */
export function tables(series: readonly Series[]): string {
  return series.map(({ varied, fixed, points }) => {
    const names = Object.keys(points[0]?.values ?? {});
    const rows = [
      [varied, ...names],
      ["---:", ...names.map(() => "---:")],
      ...points.map(({ at, values }) => [
        at.toLocaleString("en"),
        ...names.map((name) => number(values[name]!)),
      ]),
    ];
    const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
    const lines = rows.map((row) =>
      `| ${row.map((cell, at) => cell.padStart(widths[at]!)).join(" | ")} |`
    );
    return `By ${varied} (${fixed}):\n\n${lines.join("\n")}\n`;
  }).join("\n");
}

/** The curves that are charted, as far as they were measured. */
export function panels(series: readonly Series[]): Panel[] {
  return PANELS.flatMap(([varied, figure, title]) => {
    const found = series.find((one) => one.varied === varied);
    if (found === undefined) return [];
    const points = found.points.map(({ at, values }) => ({ at, value: values[figure]! }));
    return [{ title, varied, points }];
  });
}

function number(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
