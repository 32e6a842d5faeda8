/**
 * Runs the tests against the real `@std` packages, where JSR answers: `deno task test:jsr`. It takes
 * what `deno task test` takes.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** Long enough for a slow line, short enough for a machine that drops packets. */
const TIMEOUT_MS = 5_000;

/** Why JSR cannot be used; nothing if it can. */
async function unreachable(): Promise<string | undefined> {
  const url = new URL("/@std/assert/meta.json", Deno.env.get("JSR_URL") ?? "https://jsr.io");
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    await response.body?.cancel();
    return response.ok ? undefined : `${url} answers ${response.status}`;
  } catch (error) {
    return `${url} does not answer: ${error instanceof Error ? error.message : error}`;
  }
}

if (import.meta.main) {
  const reason = await unreachable();
  if (reason !== undefined) {
    console.log(`skipped: ${reason}`);
  } else {
    const runTests = fileURLToPath(new URL("run_tests.ts", import.meta.url));
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", runTests, "--config=deno.jsr.json", ...Deno.args],
    }).spawn().status;
    Deno.exit(code);
  }
}
