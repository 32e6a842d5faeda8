/**
 * The example of the README: it runs, what it counts outlives it, and the README shows just that.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { freePorts } from "../support/ports.ts";
import { ROOT, runDeno } from "../support/process.ts";

const EXAMPLE = join(import.meta.dirname!, "embed.ts");

Deno.test("a program with a state machine of its own", async () => {
  await using cleanup = new AsyncDisposableStack();
  const cwd = Deno.makeTempDirSync({ prefix: "coracle-" });
  cleanup.defer(() => Deno.remove(cwd, { recursive: true }));
  const [port] = freePorts(1);
  const permissions = ["--allow-net=127.0.0.1", `--allow-read=${cwd}`, `--allow-write=${cwd}`];
  const args = [
    "run",
    "--quiet",
    "--no-prompt",
    ...permissions,
    EXAMPLE,
    "n1",
    `127.0.0.1:${port}`,
  ];
  const first = await runDeno(args, { cwd });
  assertEquals([first.code, first.stdout], [0, "entry 3: 7 letters\n"], first.stderr);
  // Each start is a term of its own, and the term's first entry is the leader's.
  const second = await runDeno(args, { cwd });
  assertEquals([second.code, second.stdout], [0, "entry 5: 14 letters\n"], second.stderr);
});

Deno.test("the README shows the program as it is", async () => {
  const program = await Deno.readTextFile(EXAMPLE);
  const code = program.slice(program.indexOf("import "));
  assertStringIncludes(await Deno.readTextFile(join(ROOT, "README.md")), `\n${code}\`\`\`\n`);
});
