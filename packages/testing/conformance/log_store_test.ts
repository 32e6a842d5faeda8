/**
 * The suite for log stores passes the store in memory, and asks of nobody what cannot be had.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { logStoreConformance, type LogStoreConformanceOptions } from "./log_store.ts";
import { MEMORY, type Place } from "./_testing/wrong_log_stores.ts";

for (const { name, run } of logStoreConformance(MEMORY)) {
  Deno.test(`log store conformance, in memory: ${name}`, run);
}

/** Completes each write a turn later; a crash finds the first few of the writes that wait. */
const MEMORY_LATER: LogStoreConformanceOptions<Place> = {
  ...MEMORY,
  open: (place) => {
    const log = place.log = place.log.reopen();
    log.completion = "manual";
    const persist = log.persist.bind(log);
    log.persist = (writes) => {
      const persisted = persist(writes);
      queueMicrotask(() => log.complete());
      return persisted;
    };
    return log;
  },
  crash: (place) =>
    void (place.log = place.log.crash(place.random.int(0, place.log.waitingWrites))),
};

for (const { name, run } of logStoreConformance(MEMORY_LATER)) {
  Deno.test(`log store conformance, in memory and a little later: ${name}`, run);
}

Deno.test("what an author does not say how to bring about is not checked", () => {
  const { crash: _, fail: __, ...plain } = MEMORY;
  const names = logStoreConformance(plain).map(({ name }) => name);
  const all = logStoreConformance(MEMORY).map(({ name }) => name);
  assertEquals(all.filter((name) => !names.includes(name)), [
    "what persist and truncatePrefix have promised is there after a crash",
    "B01: a write that was under way at a crash is there as a whole or not at all",
    "what reads have shown is there after a crash",
    "B32: after a write that failed nothing is accepted until the store is opened again",
  ]);
});
