/** The summary lines that `deno test` is known to print. @module */

import { assertEquals } from "@std/assert";
import { countsOf, formatCounts, parseSummary } from "./test_summary.ts";

const LINES: Record<string, { passed: number; failed: number; skipped: number }> = {
  "ok | 76 passed | 0 failed (370ms)": { passed: 76, failed: 0, skipped: 0 },
  "FAILED | 1 passed (1 step) | 2 failed (1 step) | 1 ignored (10ms)": {
    passed: 1,
    failed: 2,
    skipped: 1,
  },
  "ok | 3 passed (14 steps) | 0 failed | 2 ignored (5 steps) | 4 filtered out (1m2s)": {
    passed: 3,
    failed: 0,
    skipped: 2,
  },
  "ok | 0 passed | 0 failed (1ms)": { passed: 0, failed: 0, skipped: 0 },
  "\x1b[0m\x1b[32mok\x1b[0m | 5 passed | 0 failed \x1b[0m\x1b[38;5;245m(9ms)\x1b[0m": {
    passed: 5,
    failed: 0,
    skipped: 0,
  },
};

for (const [line, counts] of Object.entries(LINES)) {
  Deno.test(`the summary is read: ${JSON.stringify(line)}`, () => {
    assertEquals(parseSummary(`elects a leader ... ok (2ms)\n\n${line}\n\n`), counts);
  });
}

Deno.test("the last summary counts, and no other line is taken for one", () => {
  const output =
    "ok | 1 passed | 0 failed (1ms)\n  ok | 9 passed | 0 failed\nok | 2 passed | 0 failed\n";
  assertEquals(parseSummary(output)?.passed, 2);
  assertEquals(parseSummary("error: Type checking failed.\n"), undefined);
});

Deno.test("a run that fails without a failed test is one failure", () => {
  assertEquals(countsOf("error: Type checking failed.", false), {
    passed: 0,
    failed: 1,
    skipped: 0,
  });
  assertEquals(countsOf("ok | 5 passed | 0 failed (1ms)", false).failed, 1);
  assertEquals(countsOf("FAILED | 5 passed | 3 failed (1ms)", false).failed, 3);
  assertEquals(countsOf("ok | 5 passed | 0 failed (1ms)", true).failed, 0);
});

Deno.test("skipped tests are named only where there are any", () => {
  assertEquals(formatCounts({ passed: 12, failed: 0, skipped: 0 }), "12 passed, 0 failed");
  assertEquals(formatCounts({ passed: 3, failed: 1, skipped: 2 }), "3 passed, 1 failed, 2 skipped");
});
