/**
 * Typed state machines: what handlers are given, and what becomes of entries that no client should have written.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { IndexedConfiguration } from "../model/configuration.ts";
import type { Entry } from "../model/entry.ts";
import { NO_BYTES } from "../model/entry.ts";
import { InvalidConfigError } from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import { type Codec, jsonCodec } from "./codec.ts";
import { refuse } from "./errors.ts";
import type { Command } from "./protocol.ts";
import { type Handlers, typedFsm } from "./typed_fsm.ts";

interface Counter {
  add: { input: { by: number }; output: number; error: "overflow" | "not-a-number" };
  wait: { output: string };
  reset: Record<never, never>;
}

class State {
  value = 0;
  entries: Entry[] = [];

  readonly handlers: Handlers<Counter> = {
    add: ({ by }, entry) => {
      this.entries.push(entry);
      if (!Number.isFinite(by)) return refuse("not-a-number");
      if (this.value + by > 10) return refuse("overflow", `${this.value + by} is more than 10`);
      return this.value += by;
    },
    wait: async () => {
      await Promise.resolve();
      return `waited at ${this.value}`;
    },
    reset: () => {
      this.value = 0;
    },
  };
}

function entryOf(data: unknown): Entry {
  const bytes = data instanceof Uint8Array
    ? Uint8Array.from(data)
    : new TextEncoder().encode(typeof data === "string" ? data : JSON.stringify(data));
  return {
    index: toIndex(7),
    term: toTerm(2),
    type: "command",
    data: bytes,
    extensions: NO_BYTES,
    appendedAtMs: 5,
  };
}

const add = (by: number | null) => entryOf({ name: "add", input: { by } });

Deno.test("a command reaches its handler, with its entry; the answer is its output", async () => {
  const state = new State();
  const fsm = typedFsm<Counter>(state.handlers, jsonCodec());
  const entry = add(3);
  assertEquals(fsm.apply(entry), { ok: true, output: 3 });
  assertStrictEquals(state.entries[0], entry);
  assertEquals(fsm.apply(add(4)), { ok: true, output: 7 });
  assertEquals(await fsm.apply(entryOf({ name: "wait" })), { ok: true, output: "waited at 7" });
  assertEquals(fsm.apply(entryOf({ name: "reset" })), { ok: true, output: undefined });
  assertStrictEquals(state.value, 0);
});

Deno.test("a refusal is an answer: its name, and words if there are any", () => {
  const state = new State();
  const fsm = typedFsm<Counter>(state.handlers, jsonCodec());
  assertEquals(fsm.apply(add(11)), {
    ok: false,
    refusal: "overflow",
    message: "11 is more than 10",
  });
  assertEquals(fsm.apply(add(null)), { ok: false, refusal: "not-a-number" });
  assertStrictEquals(state.value, 0);
});

Deno.test("a handler that waits may refuse as well", async () => {
  interface Slow {
    go: { output: number; error: "no" };
  }
  const fsm = typedFsm<Slow>({ go: () => Promise.resolve(refuse("no")) }, jsonCodec());
  assertEquals(await fsm.apply(entryOf({ name: "go" })), { ok: false, refusal: "no" });
});

Deno.test("bytes that are no command are refused, the same everywhere", () => {
  const fsm = typedFsm<Counter>(new State().handlers, jsonCodec());
  const malformed = ["", "{", "null", "5", "[]", '"add"', "{}", '{"name":5}', Uint8Array.of(0xff)];
  for (const data of malformed) {
    assertEquals(fsm.apply(entryOf(data)), { ok: false, refusal: "malformed-command" });
  }
});

Deno.test("a name without a handler is refused, whatever objects inherit under it", () => {
  const fsm = typedFsm<Counter>(new State().handlers, jsonCodec());
  for (const name of ["sub", "", "toString", "constructor", "__proto__", "hasOwnProperty"]) {
    assertEquals(fsm.apply(entryOf({ name })), { ok: false, refusal: "unknown-command" });
  }
});

Deno.test("no bytes make it throw, as long as its handlers do not", () => {
  const fsm = typedFsm<Counter>(new State().handlers, jsonCodec());
  const any = fc.oneof(fc.uint8Array(), fc.json(), fc.jsonValue());
  fc.assert(fc.property(any, (data) => {
    const answer = fsm.apply(entryOf(data));
    assert(!(answer instanceof Promise) && !answer.ok);
  }));
});

Deno.test("the codec decides what a well-formed command is", () => {
  const isCommand = (value: unknown): value is Command<Counter> =>
    (value as Command<Counter>).name !== "add" ||
    typeof (value as Extract<Command<Counter>, { name: "add" }>).input?.by === "number";
  const codec = jsonCodec<Command<Counter>>({
    parse(value) {
      if (!isCommand(value)) throw new TypeError("no command");
      return value;
    },
  });
  const fsm = typedFsm<Counter>(new State().handlers, codec);
  assertEquals(fsm.apply(add(1)), { ok: true, output: 1 });
  for (const data of [{ name: "add" }, { name: "add", input: { by: "1" } }]) {
    assertEquals(fsm.apply(entryOf(data)), { ok: false, refusal: "malformed-command" });
  }
});

Deno.test("any codec will do", () => {
  // One byte: what to add.
  const codec: Codec<Command<Counter>> = {
    encode: (command) => Uint8Array.of(command.name === "add" ? command.input.by : 0),
    decode: (bytes) => ({ name: "add", input: { by: bytes[0]! } }),
  };
  const fsm = typedFsm<Counter>(new State().handlers, codec);
  assertEquals(fsm.apply(entryOf(Uint8Array.of(9))), { ok: true, output: 9 });
});

Deno.test("what a handler throws is not caught: its replica may be another than its peers", async () => {
  interface Broken {
    now: Record<never, never>;
    later: Record<never, never>;
  }
  const fsm = typedFsm<Broken>({
    now() {
      throw new RangeError("now");
    },
    later: () => Promise.reject(new RangeError("later")),
  }, jsonCodec());
  assertThrows(() => fsm.apply(entryOf({ name: "now" })), RangeError, "now");
  await assertRejects(async () => await fsm.apply(entryOf({ name: "later" })), RangeError, "later");
});

Deno.test("handlers and hooks keep their `this`", async () => {
  const handlers = {
    value: 1,
    get() {
      return this.value;
    },
  };
  const hooks = {
    bytes: Uint8Array.of(1, 2),
    snapshot() {
      return [this.bytes];
    },
    async restore(data: AsyncIterable<Uint8Array>) {
      for await (const chunk of data) this.bytes = Uint8Array.from(chunk);
    },
    keptIndex() {
      return this.bytes.length;
    },
  };
  const fsm = typedFsm<{ get: { output: number } }>(handlers, jsonCodec(), hooks);
  assertEquals(fsm.apply(entryOf({ name: "get" })), { ok: true, output: 1 });
  assertEquals(fsm.apply(entryOf({ name: "value" })), { ok: false, refusal: "unknown-command" });
  await fsm.restore!(
    async function* () {
      yield await Promise.resolve(Uint8Array.of(3));
    }(),
    toIndex(7),
  );
  assertEquals([...fsm.snapshot!() as Iterable<Uint8Array>], [Uint8Array.of(3)]);
  assertEquals(fsm.keptIndex!(), 1);
});

Deno.test("a hook takes configurations", () => {
  const kept: IndexedConfiguration[] = [];
  const hooks = {
    kept,
    storeConfiguration(one: IndexedConfiguration) {
      this.kept.push(one);
    },
  };
  const { handlers } = new State();
  const fsm = typedFsm<Counter>(handlers, jsonCodec(), hooks);
  assertEquals(Object.keys(fsm), ["apply", "storeConfiguration"]);
  const configuration = { index: toIndex(1), configuration: { servers: [] } };
  fsm.storeConfiguration!(configuration);
  assertEquals(kept, [configuration]);
});

Deno.test("without hooks there are no snapshots; half of them is refused", () => {
  const { handlers } = new State();
  assertEquals(Object.keys(typedFsm<Counter>(handlers, jsonCodec())), ["apply"]);
  const message = "hooks is snapshot() only; allowed is both or none";
  const half = () => typedFsm<Counter>(handlers, jsonCodec(), { snapshot: () => [] });
  assertThrows(half, InvalidConfigError, message);
  const restore = () => Promise.resolve();
  const other = () => typedFsm<Counter>(handlers, jsonCodec(), { restore });
  assertThrows(other, InvalidConfigError, "hooks is restore() only");
});

Deno.test("handlers that could never be reached are refused", () => {
  class Inherited {
    add = undefined;
    get(): number {
      return 1;
    }
  }
  const make = () => typedFsm<{ get: { output: number } }>(new Inherited(), jsonCodec());
  assertThrows(make, InvalidConfigError, "a function of its own for each command");
});
