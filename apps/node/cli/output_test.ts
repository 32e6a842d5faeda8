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

Deno.test("a table that is too wide is shown in parts, each with the first column", () => {
  const style = { aligned: true, bold: false };
  assertEquals(tableLines(boats, columns, { ...style, width: 22 }).length, 3, "it just fits");
  assertEquals(tableLines(boats, columns, { ...style, width: 21 }), [
    "BOAT     LENGTH",
    "coracle     1.5",
    "é",
    "",
    "BOAT     FIRST",
    "coracle  c",
    "é        é",
  ]);
  assertEquals(
    tableLines(boats, columns, { ...style, width: 1 }),
    tableLines(boats, columns, { ...style, width: 21 }),
    "a column more than the first stands in each",
  );
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
