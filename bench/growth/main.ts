/**
 * How cost grows, with appliers, nodes, bytes, and the length of the log: `deno task bench:growth`.
 *
 * - `--seconds=3` of each measurement of calls.
 * - `--lengths=10000,100000,1000000,10000000` entries.
 * - `--only=appliers,nodes,bytes,lengths`: some of it.
 * - `--out=DIR`: where `growth.md`, `growth.json` and `growth.svg` go; nowhere by default.
 *
 * @module
 */
import { numbers, option, refuseUnknownOptions } from "../options.ts";
import { lineChartSvg } from "./line_chart.ts";
import {
  type GrowthExtent,
  overAppliers,
  overLengths,
  overNodes,
  overSizes,
  type Series,
} from "./measure.ts";
import { panels, tables } from "./tables.ts";

refuseUnknownOptions(["seconds", "lengths", "only", "out"]);
const extent: GrowthExtent = { seconds: numbers("seconds", "3")[0]!, warmUpSeconds: 1 };
const lengths = numbers("lengths", "10000,100000,1000000,10000000");
const MEASURED: Readonly<Record<string, () => Promise<Series>>> = {
  appliers: () => overAppliers([1, 4, 16, 64, 256, 1024], extent),
  nodes: () => overNodes([3, 5, 7], extent),
  bytes: () => overSizes([16, 128, 1024, 8192, 65_536], extent),
  lengths: () => overLengths(lengths, extent),
};
const only = option("only", Object.keys(MEASURED).join(",")).split(",");
const series: Series[] = [];
for (const part of only) {
  const measure = MEASURED[part];
  if (measure === undefined) {
    console.error(`--only=${part}: allowed are ${Object.keys(MEASURED).join(", ")}`);
    Deno.exit(2);
  }
  const measured = await measure();
  series.push(measured);
  console.log(tables([measured]));
}
const out = option("out", "");
if (out !== "") {
  await Deno.mkdir(out, { recursive: true });
  const machine = { deno: Deno.version.deno, cores: navigator.hardwareConcurrency };
  await Deno.writeTextFile(`${out}/growth.md`, tables(series));
  await Deno.writeTextFile(
    `${out}/growth.json`,
    JSON.stringify({ ...machine, extent, series }, undefined, 2) + "\n",
  );
  await Deno.writeTextFile(`${out}/growth.svg`, lineChartSvg("How cost grows", panels(series)));
}
