import { assertEquals } from "@std/assert";
import { counterModel } from "./counter.ts";
import { type RegisterInput, registerMapModel, type RegisterOutput } from "./register_map.ts";
import { wordsModel } from "./words.ts";

const IMPOSSIBLE = undefined;

Deno.test("register: what each answer says of the state", () => {
  const after = (
    state: string | undefined,
    input: RegisterInput,
    output?: RegisterOutput,
  ): string | null | undefined => {
    const next = registerMapModel.step(state, input, output);
    return next === IMPOSSIBLE ? IMPOSSIBLE : next.state ?? null;
  };
  const key = "x";
  const get: RegisterInput = { type: "get", key };
  assertEquals(registerMapModel.init(), undefined);
  assertEquals(after(undefined, get, { type: "value", value: undefined }), null);
  assertEquals(after("a", get, { type: "value", value: undefined }), IMPOSSIBLE);
  assertEquals(after("a", get, { type: "value", value: "a" }), "a");
  assertEquals(after("a", get), "a");
  assertEquals(after("a", get, { type: "written" }), IMPOSSIBLE);
  assertEquals(after("a", { type: "put", key, value: "b" }), "b");
  assertEquals(after("a", { type: "put", key, value: "b" }, { type: "written" }), "b");
  assertEquals(after(undefined, { type: "append", key, value: "b" }), "b");
  assertEquals(after("a", { type: "append", key, value: "b" }, { type: "written" }), "ab");
  const cas: RegisterInput = { type: "cas", key, expected: "a", value: "b" };
  assertEquals(after("a", cas), "b");
  assertEquals(after("c", cas), "c");
  assertEquals(after("a", cas, { type: "swapped", swapped: true }), "b");
  assertEquals(after("a", cas, { type: "swapped", swapped: false }), IMPOSSIBLE);
  assertEquals(after("c", cas, { type: "swapped", swapped: false }), "c");
  assertEquals(after("c", cas, { type: "swapped", swapped: true }), IMPOSSIBLE);
  const absent: RegisterInput = { type: "cas", key, expected: undefined, value: "b" };
  assertEquals(after(undefined, absent, { type: "swapped", swapped: true }), "b");
});

Deno.test("register: texts", () => {
  const key = "x";
  const text = (input: RegisterInput, output?: RegisterOutput) =>
    registerMapModel.describe!(input, output);
  assertEquals(text({ type: "get", key }, { type: "value", value: undefined }), "get x -> nothing");
  assertEquals(text({ type: "append", key, value: "a" }), 'append x "a"');
  assertEquals(
    text({ type: "cas", key, expected: undefined, value: "a" }, {
      type: "swapped",
      swapped: false,
    }),
    'cas x nothing to "a" -> not swapped',
  );
});

Deno.test("counter: an answer is the sum after it", () => {
  assertEquals(counterModel.step(2, { type: "add", by: 3 }, 5), { state: 5 });
  assertEquals(counterModel.step(2, { type: "add", by: 3 }, undefined), { state: 5 });
  assertEquals(counterModel.step(2, { type: "add", by: 3 }, 4), IMPOSSIBLE);
  assertEquals(counterModel.step(2, { type: "get" }, 2), { state: 2 });
  assertEquals(counterModel.step(2, { type: "get" }, 3), IMPOSSIBLE);
});

Deno.test("words: the three longest, in the order of their bytes", () => {
  const after = (...words: string[]): readonly string[] =>
    words.reduce(
      (state, word) => wordsModel.step(state, { type: "add", word }, undefined)!.state,
      wordsModel.init(),
    );
  assertEquals(after("a"), ["a", "", ""]);
  assertEquals(after("b", "aa", "a", "c"), ["aa", "a", "b"]);
  assertEquals(after("a", "a", "a", "a", "b"), ["a", "a", "a"]);
  assertEquals(after("abc", "abd", "abb", "zz", "abcd"), ["abcd", "abb", "abc"]);
  // Two bytes are longer than one; U+FF5E goes before U+1F600 in UTF-8, and not in UTF-16.
  assertEquals(after("z", "é"), ["é", "z", ""]);
  assertEquals(after("\u{1F600}", "a\uFF5E"), ["a\uFF5E", "\u{1F600}", ""]);
  assertEquals(wordsModel.step(["b", "", ""], { type: "best" }, ["b", "", ""]), {
    state: ["b", "", ""],
  });
  assertEquals(wordsModel.step(["b", "", ""], { type: "best" }, ["a", "", ""]), IMPOSSIBLE);
});
