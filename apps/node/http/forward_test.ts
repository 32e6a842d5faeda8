/**
 * A node that does not lead asks the leader in the client's place, once.
 *
 * @module
 */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { NotLeaderError } from "@coracle/core";
import { PlayedApp } from "./_testing/played_app.ts";
import { forward } from "./forward.ts";
import { HttpError } from "./problem.ts";

/** A follower of n2, whose requests to the leader are answered by `answer`. */
function follower(answer: (request: Request) => Response | Promise<Response>): PlayedApp {
  const fetch = (input: RequestInfo | URL, init?: RequestInit) =>
    Promise.resolve(answer(new Request(input, init)));
  const played = new PlayedApp({ fetch });
  played.raft.state = "follower";
  played.raft.problem = new NotLeaderError({ id: "n2", address: "127.0.0.1:7002" });
  return played;
}

const WORDS = { words: ["oar"] };

Deno.test("the leader gets the request as it came, and the client its answer", async () => {
  const asked: Request[] = [];
  const bodies: unknown[] = [];
  const played = follower(async (request) => {
    asked.push(request);
    bodies.push(await request.json());
    return Response.json({ code: "overloaded" }, {
      status: 429,
      headers: { "retry-after": "1", "x-other": "stays there" },
    });
  });
  for (
    const [target, headers] of [
      ["/v1/words?forward=true&timeoutMs=5", { authorization: "Bearer t" }],
      ["/v1/words?timeoutMs=5", { authorization: "Bearer t", "coracle-forward": "true" }],
    ] as const
  ) {
    const answer = await played.ask("POST", target, WORDS, headers);
    assertEquals([answer.status, answer.json], [429, { code: "overloaded" }]);
    assertEquals(answer.headers.get("retry-after"), "1");
    assertEquals(answer.headers.get("coracle-served-by"), "n2");
    assertEquals(answer.headers.get("x-other"), null);
    const request = asked.at(-1)!;
    assertEquals([request.method, request.url], ["POST", `http://n2:8080${target}`]);
    assertEquals(request.headers.get("coracle-forwarded-by"), "n1");
    assertEquals(request.headers.get("authorization"), "Bearer t");
    assertEquals(bodies.at(-1), WORDS);
  }
});

Deno.test("what was forwarded is not forwarded again", async () => {
  const played = follower(() => {
    throw new Error("nobody is asked");
  });
  const { status } = await played.ask("POST", "/v1/words?forward=true", WORDS, {
    "coracle-forwarded-by": "n3",
  });
  assertEquals(status, 307);
});

Deno.test("without being asked to, and for what every node can do, nobody is asked", async () => {
  const played = follower(() => {
    throw new Error("nobody is asked");
  });
  assertEquals((await played.ask("POST", "/v1/words", WORDS)).status, 307);
  const forward = { "coracle-forward": "true" };
  assertEquals((await played.ask("GET", "/v1/status", undefined, forward)).status, 200);
});

Deno.test("a leader that gives no answer may have got the request", async () => {
  const played = follower(() => Promise.reject(new TypeError("connection reset")));
  const { status, json } = await played.ask("POST", "/v1/words?forward=true", WORDS);
  assertEquals([status, json.code, json.outcome], [502, "forward-failed", "unknown"]);
  assertMatch(
    json.detail,
    /^the leader, n2 at http:\/\/n2:8080, gives no answer: connection reset$/,
  );
});

Deno.test("a leader that stands still is not waited for longer than the answer may take", async () => {
  const fetch = (_input: unknown, { signal }: RequestInit = {}) =>
    new Promise<Response>((_, reject) =>
      signal!.addEventListener("abort", () => reject(signal!.reason))
    );
  const error = await assertRejects(
    () =>
      forward(new Request("http://n1/v1/words", { method: "POST" }), {
        leader: { id: "n2", url: "http://n2:8080" },
        by: "n1",
        fetch,
        signal: new AbortController().signal,
        bounded: { body: null, timeoutMs: 20 },
      }),
    HttpError,
    "gives no answer: nothing has come for 20 ms",
  );
  assertEquals([error.status, error.details.outcome], [502, "unknown"]);
});

Deno.test("a body that is no stream is read here: one that does not come is given up", async () => {
  const played = follower(() => {
    throw new Error("nobody is asked");
  });
  const { status, json } = await played.ask(
    "POST",
    "/v1/words?forward=true",
    "x".repeat(2_000_000),
  );
  assertEquals([status, json.code], [413, "body-too-large"]);
});
