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
  ["reads.ts", ["reads.md", () => import("./reads.ts")]],
  ["state_machine.ts", ["state-machine.md", () => import("./state_machine.ts")]],
]);

for (const [file, [guide, run]] of RUNS) {
  Deno.test(`docs/examples/${file} runs`, async () => {
    await run();
  });

  Deno.test(`docs/guides/${guide} shows ${file} as it is`, async () => {
    const program = await Deno.readTextFile(join(EXAMPLES, file));
    const code = program.slice(program.indexOf("import "));
    const page = await Deno.readTextFile(join(GUIDES, guide));
    assertStringIncludes(page, `\n\`\`\`ts\n${code}\`\`\`\n`);
  });
}

Deno.test("every example is run", () => {
  for (const { name } of Deno.readDirSync(EXAMPLES)) {
    assert(RUNS.has(name) || name.endsWith("_test.ts"), `${name} is not run`);
  }
});
