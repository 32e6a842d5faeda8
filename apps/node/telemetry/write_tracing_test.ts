/**
 * The context of a trace, in the extensions of an entry. What becomes of it in a cluster is in tests/http/trace_test.ts.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { trace, TraceFlags } from "@opentelemetry/api";
import { WordsFsm } from "@coracle/fsm-words";
import { NO_BYTES, toIndex, toTerm } from "@coracle/core";
import { contextOf, encodeContext, WriteTracing } from "./write_tracing.ts";
import { isTelemetryOn } from "./tracing.ts";

const SPAN = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: TraceFlags.SAMPLED,
};

Deno.test("a context is carried by an entry", () => {
  const extensions = encodeContext(SPAN);
  assertEquals(
    new TextDecoder().decode(extensions),
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  );
  const found = contextOf({ extensions, appendedAtMs: Date.now() });
  assertEquals(trace.getSpanContext(found!), { ...SPAN, isRemote: true });
});

Deno.test("what is old, not sampled, or no context is not continued", () => {
  const now = Date.now();
  const fresh = (extensions: Uint8Array<ArrayBuffer>) =>
    contextOf({ extensions, appendedAtMs: now });
  assertEquals(
    contextOf({ extensions: encodeContext(SPAN), appendedAtMs: now - 61_000 }),
    undefined,
  );
  assertEquals(fresh(encodeContext({ ...SPAN, traceFlags: TraceFlags.NONE })), undefined);
  assertEquals(fresh(encodeContext({ ...SPAN, spanId: "0".repeat(16) })), undefined);
  assertEquals(fresh(new Uint8Array(55)), undefined);
  assertEquals(fresh(NO_BYTES), undefined);
});

Deno.test("without OpenTelemetry a traced call is the call itself, with nothing more in its entry", async () => {
  assertEquals(isTelemetryOn(), false);
  const given: unknown[] = [];
  const apply = new WriteTracing("n1").apply((_command, options: { timeoutMs: number }) => {
    given.push(options);
    return Promise.resolve({ index: toIndex(1), response: undefined });
  });
  await apply(NO_BYTES, { timeoutMs: 5 });
  assertEquals(given, [{ timeoutMs: 5 }]);
});

Deno.test("a traced state machine is the same state machine", () => {
  const words = new WordsFsm();
  const fsm = new WriteTracing("n1").fsm(words);
  const data = new TextEncoder().encode("oar");
  for (const extensions of [NO_BYTES, encodeContext(SPAN)]) {
    const entry = { index: toIndex(1), term: toTerm(1), type: "command", data } as const;
    fsm.apply({ ...entry, extensions, appendedAtMs: Date.now() });
  }
  assertEquals(words.bestWords(), ["oar", "oar", ""]);
});
