/**
 * The persister against a disk that completes writes when the test says so.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { MemoryLog, settle } from "@coracle/testing";
import type { Persist } from "../consensus/effect.ts";
import { NO_BYTES } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { StorageError } from "../model/errors.ts";
import { toIndex, toTerm } from "../model/numbers.ts";
import type { LogWrite } from "../ports/log_store.ts";
import { Persister } from "./persister.ts";

/** A write of one entry, at the index that is its id. */
function write(id: number, data = NO_BYTES): Persist {
  const noop = { type: "noop", data, extensions: NO_BYTES } as const;
  return {
    type: "persist",
    id,
    hardState: undefined,
    reset: undefined,
    truncateFrom: undefined,
    entries: EntryRun.encode(toIndex(id), toTerm(1), 0, [noop]),
  };
}

/** A persister on a disk that does nothing by itself, and a record of what both did. */
function create() {
  const events: string[] = [];
  const log = new MemoryLog({ completion: "manual" });
  const persist = log.persist.bind(log);
  log.persist = (writes: readonly LogWrite[]) => {
    events.push(`write ${writes.map(({ entries }) => entries!.firstIndex).join(" ")}`);
    return persist(writes);
  };
  const persister = new Persister(log, {
    persisted: (id) => events.push(`durable ${id}`),
    persistFailed: (error) => events.push(`failed ${(error as Error).message}`),
  });
  return { events, log, persister };
}

Deno.test("a write starts after the present turn, so that messages leave first", async () => {
  const { events, log, persister } = create();
  persister.persist(write(1));
  events.push("messages leave");
  await settle();
  assertEquals(events, ["messages leave", "write 1"]);
  log.complete();
  await settle();
  assertEquals(events.at(-1), "durable 1");
});

Deno.test("what is handed over in one turn is one write", async () => {
  const { events, log, persister } = create();
  for (const id of [1, 2, 3]) persister.persist(write(id));
  await settle();
  log.complete();
  await settle();
  assertEquals(events, ["write 1 2 3", "durable 3"]);
  assertEquals(log.lastIndex, 3);
});

Deno.test("what gathers is written in groups of bounded size, since a store need not take more at once", async () => {
  const { events, log, persister } = create();
  const data = new Uint8Array(15 * 1024 * 1024);
  for (const id of [1, 2, 3, 4, 5, 6]) persister.persist(write(id, data));
  for (let count = 0; count < 2; count += 1) {
    await settle();
    log.complete();
  }
  await settle();
  assertEquals(events, ["write 1 2 3 4", "durable 4", "write 5 6", "durable 6"]);
});

Deno.test("what is handed over during a write gathers and becomes the next one, in order", async () => {
  const { events, log, persister } = create();
  persister.persist(write(1));
  await settle();
  for (const id of [2, 3]) {
    persister.persist(write(id));
    await settle();
  }
  assertEquals(events, ["write 1"], "one write at a time");
  log.complete();
  await settle();
  assertEquals(events, ["write 1", "durable 1", "write 2 3"]);
  persister.persist(write(4));
  await settle();
  log.complete();
  await settle();
  log.complete();
  await settle();
  assertEquals(events.slice(3), ["durable 3", "write 4", "durable 4"]);
});

Deno.test("B32: a write that fails is the last one", async () => {
  const { events, log, persister } = create();
  persister.persist(write(1));
  await settle();
  persister.persist(write(2));
  log.fail("the disk is full");
  await settle();
  assertEquals(events, ["write 1", "failed the disk is full"]);
  persister.persist(write(3));
  await settle();
  assertEquals(events.length, 2, "nothing is written after a failure, nor is it reported twice");
  await persister.stop();
});

Deno.test("a store that throws instead of rejecting has failed too", async () => {
  const thrown = new StorageError("not even a promise");
  let reported: unknown;
  const log = new MemoryLog();
  log.persist = () => {
    throw thrown;
  };
  const persister = new Persister(log, {
    persisted: () => {},
    persistFailed: (error) => reported = error,
  });
  persister.persist(write(1));
  await settle();
  assertStrictEquals(reported, thrown);
});

Deno.test("stop waits for the write under way, and drops what has not begun", async () => {
  const { events, log, persister } = create();
  persister.persist(write(1));
  await settle();
  persister.persist(write(2));
  let stopped = false;
  const stop = persister.stop().then(() => stopped = true);
  await settle();
  assertEquals(stopped, false);
  log.complete();
  await stop;
  assertEquals(events, ["write 1"], "nobody is told any more");
  assertEquals([log.lastIndex, log.waitingWrites], [1, 0]);
});

Deno.test("stop before a write has begun: it never does", async () => {
  const { events, persister } = create();
  persister.persist(write(1));
  await persister.stop();
  await settle();
  assertEquals(events, []);
});

Deno.test("a failure after stop is nobody's business any more", async () => {
  const { events, log, persister } = create();
  persister.persist(write(1));
  await settle();
  const stop = persister.stop();
  log.fail("too late");
  await stop;
  assertEquals(events, ["write 1"]);
});
