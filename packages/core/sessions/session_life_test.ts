/**
 * How a session is opened, kept alive and closed.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { settle } from "@coracle/testing";
import { watch } from "../driver/_testing/outcome.ts";
import {
  AbortedError,
  EnqueueTimeoutError,
  InvalidConfigError,
  NotLeaderError,
} from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { bytesOf } from "./_testing/log.ts";
import { decodeEnvelope } from "./envelope.ts";
import { SessionClosedError, SessionExpiredError } from "./errors.ts";
import type { ApplyFunction } from "../typed/apply_target.ts";
import type { SessionResponse } from "./response.ts";
import { changeSessionLimits, Session, type SessionOptions } from "./session.ts";
import { envelopes, start, until } from "./_testing/sessions.ts";

Deno.test("a session that is not used keeps itself alive, and not more often than it must", async () => {
  const { clock, way, open } = start({ ttlMs: 3000 });
  await using session = await open();
  await clock.advance(900);
  await session.apply(bytesOf("a"));
  await clock.advance(10_000);
  const sent = way.attempts.map(({ atMs }, at) => [atMs, envelopes(way)[at]!.kind]);
  assertEquals(sent.slice(2), Array.from({ length: 10 }, (_, n) => [1900 + n * 1000, "keepAlive"]));
  assertStrictEquals(session.status, "open");
  await session.apply(bytesOf("b"));
});

Deno.test("a keep-alive is retried, also after its time is over", async () => {
  const { clock, way, open } = start({ ttlMs: 30_000 });
  await using session = await open();
  way.fates = Array(20).fill("request lost");
  await clock.advance(29_999);
  assertStrictEquals(way.fates.length, 0);
  await clock.advance(30_000);
  assertStrictEquals(session.status, "open");
  way.fates = ["silent"];
  await clock.advance(30_000);
  assertStrictEquals(way.fates.length, 0);
  await session.apply(bytesOf("a"));
});

Deno.test("a keep-alive that cannot be sent at all is tried again, with pauses", async () => {
  const { clock, way, open } = start({ ttlMs: 30_000 });
  await using _session = await open({ retryMaxMs: 700 });
  way.fates = Array(3).fill(new TypeError("no way"));
  await clock.advance(15_000);
  const times = way.attempts.map(({ atMs }) => atMs);
  assertEquals(times, [0, 10_000, 10_700, 11_400, 12_100]);
});

Deno.test("a keep-alive that comes too late finds out that the session is gone", async () => {
  const { clock, way, open } = start({ ttlMs: 3000, sessionsMax: 1 });
  await using session = await open();
  await using _other = await open();
  await clock.advance(1000);
  assertStrictEquals(session.status, "expired");
  const attempts = way.attempts.filter(({ options }) => {
    const envelope = decodeEnvelope(options.extensions!);
    return envelope?.kind === "keepAlive" && envelope.session === session.id;
  });
  await clock.advance(10_000);
  assertStrictEquals(attempts.length, 1);
});

Deno.test("closing tells the cluster, once, and leaves no timer", async () => {
  const { clock, way, open } = start();
  const session = await open();
  await session.apply(bytesOf("a"));
  way.fates = ["refused"];
  await until(clock, Promise.all([session.close(), session.close()]));
  await session.close();
  await session[Symbol.asyncDispose]();
  assertEquals(envelopes(way).slice(-2), Array(2).fill({ kind: "close", session: session.id }));
  assertStrictEquals(clock.nextTimerAtMs, Infinity);
  assertStrictEquals(session.status, "closed");
  const error = await assertRejects(() => session.apply(bytesOf("b")), SessionClosedError);
  assertStrictEquals(error.outcome, "not-written");
});

Deno.test("closing ends what is under way, and says what is known of it", async () => {
  const { clock, way, open } = start();
  const session = await open();
  way.fates = ["refused", "request lost", "silent"];
  const calls = ["a", "b", "c"].map((text) => watch(session.apply(bytesOf(text))));
  await settle();
  await session.close();
  await settle();
  assertEquals(calls.map(({ summary }) => summary), [
    "session-closed/not-written",
    "session-closed/unknown",
    "session-closed/unknown",
  ]);
  assertStrictEquals(clock.nextTimerAtMs, Infinity);
});

Deno.test("closing while it is kept alive leaves nothing", async () => {
  for (const fate of ["silent", "refused"] as const) {
    const { clock, way, open } = start({ ttlMs: 300 });
    const session = await open();
    way.fates = [fate];
    await clock.advance(100);
    assertEquals(envelopes(way).map((envelope) => envelope?.kind), ["register", "keepAlive"]);
    await session.close();
    assertStrictEquals(clock.nextTimerAtMs, Infinity);
  }
});

Deno.test("what goes wrong in disposal besides the cluster is not hidden", async () => {
  const { clock, way, open } = start();
  const session = await open();
  way.fates = [new TypeError("a mistake")];
  await assertRejects(() => session[Symbol.asyncDispose](), TypeError, "a mistake");
  assertStrictEquals(clock.nextTimerAtMs, Infinity);
});

Deno.test("a cluster that cannot be told does not hold disposal up", async () => {
  const { clock, way, open } = start();
  const session = await open();
  way.fates = Array(1000).fill("refused");
  await until(clock, session[Symbol.asyncDispose]());
  assertStrictEquals(clock.now(), 2000);
  await assertRejects(() => session.close(), EnqueueTimeoutError);
  assertStrictEquals(clock.nextTimerAtMs, Infinity);
});

Deno.test("an expired session is closed without a word", async () => {
  const { clock, way, open } = start({ sessionsMax: 1 });
  const session = await open();
  await using _other = await open();
  await assertRejects(() => session.apply(bytesOf("a")), SessionExpiredError);
  const attempts = way.attempts.length;
  await session.close();
  assertStrictEquals(way.attempts.length, attempts);
  assertStrictEquals(session.status, "closed");
  assert(clock.nextTimerAtMs < Infinity, "the other one's");
});

Deno.test("opening is retried, and ends with the session's own time or signal", async () => {
  const { clock, way, open } = start();
  way.fates = ["refused", "answer lost"];
  const opened = open();
  const session = await until(clock, opened);
  assertStrictEquals(session.id, toIndex(2), "the first one expires by itself");
  await session.close();

  way.fates = Array(1000).fill("refused");
  const timedOut = open({ timeoutMs: 500 });
  await assertRejects(() => until(clock, timedOut), EnqueueTimeoutError);
  const controller = new AbortController();
  const aborted = watch(open({ signal: controller.signal }));
  await clock.advance(100);
  controller.abort();
  await settle();
  assertStrictEquals(aborted.summary, "aborted/not-written");
  assertStrictEquals(clock.nextTimerAtMs, Infinity);
});

/** In the place of its signal. */
const CONTROLLER = new AbortController() as unknown as AbortSignal;

Deno.test("options that cannot be are refused by name", async () => {
  const { way, open } = start();
  const wrong: [SessionOptions, string][] = [
    [{ retryMinMs: 0 }, "retryMinMs is 0; allowed is more than 0 milliseconds"],
    [{ retryMaxMs: Infinity }, "retryMaxMs is Infinity"],
    [{ timeoutMs: NaN }, "timeoutMs is NaN; allowed is 0 or more milliseconds"],
    [
      { timeoutMs: "500" as unknown as number },
      'timeoutMs is "500"; allowed is 0 or more milliseconds',
    ],
    [{ signal: CONTROLLER }, "signal is of type AbortController; allowed is an AbortSignal"],
  ];
  for (const [options, message] of wrong) {
    await assertRejects(() => open(options), InvalidConfigError, message);
  }
  await assertRejects(() => open({ signal: AbortSignal.abort() }), AbortedError);
  assertStrictEquals(way.attempts.length, 0);
  await using session = await open();
  await assertRejects(() => session.apply(bytesOf("a"), { timeoutMs: -1 }), InvalidConfigError);
  await assertRejects(() => session.close({ timeoutMs: -1 }), InvalidConfigError);
  assertStrictEquals(session.status, "open");
});

Deno.test("a state machine without sessions is noticed", async () => {
  const answers = [5, undefined, null, { status: "applied", response: 1 }];
  for (const response of answers) {
    const apply = () => Promise.resolve({ index: toIndex(1), response });
    const untyped = apply as unknown as ApplyFunction<SessionResponse<unknown>>;
    const error = await assertRejects(() => Session.open(untyped), InvalidConfigError);
    assert(error.message.includes("wrapped in sessionFsm()"), error.message);
    // The registration was a command to it.
    assertStrictEquals(error.outcome, "unknown");
    await assertRejects(
      () => changeSessionLimits(untyped, { ttlMs: 5 }),
      InvalidConfigError,
      "wrapped in sessionFsm()",
    );
  }
});

Deno.test("limits are changed by a command, with one attempt", async () => {
  const { way, open } = start();
  await using session = await open();
  const limits = await changeSessionLimits(way.apply, { ttlMs: 1000, responsesMax: 2 });
  assertEquals([limits.ttlMs, limits.sessionsMax, limits.responsesMax], [1000, 4096, 2]);
  const attempts = way.attempts.length;
  const wrong = () => changeSessionLimits(way.apply, { ttlMs: 0 });
  await assertRejects(wrong, InvalidConfigError, "ttlMs is 0");
  assertStrictEquals(way.attempts.length, attempts);
  way.fates = ["refused"];
  await assertRejects(() => changeSessionLimits(way.apply, {}), NotLeaderError);
  await session.apply(bytesOf("a"));
});
