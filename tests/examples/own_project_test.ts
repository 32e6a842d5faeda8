/**
 * The guide to embedding, followed from outside of the repository: a project that links the clone runs the README's program.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { freePorts } from "../support/ports.ts";
import { ROOT, runDeno } from "../support/process.ts";

const GUIDE = join(ROOT, "docs/guides/embed.md");

Deno.test("a project elsewhere that follows the guide runs a node", async () => {
  const guide = await Deno.readTextFile(GUIDE);
  const [, config] = /^```json\n([^]*?)^```$/m.exec(guide) ?? [];
  const [, command] = /^```sh\ndeno (run .* main\.ts)$/m.exec(guide) ?? [];
  assert(config !== undefined && command !== undefined, "the guide has a deno.json and a command");

  await using cleanup = new AsyncDisposableStack();
  const cwd = await Deno.makeTempDir({ prefix: "coracle-" });
  cleanup.defer(() => Deno.remove(cwd, { recursive: true }));
  assert(config.includes('"../coracle"'));
  await Deno.writeTextFile(join(cwd, "deno.json"), config.replaceAll("../coracle", ROOT));
  await Deno.copyFile(join(ROOT, "tests/examples/embed.ts"), join(cwd, "main.ts"));
  const [port] = freePorts(1);
  const args = [...command.split(" "), "n1", `127.0.0.1:${port}`];
  const { code, stdout, stderr } = await runDeno(args, { cwd });
  assertEquals([code, stdout], [0, "entry 3: 7 letters\n"], stderr);
});
