/**
 * What a run leaves behind: a table, all figures, and a chart.
 *
 * @module
 */
import { type BarGroup, chartSvg } from "./chart.ts";
import { type Compared, isMoreBetter, type ResultRow, tableMarkdown } from "./results.ts";

/** What the program is called that does nothing but replicate and sync. */
export const LIMIT = "limit";

/** The rows that the chart shows. */
const CHARTED =
  /^((1|64|1024) appliers?, 128 B, 3 nodes|64 readers, linearizable|gRPC, .* its own client)$/;

/** Writes `results.md`, `results.json` and `chart.svg` into `directory`. `extent`: how much was measured. */
export async function save(
  directory: string,
  rows: readonly ResultRow[],
  compared: Compared,
  extent: Readonly<Record<string, unknown>>,
): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  const write = (name: string, text: string) => Deno.writeTextFile(`${directory}/${name}`, text);
  const machine = { deno: Deno.version.deno, cores: navigator.hardwareConcurrency };
  await write("results.md", tableMarkdown(rows, compared));
  await write("results.json", JSON.stringify({ ...machine, extent, rows }, undefined, 2) + "\n");
  await write("chart.svg", chartSvg("Calls a second, longer is better", bars(rows, compared.own)));
}

function bars(rows: readonly ResultRow[], own: string): BarGroup[] {
  return rows.filter(({ unit, row }) => isMoreBetter(unit) && CHARTED.test(row))
    .map(({ row, summaries }) => ({
      title: row,
      bars: Object.entries(summaries).map(([label, { median }]) => ({
        label,
        value: median,
        isOwn: label === own,
      })),
    }));
}
