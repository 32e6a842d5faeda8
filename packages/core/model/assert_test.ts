import { assertEquals, assertThrows } from "@std/assert";
import { assertNever, invariant, InvariantViolation } from "./assert.ts";

Deno.test("an invariant that holds is silent, one that does not is named", () => {
  invariant(true, "never seen");
  const error = assertThrows(
    () => invariant(false, "the commit index is in the log"),
    InvariantViolation,
  );
  assertEquals([error.name, error.message], [
    "InvariantViolation",
    "the commit index is in the log",
  ]);
});

Deno.test("a case that was forgotten is shown", () => {
  const forgotten = { type: "snapshot" } as never;
  assertThrows(() => assertNever(forgotten), InvariantViolation, '{"type":"snapshot"}');
});
