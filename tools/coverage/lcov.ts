/**
 * Reads what `deno coverage --lcov` writes, as far as it says what was not executed.
 *
 * @module
 */

/** How much of something was executed. */
export interface Share {
  covered: number;
  total: number;
}

/** A place that was not executed. */
export interface Gap {
  /** A way that was not taken, or a function that was never called. */
  readonly kind: "branch" | "function";
  /** The source file, as the report names it. */
  readonly file: string;
  /** Its line, from 1 on. */
  readonly line: number;
}

/** What a report says. */
export interface Coverage {
  readonly branches: Share;
  readonly functions: Share;
  /** In the order of files and lines; each line once for each kind. */
  readonly gaps: readonly Gap[];
}

/** What `lcov` says of the files that `counts` says yes to. */
export function parseLcov(lcov: string, counts: (file: string) => boolean): Coverage {
  const branches = { covered: 0, total: 0 };
  const functions = { covered: 0, total: 0 };
  const gaps = new Map<string, Gap>();
  const count = (share: Share, isCovered: boolean, gap: Gap) => {
    share.total += 1;
    if (isCovered) share.covered += 1;
    else gaps.set(JSON.stringify(gap), gap);
  };
  let file = "";
  let linesOfFunctions = new Map<string, number>();
  for (const text of lcov.split("\n")) {
    const [name = "", value = ""] = splitOnce(text.trim(), ":");
    if (name === "SF") {
      file = value;
      linesOfFunctions = new Map();
    }
    if (!counts(file)) continue;
    if (name === "FN") {
      const [line = "", called = ""] = splitOnce(value, ",");
      linesOfFunctions.set(called, Number(line));
    } else if (name === "FNDA") {
      const [times = "", called = ""] = splitOnce(value, ",");
      const line = linesOfFunctions.get(called) ?? 0;
      count(functions, times !== "0", { kind: "function", file, line });
    } else if (name === "BRDA") {
      const [line, , , times] = value.split(",");
      const isCovered = times !== "-" && times !== "0";
      count(branches, isCovered, { kind: "branch", file, line: Number(line) });
    }
  }
  const sorted = [...gaps.values()].sort((a, b) =>
    a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1
  );
  return { branches, functions, gaps: sorted };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** A share in percent; of nothing, all is covered. */
export function percentOf({ covered, total }: Share): number {
  return total === 0 ? 100 : 100 * covered / total;
}
