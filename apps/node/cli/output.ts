/**
 * What commands print: tables for people at a terminal, plain lines for programs, JSON for those that ask for it.
 *
 * @module
 */

/** One column of a table. */
export interface Column<Row> {
  /** Its heading. */
  readonly title: string;
  /** What stands in it; nothing for `undefined`. */
  readonly value: (row: Row) => string | number | bigint | undefined;
}

/** How a table is shown. */
export interface TableStyle {
  /** Whether people look at it: then with headings, and in columns of the same width; else values with tabs between. */
  readonly aligned: boolean;
  /** Whether headings are bold. */
  readonly bold: boolean;
  /** How many columns of text fit; as many as it takes without. */
  readonly width?: number;
}

/** The style that fits standard output. */
function styleOfOutput(): TableStyle {
  const aligned = Deno.stdout.isTerminal();
  if (!aligned) return { aligned, bold: false };
  const { columns } = Deno.consoleSize();
  // A terminal that does not say how wide it is, says 0.
  return { aligned, bold: !Deno.noColor, width: columns === 0 ? Infinity : columns };
}

const GAP = "  ";

/**
 * The lines of a table. One that is aligned and too wide is shown in parts, one below the other: each begins with the first column again,
 * so that no line is broken and nothing is left out.
 */
export function tableLines<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { aligned, bold, width: widthMax = Infinity }: TableStyle,
): string[] {
  const cells = rows.map((row) => columns.map(({ value }) => `${value(row) ?? ""}`));
  if (!aligned) return cells.map((line) => line.join("\t"));
  const isNumber = columns.map(({ value }) =>
    rows.some((row) => typeof value(row) === "number" || typeof value(row) === "bigint")
  );
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, at) =>
    Math.max(...[titles, ...cells].map((line) => width(line[at]!)))
  );
  return partsOf(widths, widthMax).flatMap((part, number) => {
    const padded = (line: readonly string[]) =>
      part.map((at) => {
        const cell = line[at]!;
        const room = " ".repeat(widths[at]! - width(cell));
        return isNumber[at] ? room + cell : cell + room;
      }).join(GAP).trimEnd();
    const heading = padded(titles);
    const lines = [bold ? `\x1b[1m${heading}\x1b[22m` : heading, ...cells.map(padded)];
    return number === 0 ? lines : ["", ...lines];
  });
}

/** Which columns stand beside each other, as many in each part as fit. */
function partsOf(widths: readonly number[], widthMax: number): number[][] {
  const first = [0];
  const parts = [first];
  let part = first;
  let used = widths[0]!;
  for (let at = 1; at < widths.length; at += 1) {
    const more = GAP.length + widths[at]!;
    if (used + more > widthMax && part.length > 1) {
      parts.push(part = [0]);
      used = widths[0]!;
    }
    part.push(at);
    used += more;
  }
  return parts;
}

const encoder = new TextEncoder();
let readerHasGone = false;

/** Whether nobody is there any more to read what is printed, as behind `| head -1`. */
export function outputIsClosed(): boolean {
  return readerHasGone;
}

/** As `console.log`, which does not tell that nobody reads what it prints. */
function printLine(line: string): void {
  const bytes = encoder.encode(`${line}\n`);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    readerHasGone = true;
  }
}

/** Prints a table in the style that fits standard output. */
export function printTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
  for (const line of tableLines(rows, columns, styleOfOutput())) printLine(line);
}

/** Prints `value` as JSON on one line: see {@linkcode jsonText}. */
export function printJson(value: unknown): void {
  printLine(jsonText(value));
}

/** `value` as JSON on one line: 64-bit numbers as numbers, messages without what only their library needs. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (key, part) => {
    if (key === "$typeName" || key === "$unknown") return undefined;
    return typeof part === "bigint" ? Number(part) : part;
  });
}

/** How many characters are seen. */
function width(text: string): number {
  return [...new Intl.Segmenter().segment(text)].length;
}
