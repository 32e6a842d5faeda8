/**
 * The figures of all rounds, and what they say: medians, their spread, and ratios.
 *
 * @module
 */
import type { Figure, Unit } from "./rows.ts";

/** Of the figures of one program under one name. */
export interface Summary {
  /** The middle one. */
  readonly median: number;
  /** The smallest. */
  readonly least: number;
  /** The largest. */
  readonly most: number;
}

/** One row of the table. */
export interface ResultRow {
  /** What was measured. */
  readonly row: string;
  /** In what. */
  readonly unit: Unit;
  /** By program. */
  readonly summaries: Readonly<Record<string, Summary>>;
}

/** Gathers figures. */
export class Results {
  readonly #rows = new Map<string, { unit: Unit; values: Map<string, number[]> }>();

  /** Takes up what one round of one program has brought. */
  add(program: string, figures: readonly Figure[]): void {
    for (const { row, unit, value } of figures) {
      let known = this.#rows.get(row);
      if (known === undefined) this.#rows.set(row, known = { unit, values: new Map() });
      const values = known.values.get(program) ?? [];
      known.values.set(program, [...values, value]);
    }
  }

  /** All rows, in the order in which they came. */
  rows(): ResultRow[] {
    return [...this.#rows].map(([row, { unit, values }]) => ({
      row,
      unit,
      summaries: Object.fromEntries(
        [...values].map(([program, of]) => [program, summarize(of)]),
      ),
    }));
  }
}

/** The middle, and how far the others are. `values` is not empty. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: medianOf(sorted), least: sorted[0]!, most: sorted.at(-1)! };
}

function medianOf(sorted: readonly number[]): number {
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Whether more is better. */
export function isMoreBetter(unit: Unit): boolean {
  return unit === "calls/s" || unit === "MiB/s";
}

/** How often `one` goes into `other`; `undefined` if either is missing. */
export function ratio(
  { summaries }: ResultRow,
  one: string,
  other: string,
): number | undefined {
  const [above, below] = [summaries[one], summaries[other]];
  return above === undefined || below === undefined || below.median === 0
    ? undefined
    : above.median / below.median;
}

/** The best of `programs` in a row, by its median. */
export function bestOf(
  { unit, summaries }: ResultRow,
  programs: readonly string[],
): string | undefined {
  const known = programs.filter((one) => summaries[one] !== undefined);
  const sign = isMoreBetter(unit) ? -1 : 1;
  return known.sort((a, b) => sign * (summaries[a]!.median - summaries[b]!.median))[0];
}

/** Whose figures are set beside each other. */
export interface Compared {
  /** This project. */
  readonly own: string;
  /** Those with the same task. */
  readonly others: readonly string[];
  /** What does no more than it has to. */
  readonly limit: string;
}

/** The rows as a table for people: medians with least and most, and ours against the best of the others and the limit. */
export function tableText(rows: readonly ResultRow[], compared: Compared): string {
  const lines = tableCells(rows, compared);
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines.map((line) =>
    line.map((text, at) => at === 0 ? text.padEnd(widths[at]!) : text.padStart(widths[at]!)).join(
      "  ",
    ).trimEnd()
  ).join("\n");
}

/** The same as a table in Markdown. */
export function tableMarkdown(rows: readonly ResultRow[], compared: Compared): string {
  const [head, ...body] = tableCells(rows, compared).map((line) => `| ${line.join(" | ")} |`);
  const columns = 2 + 1 + compared.others.length + 3;
  const rule = `| --- | --- |${" ---: |".repeat(columns - 2)}`;
  return [head, rule, ...body].join("\n") + "\n";
}

function tableCells(
  rows: readonly ResultRow[],
  { own, others, limit }: Compared,
): string[][] {
  const lines: string[][] = [
    ["", "unit", own, ...others, limit, `${own} / best other`, `${own} / ${limit}`],
  ];
  for (const row of rows) {
    const best = bestOf(row, others);
    lines.push([
      row.row,
      row.unit,
      ...[own, ...others, limit].map((program) => cell(row.summaries[program])),
      ratioText(best === undefined ? undefined : ratio(row, own, best)),
      ratioText(ratio(row, own, limit)),
    ]);
  }
  return lines;
}

function cell(summary: Summary | undefined): string {
  if (summary === undefined) return "-";
  const { median, least, most } = summary;
  return least === most ? number(median) : `${number(median)} (${number(least)}-${number(most)})`;
}

function ratioText(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(2);
}

function number(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
