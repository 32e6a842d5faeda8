/**
 * The examples of the guides: each runs, and its guide shows it as it is.
 *
 * @module
 */
import { assert, assertStringIncludes } from "@std/assert";
import { join } from "node:path";

const EXAMPLES = import.meta.dirname!;
const GUIDES = join(EXAMPLES, "../guides");

/** The examples, each with what runs it and the guide that shows it. */
const RUNS = new Map<string, readonly [guide: string, run: () => Promise<unknown>]>([
  ["backup.ts", ["backup.md", () => import("./backup.ts")]],
  ["embed.ts", ["embed.md", () => import("./embed.ts")]],
  ["members.ts", ["members.md", () => import("./members.ts")]],
  ["recover.ts", ["recover.md", () => import("./recover.ts")]],
  ["reads.ts", ["reads.md", () => import("./reads.ts")]],
  ["serve.ts", ["embed.md", () => import("./serve.ts")]],
  ["state_machine.ts", ["state-machine.md", () => import("./state_machine.ts")]],
]);

/** Examples that are tests, which `deno test` runs by itself, each with the guide that shows it. */
const TESTS = new Map<string, string>([
  ["http_transport_test.ts", "write-a-transport.md"],
  ["sqlite_log_store_test.ts", "write-a-store.md"],
  ["state_machine_test.ts", "state-machine.md"],
]);

/** Holds a guide to an example: the block `fence` of it has the code without the description of the file. */
async function assertShows(guide: string, fence: string, file: string): Promise<void> {
  const program = await Deno.readTextFile(join(EXAMPLES, file));
  const code = program.slice(program.indexOf("import "));
  const page = await Deno.readTextFile(join(GUIDES, guide));
  assertStringIncludes(page, `\n\`\`\`${fence}\n${code}\`\`\`\n`);
}

for (const [file, [guide, run]] of RUNS) {
  Deno.test(`docs/examples/${file} runs`, async () => {
    await run();
  });

  Deno.test(`docs/guides/${guide} shows ${file} as it is`, () => assertShows(guide, "ts", file));
}

for (const [file, guide] of TESTS) {
  // Tests cannot be registered in a test, which is what a block that is run becomes.
  Deno.test(`docs/guides/${guide} shows ${file} as it is`, () =>
    assertShows(guide, "ts ignore", file));
}

Deno.test("every example is run", () => {
  const others = ["examples_test.ts", ...TESTS.keys()];
  for (const { name } of Deno.readDirSync(EXAMPLES)) {
    assert(RUNS.has(name) || others.includes(name), `${name} is not run`);
  }
});
