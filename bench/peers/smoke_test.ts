/**
 * Every row once, in short: of this project, and of hashicorp/raft where there is Go.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { makeTlsFiles } from "../../tests/support/tls_files.ts";
import { undisturbed } from "../cluster.ts";
import { contenders } from "./programs.ts";
import { measureLimit } from "./limit_rows.ts";
import {
  type CallRow,
  type Extent,
  measureCalls,
  measureFailover,
  measureGrpc,
  measureIdle,
  measureLongLog,
  measureTls,
} from "./rows.ts";

const EXTENT: Extent = { seconds: 0.2, warmUpSeconds: 0.1, entries: 2000, idleSeconds: 0.2 };
const ROWS: readonly CallRow[] = [{ conc: 1024, size: 128, nodes: 3 }];

Deno.test("every row can be measured, of everybody by the same names", async (test) => {
  const directory = await Deno.makeTempDir({ prefix: "coracle-peers-test-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  await makeTlsFiles(directory, ["n1", "n2", "n3"]);
  const { all, goClient } = await contenders(directory);
  const [ours, theirs] = all;
  const names = new Map<string, string[]>();
  for (const one of theirs === undefined ? [ours!] : [ours!, theirs]) {
    await test.step(one.name, async () => {
      // As a run does it.
      const figures = [
        ...await undisturbed(() => measureCalls(one, 3, EXTENT, ROWS)),
        ...await undisturbed(() => measureTls(one, directory, EXTENT, ROWS)),
        ...await undisturbed(() => measureGrpc(one, goClient, EXTENT, [10])),
        ...await undisturbed(() => measureFailover(one)),
        ...await undisturbed(() => measureLongLog(one, EXTENT)),
        ...await undisturbed(() => measureIdle(one, EXTENT)),
      ];
      for (const { row, value, unit } of figures) {
        assert(Number.isFinite(value), `${row}: ${value}`);
        // A processor that does nothing takes no time.
        assert(value > 0 || unit === "% of a core", `${row}: ${value}`);
      }
      names.set(one.name, figures.map(({ row, unit }) => `${row} (${unit})`));
    });
  }
  const [own, other = own] = [...names.values()];
  assertEquals(other, own);
  await test.step("limit", async () => {
    for (const { row, value } of await measureLimit(3, { ...EXTENT, seconds: 1 }, ROWS)) {
      assert(value > 0, `${row}: ${value}`);
    }
  });
});
