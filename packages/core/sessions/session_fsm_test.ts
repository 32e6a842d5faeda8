/**
 * A state machine with sessions: what is applied, what is answered from memory, what is forgotten, and when.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { IndexedConfiguration } from "../model/configuration.ts";
import { InvalidConfigError } from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";
import { bytesCodec, type Codec } from "../typed/codec.ts";
import { BatchRecorder, bytesOf, command, entryOf, Log, Recorder, textOf } from "./_testing/log.ts";
import type { Envelope } from "./envelope.ts";
import { DEFAULT_SESSION_LIMITS, encodeLimits, type SessionLimits } from "./limits.ts";
import { sessionFsm } from "./session_fsm.ts";

const REGISTER = { kind: "register" } as const;
const keepAlive = (session: number, lowest = 0): Envelope => ({
  kind: "keepAlive",
  session: toIndex(session),
  lowest,
});

/** A log of a {@linkcode Recorder} with sessions. */
function start(limits: Partial<SessionLimits> = {}) {
  const inner = new Recorder();
  const log = new Log(sessionFsm(inner, limits));
  return { inner, log };
}

Deno.test("a command of a session is applied once, and answered the same every time", async () => {
  const { inner, log } = start();
  assertEquals(await log.apply({ envelope: REGISTER }), {
    status: "registered",
    session: toIndex(1),
    limits: DEFAULT_SESSION_LIMITS,
  });
  const first = await log.apply({ envelope: command(1, 1), data: "a" });
  assertEquals(first, { status: "applied", response: { count: 1, text: "a" } });
  await log.apply({ envelope: command(1, 2), data: "b" });
  assertEquals(await log.apply({ envelope: command(1, 1), data: "a" }), first);
  assertEquals(inner.commands, ["a", "b"]);
});

Deno.test("sessions do not see each other's serials", async () => {
  const { inner, log } = start();
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: command(1, 1), data: "of 1" });
  await log.apply({ envelope: command(2, 1), data: "of 2" });
  assertEquals(inner.commands, ["of 1", "of 2"]);
});

Deno.test("entries without an envelope reach the state machine as they are", async () => {
  const seen: unknown[] = [];
  const inner: Fsm<string> = {
    apply(entry) {
      seen.push(entry);
      return "answer";
    },
  };
  const fsm = sessionFsm(inner);
  const plain = entryOf(1, { data: "x", own: "for another layer", atMs: 5 });
  assertEquals(await fsm.apply(plain), { status: "applied", response: "answer" });
  assertStrictEquals(seen[0], plain);
});

Deno.test("in an envelope, data and the caller's own extensions reach the state machine", async () => {
  const { inner, log } = start();
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: command(1, 1), data: "x", own: "mine" });
  await log.apply({ envelope: command(1, 2), data: "y" });
  assertEquals(inner.commands, ["x+mine", "y"]);
});

Deno.test("commands under way together may arrive in any order, and again", async () => {
  const { inner, log } = start();
  await log.apply({ envelope: REGISTER });
  const answers = new Map<number, unknown>();
  for (const serial of [3, 1, 3, 4, 2, 1, 4, 2]) {
    const answer = await log.apply({ envelope: command(1, serial), data: `${serial}` });
    assertEquals(answer, answers.get(serial) ?? answer);
    answers.set(serial, answer);
  }
  assertEquals(inner.commands, ["3", "1", "4", "2"]);
});

Deno.test("below the lowest serial that a client waits for, responses are gone and nothing is applied", async () => {
  const { inner, log } = start();
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: command(1, 1), data: "1" });
  await log.apply({ envelope: command(1, 3), data: "3" });
  await log.apply({ envelope: command(1, 4, 3), data: "4" });
  for (const serial of [1, 2]) {
    assertEquals(await log.apply({ envelope: command(1, serial) }), { status: "dropped" });
  }
  const again = await log.apply({ envelope: command(1, 3), data: "3" });
  assertEquals(again, { status: "applied", response: { count: 2, text: "3" } });
  await log.apply({ envelope: keepAlive(1, 4) });
  assertEquals(await log.apply({ envelope: command(1, 3) }), { status: "dropped" });
  assertEquals(inner.commands, ["1", "3", "4"]);
});

Deno.test("a client may skip any number of serials", async () => {
  const { inner, log } = start();
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: command(1, 1), data: "first" });
  const far = Number.MAX_SAFE_INTEGER - 1;
  await log.apply({ envelope: command(1, far, far - 1), data: "last" });
  assertEquals((await log.apply({ envelope: command(1, 1) })).status, "dropped");
  assertEquals((await log.apply({ envelope: command(1, far, far - 1) })).status, "applied");
  assertEquals(inner.commands, ["first", "last"]);
});

Deno.test("a session that was closed, or never was, applies nothing", async () => {
  const { inner, log } = start();
  await log.apply({ envelope: REGISTER });
  const close = { kind: "close", session: toIndex(1) } as const;
  assertEquals(await log.apply({ envelope: close }), { status: "closed" });
  assertEquals(await log.apply({ envelope: close }), { status: "closed" });
  for (const envelope of [command(1, 1), command(9, 1), keepAlive(1), keepAlive(9)]) {
    assertEquals(await log.apply({ envelope }), { status: "expired" });
  }
  assertEquals(inner.commands, []);
});

Deno.test("a session expires by what entries say of the time, and by nothing else", async () => {
  const { log } = start({ ttlMs: 100 });
  await log.apply({ envelope: REGISTER, atMs: 1000 });
  await log.apply({ envelope: REGISTER, atMs: 1000 });
  // Used up to the last moment: by a command, by one that is answered from memory, by a keep-alive.
  await log.apply({ envelope: command(1, 1), atMs: 1100 });
  await log.apply({ envelope: command(1, 1), atMs: 1200 });
  assertEquals(await log.apply({ envelope: keepAlive(1), atMs: 1300 }), { status: "kept-alive" });
  assertEquals(await log.apply({ envelope: keepAlive(2), atMs: 1300 }), { status: "expired" });
  // Time that goes back, or is not there, is no time.
  for (const atMs of [0, 5, -1, NaN, Infinity]) await log.apply({ atMs });
  assertEquals((await log.apply({ envelope: keepAlive(1) })).status, "kept-alive");
  // Another layer's entry lets time pass as well.
  await log.apply({ data: "plain", atMs: 1401 });
  assertEquals(await log.apply({ envelope: keepAlive(1) }), { status: "expired" });
});

Deno.test("what was used stays after what was not", async () => {
  const { log } = start({ ttlMs: 100 });
  await log.apply({ envelope: REGISTER, atMs: 1000 });
  await log.apply({ envelope: REGISTER, atMs: 1050 });
  await log.apply({ envelope: keepAlive(1), atMs: 1100 });
  await log.apply({ atMs: 1151 });
  assertEquals((await log.apply({ envelope: keepAlive(2) })).status, "expired");
  assertEquals((await log.apply({ envelope: keepAlive(1) })).status, "kept-alive");
});

Deno.test("with too many sessions, the one that was not used for longest goes", async () => {
  const { log } = start({ sessionsMax: 2 });
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: keepAlive(1) });
  await log.apply({ envelope: REGISTER });
  const statuses = [];
  for (const id of [2, 1, 4]) {
    statuses.push((await log.apply({ envelope: keepAlive(id) })).status);
  }
  assertEquals(statuses, ["expired", "kept-alive", "kept-alive"]);
});

Deno.test("with too many responses, the lowest serials are given up", async () => {
  const { inner, log } = start({ responsesMax: 2 });
  await log.apply({ envelope: REGISTER });
  for (const serial of [2, 3, 5]) {
    await log.apply({ envelope: command(1, serial), data: `${serial}` });
  }
  const statuses = [];
  for (const serial of [1, 2, 3, 5]) {
    statuses.push((await log.apply({ envelope: command(1, serial), data: `${serial}` })).status);
  }
  assertEquals(statuses, ["dropped", "dropped", "applied", "applied"]);
  assertEquals(inner.commands, ["2", "3", "5"]);
});

Deno.test("with too many bytes of responses, the lowest are not kept, but never applied again", async () => {
  const inner: Fsm<Uint8Array> & { applied: number } = {
    applied: 0,
    apply({ data }) {
      this.applied += 1;
      return data;
    },
  };
  const log = new Log(sessionFsm(inner, { responsesSizeMaxBytes: 10, codec: bytesCodec }));
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: command(1, 1), data: "" });
  await log.apply({ envelope: command(1, 3), data: "four" });
  await log.apply({ envelope: command(1, 4), data: "five!" });
  await log.apply({ envelope: command(1, 5), data: "six..." });
  const answers = [];
  for (const serial of [1, 3, 4, 5]) {
    const answer = await log.apply({ envelope: command(1, serial), data: "again" });
    answers.push(answer.status === "applied" ? textOf(answer.response) : answer.status);
  }
  assertEquals(answers, ["", "dropped", "dropped", "six..."]);
  // The answer itself still goes out, once, however large.
  const large = await log.apply({ envelope: command(1, 2), data: "more than ten bytes" });
  assertEquals(large.status === "applied" && textOf(large.response), "more than ten bytes");
  assertEquals((await log.apply({ envelope: command(1, 2) })).status, "dropped");
  assertEquals((await log.apply({ envelope: command(1, 5) })).status, "applied");
  assertStrictEquals(inner.applied, 5);
});

Deno.test("the first answer has gone through the codec like every later one", async () => {
  const log = new Log(sessionFsm<unknown>({ apply: () => ({ at: new Date(0), none: undefined }) }));
  await log.apply({ envelope: REGISTER });
  const first = await log.apply({ envelope: command(1, 1) });
  assertEquals(first, { status: "applied", response: { at: "1970-01-01T00:00:00.000Z" } });
  assertEquals(await log.apply({ envelope: command(1, 1) }), first);
});

Deno.test("no response is a response", async () => {
  const log = new Log(sessionFsm<void>({ apply: () => {} }));
  await log.apply({ envelope: REGISTER });
  for (let time = 0; time < 2; time += 1) {
    const answer = await log.apply({ envelope: command(1, 1) });
    assertEquals(answer, { status: "applied", response: undefined });
  }
});

Deno.test("a response that the codec no longer reads is dropped; nothing stops", async () => {
  let isNew = false;
  const codec: Codec<string> = {
    encode: bytesOf,
    decode(bytes) {
      if (isNew) throw new SyntaxError("another format");
      return textOf(bytes);
    },
  };
  const log = new Log(sessionFsm<string>({ apply: () => "old" }, { codec }));
  await log.apply({ envelope: REGISTER });
  await log.apply({ envelope: command(1, 1) });
  isNew = true;
  assertEquals(await log.apply({ envelope: command(1, 1) }), { status: "dropped" });
});

Deno.test("a malformed envelope is refused, and the command not applied", async () => {
  const { inner, log } = start();
  const answer = await log.apply({ own: "cSe1", data: "x" });
  assertEquals(answer, {
    status: "malformed",
    problem: "a session envelope has 4 bytes; at least 29 are allowed",
  });
  assertEquals(inner.commands, []);
});

Deno.test("a state machine that waits is waited for; one that throws is not caught", async () => {
  const inner: Fsm<number> = {
    async apply({ data }) {
      await Promise.resolve();
      if (data.length === 0) throw new RangeError("nothing");
      return data.length;
    },
  };
  const log = new Log(sessionFsm(inner));
  await log.apply({ envelope: REGISTER });
  const answer = await log.apply({ envelope: command(1, 1), data: "abc" });
  assertEquals(answer, { status: "applied", response: 3 });
  assertEquals(await log.apply({ envelope: command(1, 1), data: "abc" }), answer);
  await assertRejects(() => log.apply({ envelope: command(1, 2) }), RangeError, "nothing");
});

Deno.test("a state machine that does not wait makes nobody wait", () => {
  const fsm = sessionFsm(new BatchRecorder());
  assert(!(fsm.apply(entryOf(1, { envelope: REGISTER })) instanceof Promise));
  assert(!(fsm.apply(entryOf(2, { envelope: command(1, 1) })) instanceof Promise));
  assert(!(fsm.applyBatch!([entryOf(3, { envelope: command(1, 2) })]) instanceof Promise));
});

Deno.test("limits change at an entry, for what is there and what comes", async () => {
  const { log } = start({ sessionsMax: 3, responsesMax: 5 });
  for (let id = 1; id <= 3; id += 1) await log.apply({ envelope: REGISTER });
  for (const serial of [1, 2, 3]) await log.apply({ envelope: command(3, serial) });
  const envelope = { kind: "changeLimits" } as const;
  const limits = { ...DEFAULT_SESSION_LIMITS, sessionsMax: 2, responsesMax: 1 };
  const data = encodeLimits({ sessionsMax: 2, responsesMax: 1 });
  assertEquals(await log.apply({ envelope, data }), { status: "limits-changed", limits });
  const statuses = [];
  for (const envelope of [keepAlive(1), command(3, 2), command(3, 3)]) {
    statuses.push((await log.apply({ envelope })).status);
  }
  assertEquals(statuses, ["expired", "dropped", "applied"]);
  await log.apply({ envelope, data: encodeLimits({ ttlMs: 10 }), atMs: 1000 });
  await log.apply({ atMs: 1011 });
  assertEquals((await log.apply({ envelope: keepAlive(3) })).status, "expired");
});

Deno.test("limits that cannot be are refused and change nothing", async () => {
  const { log } = start();
  const envelope = { kind: "changeLimits" } as const;
  const tooMany = encodeLimits({ sessionsMax: 2 ** 24 + 1 });
  assertEquals(await log.apply({ envelope, data: tooMany }), {
    status: "malformed",
    problem: "sessionsMax is 16777217; allowed is 1 to 16777216",
  });
  const short = await log.apply({ envelope, data: "short" });
  assertEquals(short, {
    status: "malformed",
    problem: "session limits of 5 bytes; 32 are allowed",
  });
  const beyond = await log.apply({ envelope, data: new Uint8Array(32).fill(0xff) });
  assert(beyond.status === "malformed" && beyond.problem.includes("beyond 2^53 - 1"));
  assertEquals((await log.apply({ envelope, data: new Uint8Array(33) })).status, "malformed");
  const same = await log.apply({ envelope, data: encodeLimits({}) });
  assertEquals(same, { status: "limits-changed", limits: DEFAULT_SESSION_LIMITS });
});

Deno.test("options that cannot be are refused by name", () => {
  const wrong: [Partial<SessionLimits>, string][] = [
    [{ ttlMs: 0 }, "ttlMs is 0; allowed is a whole number from 1 to"],
    [{ ttlMs: 1.5 }, "ttlMs is 1.5"],
    [{ sessionsMax: NaN }, "sessionsMax is NaN"],
    [
      { responsesMax: 2 ** 21 },
      "responsesMax is 2097152; allowed is a whole number from 1 to 1048576",
    ],
    [{ responsesSizeMaxBytes: -1 }, "responsesSizeMaxBytes is -1"],
  ];
  for (const [limits, message] of wrong) {
    assertThrows(() => sessionFsm(new Recorder(), limits), InvalidConfigError, message);
  }
  const half: Fsm = { apply: () => {}, snapshot: () => [] };
  assertThrows(() => sessionFsm(half), InvalidConfigError, "inner is with snapshot() only");
  const keeper: Fsm = { apply: () => {}, keptIndex: () => 0 };
  assertThrows(() => sessionFsm(keeper), InvalidConfigError, "inner is with keptIndex()");
  const other = { apply: () => {}, restore: () => Promise.resolve() };
  assertThrows(() => sessionFsm(other), InvalidConfigError, "inner is with restore() only");
  for (const none of [Recorder, undefined, {}]) {
    assertThrows(
      () => sessionFsm(none as unknown as Fsm),
      InvalidConfigError,
      "inner is without apply(); allowed is a state machine with apply()",
    );
  }
});

Deno.test("the wrapper has what the state machine inside has, and no more", () => {
  const plain = sessionFsm({ apply: () => {} });
  assertEquals(Object.keys(plain), ["apply"]);
  const full = sessionFsm(new BatchRecorder());
  assertEquals(Object.keys(full), ["apply", "applyBatch", "snapshot", "restore"]);
});

Deno.test("configurations reach a state machine inside that keeps them", () => {
  const kept: IndexedConfiguration[] = [];
  const fsm = sessionFsm({ apply: () => {}, storeConfiguration: (one) => void kept.push(one) });
  const configuration = { index: toIndex(1), configuration: { servers: [] } };
  fsm.storeConfiguration!(configuration);
  assertEquals(kept, [configuration]);
});

Deno.test("commands in a batch stay together, as far as none depends on the answer to another", async () => {
  for (const isAsync of [false, true]) {
    const inner = new BatchRecorder(isAsync);
    const fsm = sessionFsm(inner);
    const entries = [
      { envelope: REGISTER },
      { envelope: REGISTER },
      { envelope: command(1, 1), data: "a" },
      { envelope: command(1, 2), data: "b" },
      { data: "c" },
      { envelope: command(2, 1), data: "d" },
      { envelope: keepAlive(2) },
      { envelope: command(1, 2), data: "b again" },
      { envelope: command(1, 3, 2), data: "e" },
      { envelope: command(2, 2), data: "f" },
    ];
    const answers = await fsm.applyBatch!(entries.map((parts, at) => entryOf(at + 1, parts)));
    assertEquals(inner.commands, ["a", "b", "c", "d", "e", "f"]);
    assertEquals(inner.sizes, [4, 2]);
    const texts = answers.map((answer) =>
      answer.status === "applied" ? answer.response.text : answer.status
    );
    const expected = ["registered", "registered", "a", "b", "c", "d", "kept-alive", "b", "e", "f"];
    assertEquals(texts, expected);
  }
});

Deno.test("a batch that the state machine inside does not answer in full stops the node", () => {
  const inner: Fsm<number> = { apply: () => 1, applyBatch: () => [1] };
  const fsm = sessionFsm(inner);
  const entries = [entryOf(1, { data: "a" }), entryOf(2, { data: "b" })];
  assertThrows(() => fsm.applyBatch!(entries), Error, "gave 1 responses to 2 commands");
});
