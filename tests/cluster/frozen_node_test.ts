/**
 * A client whose node is frozen in the middle of a call, and closes no connection.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { nodeArgs } from "../support/process.ts";

/** Longer than anybody waits: what ends the call is that the node says nothing. */
const CALL_TIMEOUT_MS = 120_000;

clusterTest("a call at a node that is frozen ends, and the next ones go on", async (cluster) => {
  const leader = await cluster.leader();
  const args = nodeArgs(
    "add",
    `--endpoints=${cluster.endpoints.join(",")}`,
    `--timeout-ms=${CALL_TIMEOUT_MS}`,
    "--concurrency=1",
  );
  const add = new Deno.Command(Deno.execPath(), {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = add.stdin.getWriter();
  const send = (word: string) => input.write(new TextEncoder().encode(`${word}\n`));
  await send("before");
  await eventually("the first word is there", async () => {
    const { stdout } = await cluster.run(["words"]);
    return stdout.includes("before");
  });
  leader.freeze();
  const frozenMs = performance.now();
  await send("during");
  await send("after");
  await input.close();
  const { code, stdout, stderr } = await add.output();
  const elapsedMs = performance.now() - frozenMs;
  const said = new TextDecoder().decode(stderr);
  assertEquals(code, 3, said);
  assertMatch(said, /^coracle: "during" may or may not have been added: /);
  assertMatch(new TextDecoder().decode(stdout), /^2 words added in [\d.]+ s, 1 perhaps added\n$/);
  assert(elapsedMs < CALL_TIMEOUT_MS / 2, `it took ${elapsedMs} ms`);
});
