/**
 * Changes of the status, as they are told.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { PlayedApp } from "./_testing/played_app.ts";
import { EVENT_STREAMS_MAX } from "./handlers.ts";

/** The next event of a stream. */
async function next(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<{ readonly id: string; readonly state: string } | undefined> {
  const { value, done } = await reader.read();
  if (done) return undefined;
  const [, id, data] = /^id: (\d+)\nevent: status\ndata: (.*)\n\n$/.exec(
    new TextDecoder().decode(value),
  )!;
  return { id: id!, state: JSON.parse(data!).state };
}

Deno.test("the status comes at once, and again when the role changes", async () => {
  const played = new PlayedApp();
  const response = await played.app.request("/v1/events");
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body!.getReader();
  assertEquals(await next(reader), { id: "1", state: "leader" });
  const change = next(reader);
  played.raft.state = "follower";
  assertEquals(await change, { id: "2", state: "follower" });
  played.closing.abort();
  assertEquals(await next(reader), undefined, "a node that closes ends its streams");
});

Deno.test("there are only so many streams; one that ends makes room", async () => {
  const played = new PlayedApp();
  const bodies = [];
  for (let at = 0; at < EVENT_STREAMS_MAX; at += 1) {
    bodies.push((await played.app.request("/v1/events")).body!);
  }
  const { status, json } = await played.ask("GET", "/v1/events");
  assertEquals([status, json.code], [429, "overloaded"]);
  assertMatch(json.detail, /^there are 64 streams/);
  await bodies[0]!.cancel();
  const again = await played.app.request("/v1/events");
  assertEquals(again.status, 200);
  for (const body of [...bodies.slice(1), again.body!]) await body.cancel();
});

Deno.test("who asks for the header alone opens no stream", async () => {
  const played = new PlayedApp();
  for (let at = 0; at <= EVENT_STREAMS_MAX; at += 1) {
    const { status, body } = await played.app.request("/v1/events", { method: "HEAD" });
    assertEquals([status, body], [200, null]);
  }
});
