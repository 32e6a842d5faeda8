/**
 * Reads the line with which `deno test` ends, and writes the one with which `deno task test` ends.
 *
 * @module
 */

/** How many tests ended how. Steps of a test are part of it and do not count. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Finds the counts in the output of `deno test`; nothing if it ended before it had any. */
export function parseSummary(output: string): Counts | undefined {
  // deno-lint-ignore no-control-regex -- terminal colours start with a control character
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const line =
    /^(?:ok|FAILED) \| (\d+) passed(?: \(.*?\))? \| (\d+) failed(?: \(.*?\))?(?<rest>.*)$/gm;
  const last = [...plain.matchAll(line)].at(-1);
  if (last === undefined) return undefined;
  const ignored = / \| (\d+) ignored/.exec(last.groups?.["rest"] ?? "")?.[1];
  return { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(ignored ?? 0) };
}

/**
 * The counts of one run of `deno test`. A run that fails with no failed test of its own (a type
 * error, a crash) is one failure, so that the counts never look better than the exit code.
 */
export function countsOf(output: string, success: boolean): Counts {
  const counts = parseSummary(output) ?? { passed: 0, failed: 0, skipped: 0 };
  return success || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

/** The last line of a test run: `N passed, N failed`, and `, N skipped` if there are any. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Adds two counts. */
export function sum(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}
