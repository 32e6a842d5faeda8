/**
 * How tables look.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Column, jsonText, tableLines } from "./output.ts";

interface Boat {
  readonly name: string;
  readonly length?: number;
}

const boats: readonly Boat[] = [{ name: "coracle", length: 1.5 }, { name: "é" }];
const columns: readonly Column<Boat>[] = [
  { title: "BOAT", value: ({ name }) => name },
  { title: "LENGTH", value: ({ length }) => length },
  { title: "FIRST", value: ({ name }) => name[0] },
];

Deno.test("for people: headings, text to the left and numbers to the right", () => {
  assertEquals(tableLines(boats, columns, { aligned: true, bold: false }), [
    "BOAT     LENGTH  FIRST",
    "coracle     1.5  c",
    "é                é",
  ]);
  const [heading] = tableLines(boats, columns, { aligned: true, bold: true });
  assertEquals(heading, "\x1b[1mBOAT     LENGTH  FIRST\x1b[22m");
  assertEquals(tableLines([], columns, { aligned: true, bold: false }), ["BOAT  LENGTH  FIRST"]);
});

Deno.test("for programs: values with tabs between, and nothing else", () => {
  assertEquals(tableLines(boats, columns, { aligned: false, bold: false }), [
    "coracle\t1.5\tc",
    "é\t\té",
  ]);
});

Deno.test("64-bit numbers are numbers in JSON", () => {
  assertEquals(
    jsonText({ index: 42n, members: [{ id: "n1" }] }),
    '{"index":42,"members":[{"id":"n1"}]}',
  );
});
