/**
 * The suite for log stores finds what is promised, shown or written before it is durable, at once or later.
 *
 * @module
 */
import { type Index, type LogWrite, toIndex } from "@coracle/core";
import { assertRejects } from "@std/assert";
import type { MemoryLog } from "../memory_log.ts";
import { NOTHING, run, Wrong } from "./_testing/wrong_log_stores.ts";

Deno.test("log store conformance finds what is promised before it is durable", async () => {
  const early = (log: MemoryLog) =>
    new class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        log.completion = "manual";
        log.complete();
        log.persist(writes).catch(() => {});
        return Promise.resolve();
      }
    }(log);
  await assertRejects(() => run("what persist and truncatePrefix have promised", early));
});

Deno.test("log store conformance finds what is shown before it is durable", async () => {
  const shown = (log: MemoryLog) =>
    new class extends Wrong {
      #shown = log.lastIndex;

      override get lastIndex(): Index {
        return this.#shown;
      }

      override persist(writes: readonly LogWrite[]): Promise<void> {
        log.completion = "manual";
        const persisted = log.persist(writes);
        this.#shown = toIndex(log.lastIndex + 3);
        queueMicrotask(() => log.complete());
        return persisted;
      }
    }(log);
  await assertRejects(() => run("what reads have shown", shown), Error, "reads showed entries");
});

Deno.test("log store conformance finds what is shown before it is durable, though not at once", async () => {
  const shown = (log: MemoryLog) =>
    new class extends Wrong {
      #shown: Index | undefined;

      override get lastIndex(): Index {
        return this.#shown ?? log.lastIndex;
      }

      override async persist(writes: readonly LogWrite[]): Promise<void> {
        for (let turn = 0; turn < 3; turn += 1) await undefined;
        this.#shown = toIndex(log.lastIndex + 3);
        for (let turn = 0; turn < 20; turn += 1) await undefined;
        await log.persist(writes);
        this.#shown = undefined;
      }
    }(log);
  await assertRejects(() => run("what reads have shown", shown), Error, "reads showed entries");
});

Deno.test("log store conformance finds B01: a write in two parts, though not at once", async () => {
  const split = (log: MemoryLog) =>
    new class extends Wrong {
      override async persist(writes: readonly LogWrite[]): Promise<void> {
        for (let turn = 0; turn < 3; turn += 1) await undefined;
        await log.persist(writes.map(({ hardState }) => ({ ...NOTHING, hardState })));
        for (let turn = 0; turn < 20; turn += 1) await undefined;
        await log.persist(writes.map((one) => ({ ...one, hardState: undefined })));
      }
    }(log);
  await assertRejects(
    () => run("B01: a write that was under way", split),
    Error,
    "it holds neither",
  );
});

Deno.test("log store conformance finds B01: a write in two parts", async () => {
  const split = (log: MemoryLog) =>
    new class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        const votes = writes.map(({ hardState }) => ({ ...NOTHING, hardState }));
        const rest = writes.map((one) => ({ ...one, hardState: undefined }));
        const persisted = log.persist(votes);
        return persisted.then(() => log.persist(rest));
      }
    }(log);
  await assertRejects(
    () => run("B01: a write that was under way", split),
    Error,
    "it holds neither",
  );
});
