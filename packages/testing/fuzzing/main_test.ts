/**
 * The runner for long runs, as its task runs it.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";

async function fuzzTask(...args: string[]): Promise<{ code: number; text: string }> {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-A", main, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("each target that is asked for has its time, and says how many inputs it has had", async () => {
  const { code, text } = await fuzzTask("--minutes=0.01", "--target=transport-tcp", "--seed=7");
  assertMatch(text, /^ok {5}packages\/transport-tcp: frames, [1-9]\d* inputs\n/);
  assertMatch(text, /\n\d+ targets, \d+ inputs, 0 failed\n$/);
  assertEquals(code, 0);
});

Deno.test("what is asked for wrongly is refused, with what is allowed", async () => {
  const { code, text } = await fuzzTask("--minutes=none", "--target=words");
  assertStringIncludes(
    text,
    "--minutes=none --target=words: allowed are minutes above 0, and words",
  );
  assertEquals(code, 2);
});
