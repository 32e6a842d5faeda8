/**
 * A client's session on a way that loses, delays and repeats: what is retried, what is not, and what callers are told.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { settle } from "@coracle/testing";
import { watch } from "../driver/_testing/outcome.ts";
import {
  AbortedByRestoreError,
  type AbortedError,
  CommandTooLargeError,
  CommitTimeoutError,
  EnqueueTimeoutError,
  InvalidConfigError,
  NotLeaderError,
  OverloadedError,
  RaftError,
} from "../model/errors.ts";
import { toIndex } from "../model/numbers.ts";
import { bytesOf, type Recorded, textOf } from "./_testing/log.ts";
import type { Fate } from "./_testing/way.ts";
import { ownExtensions } from "./envelope.ts";
import { ResponseDroppedError, SessionExpiredError } from "./errors.ts";
import { Session } from "./session.ts";
import { envelopes, start, until } from "./_testing/sessions.ts";

Deno.test("commands get serials, and say for which answers their client still waits", async () => {
  const { inner, way, open } = start();
  await using session = await open();
  assertStrictEquals(session.id, toIndex(1));
  const answers = await Promise.all([session.apply(bytesOf("a")), session.apply(bytesOf("b"))]);
  assertEquals(answers, [
    { index: toIndex(2), response: { count: 1, text: "a" } },
    { index: toIndex(3), response: { count: 2, text: "b" } },
  ]);
  await session.apply(bytesOf("c"), { extensions: bytesOf("own") });
  const id = toIndex(1);
  assertEquals(envelopes(way), [
    { kind: "register" },
    { kind: "command", session: id, serial: 1, lowest: 1 },
    { kind: "command", session: id, serial: 2, lowest: 1 },
    { kind: "command", session: id, serial: 3, lowest: 3 },
  ]);
  assertEquals(inner.commands, ["a", "b", "c+own"]);
  const { extensions } = way.attempts[3]!.options;
  assertEquals(textOf(ownExtensions(Uint8Array.from(extensions!))), "own");
});

for (const fate of ["refused", "answer lost", "request lost", "late"] as const) {
  Deno.test(`a command whose attempts are ${fate} is retried, takes effect once and is answered`, async () => {
    const { clock, inner, way, open } = start();
    await using session = await open();
    way.fates = [fate, fate, fate];
    const answer = watch(session.apply(bytesOf("a")));
    await settle();
    assertStrictEquals(answer.summary, "open");
    await way.deliver();
    await clock.advance(20 + 40 + 80);
    assertEquals(answer.value?.response, { count: 1, text: "a" });
    await way.deliver();
    assertEquals(inner.commands, ["a"]);
    assertEquals(way.attempts.map(({ atMs }) => atMs), [0, 0, 20, 60, 140]);
    const sent = envelopes(way).slice(1);
    assertEquals(sent, sent.map(() => sent[0]), "the same serial each time");
  });
}

Deno.test("pauses double up to a limit, and are spread", async () => {
  const { clock, way, open } = start();
  const values = [0, 0.5, 1, 0, 0];
  await using session = await open({
    retryMinMs: 100,
    retryMaxMs: 300,
    random: () => values.shift()!,
  });
  way.fates = Array(5).fill("refused");
  await until(clock, session.apply(bytesOf("a")));
  const times = way.attempts.slice(1).map(({ atMs }) => atMs);
  assertEquals(times.map((atMs, at) => atMs - (times[at - 1] ?? 0)), [0, 50, 150, 300, 150, 150]);
});

Deno.test("what was never written when the time is over is told so; else nobody knows", async () => {
  const cases: [Fate[], typeof EnqueueTimeoutError | typeof CommitTimeoutError, string][] = [
    [["refused", "refused"], EnqueueTimeoutError, "not-leader"],
    [["request lost", "refused"], CommitTimeoutError, "not-leader"],
    [["refused", "request lost"], CommitTimeoutError, "leadership-lost"],
    [["refused", "silent"], CommitTimeoutError, "not-leader"],
  ];
  for (const [fates, type, lastCode] of cases) {
    const { clock, way, open } = start();
    await using session = await open();
    way.fates = [...fates, ...Array(20).fill("refused")];
    const call = session.apply(bytesOf("a"), { timeoutMs: 60 });
    const error = await assertRejects(() => until(clock, call), type);
    assertStrictEquals(clock.now(), 60);
    assertInstanceOf(error.cause, RaftError);
    assertStrictEquals(error.cause.code, lastCode as RaftError["code"]);
    way.fates = [];
  }
});

Deno.test("if no attempt has ended, there is no cause", async () => {
  const { clock, way, open } = start();
  await using session = await open();
  way.fates = ["silent"];
  const call = session.apply(bytesOf("a"), { timeoutMs: 60 });
  const error = await assertRejects(() => until(clock, call), CommitTimeoutError);
  assertStrictEquals("cause" in error, false);
});

Deno.test("each attempt is told how long it may take, and who may end it", async () => {
  const { clock, way, open } = start();
  await using session = await open({ timeoutMs: 1000 });
  const { signal } = new AbortController();
  way.fates = ["refused"];
  await until(clock, session.apply(bytesOf("a"), { signal }));
  await session.apply(bytesOf("b"), { timeoutMs: 7 });
  await session.apply(bytesOf("c"), { timeoutMs: Infinity });
  const given = way.attempts.map(({ options: { timeoutMs, signal } }) => [timeoutMs, signal]);
  assertEquals(given, [
    [1000, undefined],
    [1000, signal],
    [980, signal],
    [7, undefined],
    [undefined, undefined],
  ]);
});

Deno.test("a command that is given up makes room: no late attempt of it takes effect any more", async () => {
  const { clock, inner, way, open } = start();
  await using session = await open();
  way.fates = ["late"];
  const call = session.apply(bytesOf("given up"), { timeoutMs: 10 });
  await assertRejects(() => until(clock, call), CommitTimeoutError);
  await session.apply(bytesOf("next"));
  await way.deliver();
  await settle();
  assertEquals(inner.commands, ["next"]);
  assertEquals(envelopes(way).at(-1), {
    kind: "command",
    session: session.id,
    serial: 2,
    lowest: 2,
  });
});

Deno.test("a signal ends a command, wherever it is", async () => {
  const cases: [Fate, string][] = [
    ["refused", "aborted/not-written"],
    ["request lost", "aborted/unknown"],
    ["silent", "aborted/unknown"],
  ];
  for (const [fate, summary] of cases) {
    const { clock, way, open } = start();
    await using session = await open();
    const controller = new AbortController();
    way.fates = [fate];
    const call = watch(session.apply(bytesOf("a"), { signal: controller.signal }));
    await settle();
    controller.abort("enough");
    await settle();
    assertStrictEquals(call.summary, summary);
    assertStrictEquals((call.error as AbortedError).cause, "enough");
    await clock.advance(1000);
    assertStrictEquals(way.attempts.length, 2, "it is not tried again");
  }
});

Deno.test("an attempt that fails after its command has ended is the last one", async () => {
  const { clock, way, open } = start();
  const session = await open();
  const { promise, resolve } = Promise.withResolvers<Error>();
  way.fates = [promise];
  const call = session.apply(bytesOf("a"), { timeoutMs: 10 });
  await assertRejects(() => until(clock, call), CommitTimeoutError);
  resolve(new NotLeaderError(undefined));
  await clock.advance(5000);
  assertStrictEquals(way.attempts.length, 2);
  await session.close();
  assertStrictEquals(clock.nextTimerAtMs, Infinity);
});

Deno.test("commands that are answered leave no listener and no deadline behind", async () => {
  const { clock, way } = start();
  let timers = 0;
  const counting = {
    now: () => clock.now(),
    setTimer(delayMs: number, callback: () => void) {
      timers += 1;
      return clock.setTimer(delayMs, callback);
    },
  };
  await using session = await Session.open<Recorded>(way.apply, { clock: counting });
  let listeners = 0;
  const { signal } = new AbortController();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listeners += 1;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...given);
  };
  for (let call = 0; call < 100; call += 1) {
    await session.apply(bytesOf("a"), { timeoutMs: 50, signal });
    await clock.advance(1);
  }
  assertStrictEquals(listeners, 0);
  assert(timers <= 4, `${timers} timers`);
});

Deno.test("what a command cannot be is refused, sent nowhere, and takes no serial", async () => {
  const { clock, way, open } = start();
  const session = await open();
  for (const other of ["text", [1, 2], null]) {
    const bytes = other as unknown as Uint8Array;
    await assertRejects(() => session.apply(bytes), InvalidConfigError, "command is of type ");
    await assertRejects(
      () => session.apply(bytesOf("a"), { extensions: bytes }),
      InvalidConfigError,
      "extensions is of type ",
    );
  }
  const signal = new AbortController() as unknown as AbortSignal;
  await assertRejects(
    () => session.apply(bytesOf("a"), { signal }),
    InvalidConfigError,
    "signal is of type AbortController",
  );
  assertStrictEquals(way.attempts.length, 1);
  await session.apply(bytesOf("a"));
  assertEquals(envelopes(way)[1], { kind: "command", session: toIndex(1), serial: 1, lowest: 1 });
  await session.close();
  // Nothing is left that would end, later on, what nobody waits for.
  await clock.advance(60_000);
});

Deno.test("what retrying cannot change is told at once", async () => {
  const { way, open } = start();
  await using session = await open();
  const errors = [
    new AbortedByRestoreError("failed"),
    new CommandTooLargeError(20, 10),
    new InvalidConfigError("timeoutMs", "x", "y"),
    new TypeError("none of ours"),
  ];
  for (const error of errors) {
    way.fates = [error];
    const call = watch(session.apply(bytesOf("a")));
    await settle();
    assertStrictEquals(call.error, error);
  }
  assertStrictEquals(way.attempts.length, 5);
});

Deno.test("what was written perhaps stays so, whatever is said of later attempts", async () => {
  const { clock, way, open } = start();
  await using session = await open();
  way.fates = ["request lost", ...Array(50).fill(new CommandTooLargeError(20, 10))];
  const call = session.apply(bytesOf("a"), { timeoutMs: 100 });
  await assertRejects(() => until(clock, call), CommitTimeoutError);
  way.fates = ["request lost", new AbortedByRestoreError("failed")];
  const failed = session.apply(bytesOf("b"));
  await assertRejects(() => until(clock, failed), AbortedByRestoreError);
});

Deno.test("an expired session says whether its command may have been applied", async () => {
  const { clock, way, open } = start({ ttlMs: 1000 });
  await using session = await open();
  way.fates = ["late", "refused"];
  const unknown = watch(session.apply(bytesOf("a")));
  await settle();
  way.aheadMs = 5000;
  await way.write(bytesOf("plain"), {});
  await clock.advance(100);
  assertStrictEquals(unknown.summary, "session-expired/unknown");
  assertInstanceOf(unknown.error, SessionExpiredError);
  assertStrictEquals(unknown.error.session, session.id);
  assertStrictEquals(session.status, "expired");
  const attempts = way.attempts.length;
  const error = await assertRejects(() => session.apply(bytesOf("b")), SessionExpiredError);
  assertStrictEquals(error.outcome, "not-written");
  await clock.advance(10_000);
  assertStrictEquals(way.attempts.length, attempts);
});

Deno.test("a command that came after its session had expired failed for certain", async () => {
  const { clock, way, open } = start({ sessionsMax: 1 });
  await using session = await open();
  await using other = await open();
  way.fates = ["refused"];
  const call = session.apply(bytesOf("a"));
  const error = await assertRejects(() => until(clock, call), SessionExpiredError);
  assertStrictEquals(error.outcome, "failed");
  await other.apply(bytesOf("b"));
});

Deno.test("a response that was too much to keep is told to be lost", async () => {
  const { clock, inner, way, open } = start({ responsesSizeMaxBytes: 5 });
  await using session = await open();
  way.fates = ["answer lost"];
  const call = session.apply(bytesOf("a"));
  const error = await assertRejects(() => until(clock, call), ResponseDroppedError);
  assertStrictEquals(error.outcome, "unknown");
  assertEquals(inner.commands, ["a"]);
  assertEquals((await session.apply(bytesOf("b"))).response.text, "b");
});

Deno.test("no more commands are under way than responses are kept", async () => {
  const { clock, way, open } = start({ responsesMax: 3 });
  await using session = await open();
  way.fates = ["refused", "ok", "ok"];
  const calls = ["a", "b", "c"].map((text) => session.apply(bytesOf(text)));
  const error = await assertRejects(() => session.apply(bytesOf("d")), OverloadedError);
  assertEquals([error.field, error.limit, error.outcome], ["responsesMax", 3, "not-written"]);
  await settle();
  // b and c are answered; a is not, so their responses are still kept.
  await assertRejects(() => session.apply(bytesOf("d")), OverloadedError);
  await until(clock, Promise.all(calls));
  await session.apply(bytesOf("d"));
});
