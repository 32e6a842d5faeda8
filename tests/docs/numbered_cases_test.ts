/**
 * The table of numbered cases in docs/testing.md: none is missing, and each file or script that it names shows the case.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { ROOT } from "../support/process.ts";

/** The numbers that are given out. Those in between have been given up. */
const NUMBERS: readonly number[] = [
  ...[1, 2, 3, 4, 6, 7, 9, 10, 11, 13, 14, 15, 16, 17, 19, 21, 22, 23, 24, 25, 26, 28, 29, 30],
  ...[31, 32, 33, 34, 35, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 49, 51, 54, 55, 56, 57],
  ...[58, 59, 60, 62, 63, 64, 65, 66, 67, 68, 70, 71, 72, 77, 78, 79, 80, 81, 82, 85, 86],
];

/** What a row cites, by case. */
async function readRows(): Promise<Map<string, string[]>> {
  const rows = new Map<string, string[]>();
  const text = await Deno.readTextFile(join(ROOT, "docs/testing.md"));
  for (const [, number, , shownBy] of text.matchAll(/^\| (B\d\d) +\| ([^|]+) \| ([^|]+)\|$/gm)) {
    rows.set(number!, [...shownBy!.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, path]) => path!));
  }
  return rows;
}

Deno.test("every numbered case is in the table of docs/testing.md, once and in order", async () => {
  const text = await Deno.readTextFile(join(ROOT, "docs/testing.md"));
  const numbers = [...text.matchAll(/^\| B(\d\d) /gm)].map(([, number]) => Number(number));
  assertEquals(numbers, NUMBERS);
});

Deno.test("what the table of cases cites shows the case, by its number", async () => {
  const rows = await readRows();
  assertEquals(rows.size, NUMBERS.length);
  for (const [number, cited] of rows) {
    assert(cited.length > 0, `${number} cites nothing`);
    for (const path of cited) {
      const text = await Deno.readTextFile(join(ROOT, path));
      const shows = path.endsWith(".txt")
        ? path.endsWith(`${number}.txt`) || path.includes(`${number}_`)
        : new RegExp(`["\`][^"\`\\n]*\\b${number}\\b`).test(text);
      assert(shows, `${path} has no test with ${number} in its name`);
    }
  }
});
