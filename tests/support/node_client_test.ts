import { assertEquals } from "@std/assert";
import { freePorts } from "./ports.ts";
import { NodeClient } from "./node_client.ts";

Deno.test("a client that is closed while it connects leaves nothing behind", async () => {
  await using client = new NodeClient(`127.0.0.1:${freePorts(1)[0]}`);
  const answer = await client.words("local", 100);
  assertEquals(answer.ok, false);
});
