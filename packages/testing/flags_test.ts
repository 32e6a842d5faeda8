import { assertEquals, assertThrows } from "@std/assert";
import { Flags } from "./flags.ts";

const ALLOWED = "--seeds=N --plant=BUG --trace";

Deno.test("flags have values, or are only there", () => {
  const flags = new Flags(["--seeds=12", "--trace", "--plant=a=b"], ALLOWED);
  assertEquals(flags.number("seeds", 5), 12);
  assertEquals([flags.has("trace"), flags.text("trace")], [true, ""]);
  assertEquals(flags.text("plant"), "a=b");
});

Deno.test("what is not given is as it is otherwise", () => {
  const flags = new Flags([], ALLOWED);
  assertEquals(flags.number("seeds", Infinity), Infinity);
  assertEquals([flags.has("plant"), flags.text("plant")], [false, undefined]);
});

Deno.test("what cannot be is refused with what can", () => {
  for (const arg of ["--seed=1", "seeds=1", "--Seeds=1", "-s", ""]) {
    assertThrows(
      () => new Flags([arg], ALLOWED),
      Error,
      `${arg} is not known; allowed are --seeds`,
    );
  }
  for (const text of ["", "many", "-1", "1.5", "1e3", "9007199254740992"]) {
    const flags = new Flags([`--seeds=${text}`], ALLOWED);
    const message = `--seeds is "${text}"; a whole number from 0 to 2^53 - 1 is allowed`;
    assertThrows(() => flags.number("seeds", 1), Error, message);
  }
  assertThrows(() => new Flags(["--seeds=0"], ALLOWED).number("seeds", 1, 1), Error, "from 1 to");
});
