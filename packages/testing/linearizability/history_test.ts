import { assertEquals, assertThrows } from "@std/assert";
import { History } from "./history.ts";

Deno.test("calls are recorded with how they ended", () => {
  const history = new History<string, number>();
  const answered = history.called("a", "one");
  const silent = history.called("b", "two");
  answered.returned(1);
  const refused = history.called("a", "three");
  refused.ended("failed");
  silent.ended("unknown");
  history.called("a", "four");
  assertEquals(history.operations, [
    { client: "a", input: "one", output: 1, callAt: 0, returnAt: 2 },
    { client: "b", input: "two", output: undefined, callAt: 1, returnAt: Infinity },
    { client: "a", input: "three", output: undefined, callAt: 3, returnAt: Infinity, failed: true },
    { client: "a", input: "four", output: undefined, callAt: 4, returnAt: Infinity },
  ]);
});

Deno.test("an answer that says nothing has returned; a clock may be given; a call ends once", () => {
  let nowMs = 100;
  const history = new History<string, number>(() => nowMs);
  const call = history.called(1, "one");
  nowMs = 150;
  call.returned(undefined);
  assertEquals(history.operations, [
    { client: 1, input: "one", output: undefined, callAt: 100, returnAt: 150 },
  ]);
  assertThrows(() => call.ended("unknown"), Error, "operation 0 of client 1 has ended before");
});
