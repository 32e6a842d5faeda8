/**
 * When a node says that it can serve.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { NotLeaderError } from "@coracle/core";
import { PlayedApp } from "./_testing/played_app.ts";

async function problemOf(played: PlayedApp): Promise<string | undefined> {
  const { status, json } = await played.ask("GET", "/ready");
  assertEquals(status, json.ready ? 200 : 503);
  return json.detail;
}

Deno.test("a leader is ready once it has applied what was committed", async () => {
  const played = new PlayedApp();
  played.raft.problem = new NotLeaderError(undefined);
  assertEquals(
    await problemOf(played),
    "the node has not yet applied what was committed before: node is not the leader, and knows of none",
  );
  played.raft.problem = undefined;
  assertEquals(await problemOf(played), undefined);
  played.raft.problem = new NotLeaderError(undefined);
  assertEquals(await problemOf(played), undefined, "once is enough");
});

Deno.test("a follower is ready while it hears its leader", async () => {
  const played = new PlayedApp();
  played.raft.state = "follower";
  assertEquals(await problemOf(played), undefined);
  played.raft.lastContactMs = 2 * played.raft.config.heartbeatTimeoutMs + 1;
  assertEquals(
    await problemOf(played),
    `the node has not heard its leader, n2, for ${played.raft.lastContactMs} ms`,
  );
  played.raft.lastContactMs = undefined;
  assertEquals(await problemOf(played), "the node knows of no leader");
  played.raft.state = "shutdown";
  assertEquals(await problemOf(played), "the node is shutting down");
  assertEquals((await played.ask("GET", "/live")).status, 503);
});
