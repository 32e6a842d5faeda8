/** What was not executed is found in a report. @module */

import { assertEquals } from "@std/assert";
import { parseLcov, percentOf } from "./lcov.ts";

const LCOV = `SF:/r/packages/core/a.ts
FN:3,used
FN:9,unused
FNDA:2,used
FNDA:0,unused
FNF:2
BRDA:5,1,0,7
BRDA:5,1,1,0
BRDA:4,2,0,-
BRDA:4,2,1,0
DA:1,1
end_of_record
SF:/r/packages/core/a_test.ts
FN:1,test
FNDA:0,test
BRDA:1,1,0,0
end_of_record
SF:/r/packages/core/b.ts
BRDA:8,1,0,1
end_of_record
`;

Deno.test("branches and functions are counted, and those without an execution named by line", () => {
  const { branches, functions, gaps } = parseLcov(LCOV, (file) => !file.endsWith("_test.ts"));
  assertEquals(branches, { covered: 2, total: 5 });
  assertEquals(functions, { covered: 1, total: 2 });
  const file = "/r/packages/core/a.ts";
  assertEquals(gaps, [
    { kind: "branch", file, line: 4 },
    { kind: "branch", file, line: 5 },
    { kind: "function", file, line: 9 },
  ]);
  assertEquals([percentOf(branches), percentOf({ covered: 0, total: 0 })], [40, 100]);
});
