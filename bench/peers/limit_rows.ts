/**
 * The rows of calls, of the program that does nothing but replicate and sync.
 *
 * @module
 */
import type { Measurement } from "../measure.ts";
import { CALL_ROWS, callFigures, type CallRow, type Extent, type Figure } from "./rows.ts";

/** The rows of `rows` that are of `nodes`. */
export async function measureLimit(
  nodes: number,
  { seconds }: Extent,
  rows: readonly CallRow[] = CALL_ROWS,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const row of rows.filter((one) => one.nodes === nodes)) {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `${import.meta.dirname}/limit.ts`,
        `--nodes=${nodes}`,
        `--conc=${row.conc}`,
        `--size=${row.size}`,
        `--seconds=${seconds}`,
      ],
      stderr: "inherit",
    }).output();
    if (!success) throw new Error("the limit could not be measured");
    figures.push(
      ...callFigures(row, JSON.parse(new TextDecoder().decode(stdout)) as Measurement),
    );
  }
  return figures;
}
