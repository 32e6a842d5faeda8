/**
 * The endpoints, asked without a network: what they do to a node, and what they refuse.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  CommitTimeoutError,
  ConfigurationChangedError,
  NotLeaderError,
  OverloadedError,
  toIndex,
} from "@coracle/core";
import { z } from "zod";
import { BackupError } from "../backup/format.ts";
import { PlayedApp } from "./_testing/played_app.ts";
import type { Endpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { problemSchema } from "./problem.ts";

/** Asks, and holds the answer to what the endpoint promises. */
async function asked(
  played: PlayedApp,
  endpoint: Endpoint,
  target: string,
  body?: unknown,
): ReturnType<PlayedApp["ask"]> {
  const answer = await played.ask(endpoint.method, target, body);
  const schema = answer.status === 200 ? endpoint.answer : problemSchema;
  if (schema instanceof z.ZodType) {
    const parsed = schema.safeParse(answer.json);
    assert(parsed.success, `${target}: ${JSON.stringify(answer.json)} ${parsed.error}`);
  }
  return answer;
}

Deno.test("words are added in order and read at each level", async () => {
  const played = new PlayedApp();
  const { addWords, getWords } = ENDPOINTS;
  const added = await asked(played, addWords, "/v1/words?timeoutMs=77", {
    words: ["oar", "paddle"],
  });
  assertEquals([added.status, added.json], [200, {
    words: [{ word: "oar", index: 1 }, { word: "paddle", index: 2 }],
  }]);
  assertEquals(played.raft.timeoutMs, 77);
  for (const level of ["", "?level=linearizable", "?level=lease", "?level=local"]) {
    const read = await asked(played, getWords, `/v1/words${level}`);
    assertEquals(read.json, { index: 2, bestWords: ["paddle", "oar"] });
  }
});

Deno.test("administration does to the consensus what was asked", async () => {
  const played = new PlayedApp();
  const call = (given: object) => ({ timeoutMs: 4321, ...given });
  const address = "127.0.0.1:7004";
  const cases: [Endpoint, string, unknown, unknown[]][] = [
    [ENDPOINTS.putMember, "/v1/members/n4", { address }, ["addVoter", "n4", address, call({})]],
    [ENDPOINTS.putMember, "/v1/members/n2", { previousIndex: 3 }, [
      "addVoter",
      "n2",
      "127.0.0.1:7002",
      call({ prevIndex: toIndex(3) }),
    ]],
    [ENDPOINTS.putMember, "/v1/members/n4", { address, suffrage: "nonvoter" }, [
      "addNonvoter",
      "n4",
      address,
      call({}),
    ]],
    [ENDPOINTS.deleteMember, "/v1/members/n2?previousIndex=5&timeoutMs=9", undefined, [
      "removeServer",
      "n2",
      { timeoutMs: 9, prevIndex: toIndex(5) },
    ]],
    [ENDPOINTS.demoteMember, "/v1/members/n2/demote", undefined, ["demoteVoter", "n2", call({})]],
    [ENDPOINTS.putConfiguration, "/v1/configuration", { members: [{ id: "n1", address }] }, [
      "changeConfiguration",
      { servers: [{ id: "n1", address, suffrage: "voter" }] },
      call({}),
    ]],
    [ENDPOINTS.transferLeadership, "/v1/leadership/transfer", {}, ["transferLeadership", {}]],
    [ENDPOINTS.transferLeadership, "/v1/leadership/transfer", { to: "n2" }, [
      "transferLeadership",
      { to: "n2" },
    ]],
    [ENDPOINTS.takeSnapshot, "/v1/snapshots", undefined, ["snapshot"]],
  ];
  for (const [endpoint, target, body, expected] of cases) {
    const { status, json } = await asked(played, endpoint, target, body);
    assertEquals(status, 200, JSON.stringify(json));
    const done = played.raft.asked.at(-1)!.map((given) => withoutSignal(given));
    assertEquals(done, expected);
  }
  await asked(played, ENDPOINTS.stepDown, "/v1/leadership/step-down");
  assertEquals(played.admin.asked, [["stepDown"]]);
});

function withoutSignal(given: unknown): unknown {
  if (typeof given !== "object" || given === null || !("signal" in given)) return given;
  const { signal, ...rest } = given;
  assert(signal instanceof AbortSignal);
  return rest;
}

Deno.test("the status has everything that a live picture needs", async () => {
  const played = new PlayedApp();
  played.figures.roll(0, 10);
  played.figures.sample("leader.dispatchLog", 3);
  played.figures.sample("rpc.appendEntries.storeLogs", 5);
  played.figures.sample("commitTime", 50);
  played.figures.roll(2000, 30);
  const { json } = await asked(played, ENDPOINTS.getStatus, "/v1/status");
  assertEquals(
    [json.nodeId, json.state, json.term, json.commitIndex, json.appliedIndex, json.fsmPending],
    ["n1", "leader", 4, 23, 21, 2],
  );
  assertEquals(json.leader.httpUrl, "http://n2:8080");
  assertEquals(
    [json.entriesPerSecond, json.diskWrites, json.diskWriteMs, json.diskWriteMaxMs],
    [10, 2, 4, 5],
  );
  const configuration = await asked(played, ENDPOINTS.getConfiguration, "/v1/configuration");
  assertEquals(configuration.json.members, json.members);
});

Deno.test("the level of the logs is told and changed", async () => {
  const played = new PlayedApp();
  const changed = await asked(played, ENDPOINTS.putLogLevel, "/v1/log-level", { level: "debug" });
  assertEquals(changed.json, { level: "debug", previousLevel: "info" });
  const { json } = await asked(played, ENDPOINTS.getLogLevel, "/v1/log-level");
  assertEquals(json, { level: "debug" });
});

Deno.test("a backup is a stream; what goes wrong before it is said", async () => {
  const played = new PlayedApp();
  played.admin.backup = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  const response = await played.app.request("/v1/backup?level=local");
  assertEquals(await response.bytes(), Uint8Array.of(1, 2, 3));
  assertEquals(played.admin.asked, [["takeBackup", true]]);
  played.admin.backup = [];
  played.admin.problem = new NotLeaderError(undefined);
  const { status, json, headers } = await asked(played, ENDPOINTS.getBackup, "/v1/backup");
  assertEquals([status, json.code, headers.get("retry-after")], [503, "not-leader", "1"]);
});

Deno.test("a backup that fails on its way is cut short, and not taken for whole", async () => {
  const played = new PlayedApp();
  played.admin.backup = [Uint8Array.of(1)];
  played.admin.problem = new Error("the disk is gone");
  const response = await played.app.request("/v1/backup");
  assertEquals(await response.bytes().catch((error) => error.message), "the disk is gone");
});

Deno.test("a backup is restored; a damaged one is refused", async () => {
  const played = new PlayedApp();
  const { restoreBackup } = ENDPOINTS;
  const restored = await asked(played, restoreBackup, "/v1/restore", Uint8Array.of(1, 2, 3));
  assertEquals(restored.json, { sizeBytes: 3 });
  assertEquals(played.admin.restored, [Uint8Array.of(1, 2, 3)]);
  played.admin.problem = new BackupError("the backup is damaged");
  const { status, json } = await asked(played, restoreBackup, "/v1/restore", "x");
  assertEquals([status, json.code, json.outcome], [400, "invalid-backup", "failed"]);
});

Deno.test("a follower sends clients to its leader, and says so in the problem", async () => {
  const played = new PlayedApp();
  played.raft.state = "follower";
  played.raft.problem = new NotLeaderError({ id: "n2", address: "127.0.0.1:7002" });
  const { status, json, headers } = await asked(
    played,
    ENDPOINTS.addWords,
    "/v1/words?timeoutMs=5",
    { words: ["oar"] },
  );
  assertEquals(status, 307);
  assertEquals(headers.get("location"), "http://n2:8080/v1/words?timeoutMs=5");
  assertEquals(json.leader, { id: "n2", url: "http://n2:8080" });
  assertEquals([json.code, json.outcome], ["not-leader", "not-written"]);
  const restore = await asked(played, ENDPOINTS.restoreBackup, "/v1/restore", "x");
  assertEquals([restore.status, played.admin.restored], [307, []]);
});

Deno.test("a leader whose address nobody knows is named with 421; none is 503", async () => {
  const played = new PlayedApp();
  played.raft.problem = new NotLeaderError({ id: "n9", address: "127.0.0.1:7009" });
  const named = await asked(played, ENDPOINTS.addWords, "/v1/words", { words: ["oar"] });
  assertEquals([named.status, named.json.leader], [421, { id: "n9" }]);
  played.raft.problem = new NotLeaderError(undefined);
  const none = await asked(played, ENDPOINTS.addWords, "/v1/words", { words: ["oar"] });
  assertEquals([none.status, none.json.leader], [503, undefined]);
  assertEquals(none.headers.get("retry-after"), "1");
});

Deno.test("errors have their code, their outcome, and a status code that fits", async () => {
  const played = new PlayedApp();
  for (
    const [problem, status, outcome] of [
      [new OverloadedError("pendingCallsMax", 1), 429, "not-written"],
      [new CommitTimeoutError(5), 504, "unknown"],
      [new ConfigurationChangedError(toIndex(1), toIndex(2)), 409, "not-written"],
    ] as const
  ) {
    played.raft.problem = problem;
    const answer = await asked(played, ENDPOINTS.demoteMember, "/v1/members/n2/demote");
    assertEquals(answer.headers.get("content-type"), "application/problem+json");
    assertEquals([answer.status, answer.json.code, answer.json.outcome], [
      status,
      problem.code,
      outcome,
    ]);
  }
  played.raft.problem = new Error("a secret of the program");
  const { status, json } = await asked(played, ENDPOINTS.takeSnapshot, "/v1/snapshots");
  assertEquals([status, json.detail, json.outcome], [500, "internal error", "unknown"]);
  assertEquals(played.errors.length, 1);
});

Deno.test("if not all words are added, it is said what has become of each", async () => {
  const played = new PlayedApp();
  const apply = played.raft.apply.bind(played.raft);
  let left = 1;
  played.raft.apply = (...given) => {
    if (left-- === 0) played.raft.problem = new CommitTimeoutError(5);
    return apply(...given);
  };
  const { status, json } = await asked(played, ENDPOINTS.addWords, "/v1/words", {
    words: ["oar", "paddle"],
  });
  assertEquals([status, json.code, json.outcome], [504, "commit-timeout", "unknown"]);
  assertEquals(json.words, [
    { word: "oar", index: 1 },
    { word: "paddle", code: "commit-timeout", outcome: "unknown" },
  ]);
});

Deno.test("what is wrong with a request is said, and nothing is done", async () => {
  const played = new PlayedApp();
  const words = "/v1/words";
  const cases: [string, string, unknown, number, RegExp][] = [
    ["POST", words, {}, 400, /^words is missing; allowed is a list of 1 to 1000 words$/],
    ["POST", words, { words: [] }, 400, /^words is \[\]; allowed is a list of 1 to 1000 words$/],
    ["POST", words, { words: [7] }, 400, /^words\[0\] is 7; allowed is text of valid Unicode$/],
    ["POST", words, { words: ["\ud800"] }, 400, /^words\[0\] is .*valid Unicode$/],
    ["POST", words, { words: ["a\nb"] }, 400, /^words\[0\] has a line feed/],
    [
      "POST",
      words,
      { words: [""] },
      400,
      /^words\[0\] has 0 bytes of UTF-8; allowed are 1 to 100$/,
    ],
    ["POST", words, { words: ["oar", "x".repeat(101)] }, 400, /^words\[1\] has 101 bytes/],
    ["POST", words, { words: ["a"], wards: 1 }, 400, /^wards is not a field; allowed is perhaps/],
    ["POST", words, [], 400, /^the body is \[\]; allowed is an object such as \{"words"/],
    ["GET", `${words}?timeoutMs=1e99`, undefined, 400, /^timeoutMs is [^;]*; allowed is [^;]*$/],
    ["POST", `${words}?timeoutMs=0`, { words: ["a"] }, 400, /^timeoutMs is .*; allowed is a whole/],
    [
      "POST",
      `${words}?forward=maybe`,
      { words: ["a"] },
      400,
      /^forward is "maybe"; allowed is true/,
    ],
    [
      "GET",
      `${words}?level=fresh`,
      undefined,
      400,
      /^level is "fresh"; allowed is linearizable, l/,
    ],
    ["GET", `${words}?level=local&level=lease`, undefined, 400, /^level is given twice/],
    [
      "GET",
      `${words}?lvl=local`,
      undefined,
      400,
      /^lvl is not a field; allowed is level, timeoutMs/,
    ],
    ["PUT", "/v1/members/n%204", {}, 400, /^id is "n 4"; allowed is/],
    ["PUT", "/v1/members/n4", {}, 400, /^address is missing, and "n4" is no member/],
    ["PUT", "/v1/members/n4", { address: "0.0.0.0:1" }, 400, /^address is "0.0.0.0:1"; allowed is/],
    [
      "PUT",
      "/v1/members/n4",
      { suffrage: "king" },
      400,
      /^suffrage is "king"; allowed is voter or/,
    ],
    ["PUT", "/v1/configuration", { members: [] }, 400, /^members is \[\]; allowed is a list/],
    ["PUT", "/v1/log-level", { level: "loud" }, 400, /^level is "loud"; allowed is debug, info/],
    ["POST", "/v1/leadership/transfer", { to: "" }, 400, /^to is ""; allowed is/],
    [
      "DELETE",
      "/v1/members/n2?previousIndex=-1",
      undefined,
      400,
      /^previousIndex is .*allowed is a/,
    ],
    ...["", "%20", "0x3", "1e3"].map((text): [string, string, unknown, number, RegExp] => [
      "DELETE",
      `/v1/members/n2?previousIndex=${text}`,
      undefined,
      400,
      /^previousIndex is ".*"; allowed is a whole number from 0 on$/,
    ]),
    ["GET", `${words}?timeoutMs=`, undefined, 400, /^timeoutMs is ""; allowed is a whole number/],
    ["DELETE", words, undefined, 405, /^the method is DELETE; allowed is GET or POST$/],
    ["POST", "/", undefined, 405, /^the method is POST; allowed is GET$/],
    ["PUT", "/page/main.js", undefined, 405, /^the method is PUT; allowed is GET$/],
    ["GET", "/v1/status?verbose=1", undefined, 400, /^verbose is not a field; allowed is none$/],
    ["GET", "/v2/words", undefined, 404, /^there is nothing at \/v2\/words$/],
    ["POST", words, "words", 415, /^content-type is "text\/plain;charset=UTF-8"; allowed is appl/],
  ];
  for (const [method, target, body, status, detail] of cases) {
    const { status: given, json } = await played.ask(method, target, body);
    assertEquals(given, status, `${method} ${target}: ${JSON.stringify(json)}`);
    assertMatch(json.detail, detail);
    assertEquals(problemSchema.parse(json).outcome, "not-written");
  }
  assertEquals([played.raft.asked, played.raft.applies], [[], 0]);
});

Deno.test("bodies are read up to a bound, and as JSON in UTF-8", async () => {
  const played = new PlayedApp();
  const json = { "content-type": "application/json" };
  for (
    const [body, status, code] of [
      [`{"words":["${"x".repeat(2 * 1024 * 1024)}"]}`, 413, "body-too-large"],
      ["{", 400, "invalid-argument"],
      [Uint8Array.of(0x22, 0xff, 0x22), 400, "invalid-argument"],
    ] as const
  ) {
    const answer = await played.ask("POST", "/v1/words", body, json);
    assertEquals([answer.status, answer.json.code], [status, code]);
  }
});

Deno.test("a body that does not come is not waited for", async () => {
  const played = new PlayedApp({ limits: { commandSizeMaxBytes: 100, requestTimeoutMs: 5 } });
  let cancelled = false;
  const response = await played.app.request("/v1/words", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: new ReadableStream({ cancel: () => void (cancelled = true) }),
  });
  assertEquals([response.status, (await response.json()).code], [408, "body-timeout"]);
  assertEquals(cancelled, true);
});

Deno.test("a node that closes refuses what it has not begun", async () => {
  const played = new PlayedApp();
  await played.calls.close(100);
  const { status, json } = await played.ask("GET", "/v1/words");
  assertEquals([status, json.code, json.outcome], [503, "shutdown", "not-written"]);
  assertEquals((await played.ask("GET", "/live")).status, 200);
});
