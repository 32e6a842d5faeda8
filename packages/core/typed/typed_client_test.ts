/**
 * The typed client: results, refusals, and what TypeScript knows of both.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Entry, NO_BYTES } from "../model/entry.ts";
import {
  InvalidConfigError,
  LeadershipLostError,
  NotLeaderError,
  RaftError,
} from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import type { ApplyOptions } from "../driver/options.ts";
import { Log, textOf } from "../sessions/_testing/log.ts";
import { Session } from "../sessions/session.ts";
import { sessionFsm } from "../sessions/session_fsm.ts";
import type { ApplyFunction } from "./apply_target.ts";
import { jsonCodec } from "./codec.ts";
import { CommandRefusedError, refuse } from "./errors.ts";
import type { Command, CommonRefusal, TypedResponse } from "./protocol.ts";
import { typedClient } from "./typed_client.ts";
import { typedFsm } from "./typed_fsm.ts";

interface Counter {
  add: { input: { by: number }; output: number; error: "overflow" };
  total: { output: number };
  reset: Record<never, never>;
}

function counter() {
  let value = 0;
  return typedFsm<Counter>({
    add: ({ by }) => value + by > 10 ? refuse("overflow", "at most 10") : value += by,
    total: () => value,
    reset() {
      value = 0;
    },
  }, jsonCodec());
}

/** Applies to `fsm` as a node would. */
function applyTo<Response>(fsm: { apply(entry: Entry): Response | Promise<Response> }) {
  const calls: { data: Uint8Array; options: ApplyOptions }[] = [];
  let index = 4;
  const apply: ApplyFunction<Response> = async (data, options) => {
    calls.push({ data, options });
    const response = await fsm.apply({
      index: toIndex(++index),
      term: toTerm(1),
      type: "command",
      data: Uint8Array.from(data),
      extensions: Uint8Array.from(options.extensions ?? NO_BYTES),
      appendedAtMs: 0,
    });
    return { index: toIndex(index), response };
  };
  return { apply, calls };
}

Deno.test("commands are called like functions", async () => {
  const { apply, calls } = applyTo(counter());
  const client = typedClient<Counter>(apply, jsonCodec());
  const sum: number = await client.call("add", { by: 3 });
  assertStrictEquals(sum, 3);
  assertEquals(await client.apply("add", { by: 4 }), { index: toIndex(6), response: 7 });
  const nothing: void = await client.call("reset");
  assertStrictEquals(nothing, undefined);
  assertStrictEquals(await client.call("total"), 0);
  assertEquals(calls.map(({ data }) => textOf(data)), [
    '{"name":"add","input":{"by":3}}',
    '{"name":"add","input":{"by":4}}',
    '{"name":"reset"}',
    '{"name":"total"}',
  ]);
});

Deno.test("options reach the function under it", async () => {
  const { apply, calls } = applyTo(counter());
  const client = typedClient<Counter>({ apply }, jsonCodec());
  const options = { timeoutMs: 50, extensions: Uint8Array.of(1) };
  await client.call("add", { by: 1 }, options);
  await client.call("reset", undefined, options);
  assertEquals(calls.map(({ options }) => options), [options, options]);
});

Deno.test("a refusal is an error that says which, and that nothing changed", async () => {
  const client = typedClient<Counter>(applyTo(counter()).apply, jsonCodec());
  const error = await assertRejects(() => client.call("add", { by: 11 }), CommandRefusedError);
  assert(error instanceof RaftError);
  assertEquals([error.code, error.outcome, error.name], [
    "command-refused",
    "failed",
    "CommandRefusedError",
  ]);
  assertEquals([error.command, error.refusal], ["add", "overflow"]);
  assertStrictEquals(error.message, "the command add was refused: overflow (at most 10)");
  assertStrictEquals(new CommandRefusedError("a", "b").message, "the command a was refused: b");
  assertStrictEquals(await client.call("total"), 0);
});

Deno.test("isRefused tells whose refusal it is, and narrows its type", async () => {
  const client = typedClient<Counter>(applyTo(counter()).apply, jsonCodec());
  const error = await assertRejects(() => client.call("add", { by: 11 }));
  assertStrictEquals(client.isRefused("reset", error), false);
  assertStrictEquals(client.isRefused("add", new NotLeaderError(undefined)), false);
  assert(client.isRefused("add", error));
  const refusal: "overflow" | CommonRefusal = error.refusal;
  assertStrictEquals(refusal, "overflow");
});

Deno.test("a state machine of another version refuses what it does not know", async () => {
  interface Later extends Counter {
    sub: { input: { by: number }; output: number };
  }
  const { apply } = applyTo(counter());
  const later = apply as ApplyFunction<unknown> as ApplyFunction<TypedResponse<Later>>;
  const client = typedClient<Later>(later, jsonCodec());
  const error = await assertRejects(() => client.call("sub", { by: 1 }), CommandRefusedError);
  assertStrictEquals(error.refusal, "unknown-command");
  const other = { ...jsonCodec<Command<Later>>(), encode: () => Uint8Array.of(0xff) };
  const malformed = await assertRejects(
    () => typedClient<Later>(later, other).call("total"),
    CommandRefusedError,
  );
  assertStrictEquals(malformed.refusal, "malformed-command");
});

Deno.test("other errors pass as they are", async () => {
  const error = new NotLeaderError(undefined);
  const client = typedClient<Counter>(() => Promise.reject(error), jsonCodec());
  assertStrictEquals(await assertRejects(() => client.call("total")), error);
  const broken = {
    ...jsonCodec<Command<Counter>>(),
    encode(): Uint8Array {
      throw new RangeError("no bytes for that");
    },
  };
  let calls = 0;
  const encoding = typedClient<Counter>(() => {
    calls += 1;
    return Promise.reject(error);
  }, broken);
  await assertRejects(() => encoding.call("total"), RangeError);
  assertStrictEquals(calls, 0);
});

Deno.test("an answer of another state machine is a mistake of the caller", async () => {
  for (const response of [undefined, null, 5, { status: "applied" }]) {
    const apply = () => Promise.resolve({ index: toIndex(1), response });
    const untyped = apply as unknown as ApplyFunction<TypedResponse<Counter>>;
    const client = typedClient<Counter>(untyped, jsonCodec());
    const error = await assertRejects(
      () => client.call("total"),
      InvalidConfigError,
      "through a Session",
    );
    // Whatever it was to that state machine, it was applied.
    assertStrictEquals(error.outcome, "unknown");
  }
});

Deno.test("types keep names, inputs, outputs and refusals together", () => {
  const client = typedClient<Counter>(applyTo(counter()).apply, jsonCodec());
  // Each line would be an error without the directive above it, and the directive is one without the error.
  const wrong = async () => {
    // @ts-expect-error: no such command
    await client.call("sub", { by: 1 });
    // @ts-expect-error: another input
    await client.call("add", { by: "1" });
    // @ts-expect-error: the input is missing
    await client.call("add");
    // @ts-expect-error: no input is wanted
    await client.call("reset", { by: 1 });
    // @ts-expect-error: another output
    const text: string = await client.call("total");
    return text;
  };
  assertStrictEquals(typeof wrong, "function");
  typedFsm<Counter>({
    // @ts-expect-error: no such refusal
    add: () => refuse("underflow"),
    // @ts-expect-error: refuses nothing
    total: () => refuse("overflow"),
    reset() {},
  }, jsonCodec());
  typedFsm<Counter>(
    // @ts-expect-error: a handler is missing
    { add: () => 1, total: () => 1 },
    jsonCodec(),
  );
});

Deno.test("with sessions around the state machine, what is retried counts once", async () => {
  const fsm = sessionFsm(counter());
  const { apply, calls } = applyTo(fsm);
  await using session = await Session.open<TypedResponse<Counter>>(async (data, options) => {
    const answer = await apply(data, options);
    // Every second answer is lost.
    if (calls.length % 2 === 0) throw new LeadershipLostError();
    return answer;
  }, { retryMinMs: 1, retryMaxMs: 1 });
  const client = typedClient<Counter>(session, jsonCodec());
  for (let value = 1; value <= 5; value += 1) {
    assertStrictEquals(await client.call("add", { by: 1 }), value);
  }
  await assertRejects(() => client.call("add", { by: 9 }), CommandRefusedError, "at most 10");
  assertStrictEquals(calls.length > 10, true);
  // Garbage in the log goes past both.
  const garbage = await new Log(fsm).apply({ data: "{" });
  assertEquals(garbage, {
    status: "applied",
    response: { ok: false, refusal: "malformed-command" },
  });
});
