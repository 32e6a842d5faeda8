/**
 * What a log store does as long as nothing fails.
 *
 * @module
 */
import {
  ENTRY_HEADER_SIZE_BYTES,
  ENTRY_SIZE_MAX_BYTES,
  EntryRun,
  type EntryType,
  StorageError,
  toIndex,
} from "@coracle/core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { LogBench } from "./log_bench.ts";
import {
  assertHolds,
  assertRead,
  assertSameRun,
  entries,
  entriesOfTerms,
  vote,
  write,
} from "./log_content.ts";

/** A check's name, and what it does with a new store. */
export type LogStoreCheck = readonly [
  name: string,
  work: (bench: LogBench) => Promise<void>,
];

const TYPES: readonly EntryType[] = ["command", "noop", "barrier", "configuration", "restore"];

/** See the module. */
export const BASIC_CHECKS: readonly LogStoreCheck[] = [
  ["a new log is empty, before the first term", async (bench) => {
    const { store } = bench;
    bench.holds();
    assertEquals([store.firstIndex, store.lastIndex], [toIndex(1), toIndex(0)]);
    await bench.reopen();
  }],

  ["entries of every type are read as the bytes that were persisted", async (bench) => {
    for (const type of TYPES) {
      const next = bench.content.lastIndex + 1;
      await bench.persist(write({ entries: entries(next, next, 3, { type }) }));
    }
    await bench.reopen();
  }],

  [
    "a run of entries of several terms is stored like any other, alone and among others",
    async (bench) => {
      await bench.persist(write({ entries: entriesOfTerms(1, 1, 2, 5) }));
      await bench.reopen();
      await bench.persist(
        write({ entries: entriesOfTerms(7, 5, 6) }),
        write({ truncateFrom: 9, entries: entriesOfTerms(9, 7, 9) }),
      );
      await bench.truncatePrefix(3);
      await bench.persist(write({ truncateFrom: 12 }));
      await bench.reopen();
      await bench.refuses(write({ truncateFrom: 11, entries: entriesOfTerms(11, 6, 9) }));
    },
  ],

  ["term and vote change alone, with entries, and in a term that has none yet", async (bench) => {
    await bench.persist(write({ hardState: vote(3) }));
    await bench.persist(write({ hardState: vote(3, "n1"), entries: entries(1, 3, 2) }));
    await bench.reopen();
    await bench.persist(write({ hardState: vote(3, "n1") }));
    await bench.persist(write({ hardState: vote(4, "\ufeffwith a byte order mark") }));
    await bench.reopen();
    await bench.persist(write({ hardState: vote(Number.MAX_SAFE_INTEGER, "größe \u{1f6f6}") }));
    await bench.reopen();
  }],

  ["a write that changes nothing changes nothing, and no write does not either", async (bench) => {
    await bench.append(2);
    await bench.persist();
    await bench.persist(write({}), write({ truncateFrom: 3 }), write({ truncateFrom: 99 }));
    await bench.reopen();
  }],

  [
    "the parts of a write take effect in order: hard state, reset, truncation, entries",
    async (bench) => {
      await bench.append(5);
      const replaced = { truncateFrom: 4, entries: entries(4, 2, 3, { type: "configuration" }) };
      await bench.persist(write({ hardState: vote(2, "n2"), ...replaced }));
      const anew = { reset: [9, 2], truncateFrom: 10, entries: entries(10, 3, 2) } as const;
      await bench.persist(write({ hardState: vote(3), ...anew }));
      await bench.reopen();
    },
  ],

  ["the writes of one call take effect in order", async (bench) => {
    await bench.persist(
      write({ hardState: vote(1, "n1"), entries: entries(1, 1, 4) }),
      write({ truncateFrom: 3, entries: entries(3, 2, 4) }),
      write({ hardState: vote(2), truncateFrom: 6 }),
      write({ truncateFrom: 2, entries: entries(2, 3, 1, { type: "configuration" }) }),
      write({ hardState: vote(4, "n3"), entries: entries(3, 4) }),
    );
    await bench.reopen();
    await bench.persist(
      write({ truncateFrom: 2 }),
      write({ reset: [7, 4], entries: entries(8, 4, 3) }),
      write({ truncateFrom: 9, entries: entries(9, 5, 2) }),
    );
    await bench.reopen();
  }],

  [
    "reads show what was durable until the promise of persist has resolved, and then all of it",
    async (bench) => {
      await bench.append(2);
      const before = bench.content.clone();
      const change = write({
        hardState: vote(9, "n1"),
        truncateFrom: 2,
        entries: entries(2, 9, 3),
      });
      const persisted = bench.store.persist([change]);
      bench.content.apply(change);
      // A store may have it durable at once. What it must not show is a part of it.
      const isThere = bench.store.lastIndex === bench.content.lastIndex;
      assertHolds(bench.store, isThere ? bench.content : before);
      await persisted;
      bench.holds();
    },
  ],

  ["a read is limited in bytes, but gives at least one entry", async (bench) => {
    await bench.persist(write({ entries: entries(1, 1, 20, { sizeBytes: 100 }) }));
    await bench.persist(write({ entries: entries(21, 1, 1, { sizeBytes: 5000 }) }));
    await bench.persist(write({ entries: entries(22, 2, 20, { sizeBytes: 100 }) }));
    for (const _ of ["as it was written", "as it is found"]) {
      for (const maxBytes of [0, 1, 131, 132, 133, 500, 5031, 5032, 6000]) bench.holds(maxBytes);
      await bench.reopen();
    }
  }],

  ["entries that were written in small batches are read together", async (bench) => {
    for (let index = 1; index <= 64; index += 1) await bench.append(1);
    for (const _ of ["as it was written", "as it is found"]) {
      let reads = 0;
      for (let index = 1; index <= 64; reads += 1) {
        index = assertRead(bench.store, index, 1 << 20).lastIndex + 1;
      }
      assert(reads <= 16, `64 entries of one batch each were read with ${reads} reads of 1 MiB`);
      await bench.reopen();
    }
  }],

  ["B82: what was read stays what it was, whatever becomes of the log", async (bench) => {
    await bench.append(6);
    const expected = EntryRun.concat(bench.content.slice(1));
    await bench.reopen();
    const read = [1, 3].map((index) => assertRead(bench.store, index, 1 << 20));
    await bench.persist(write({ truncateFrom: 2, entries: entries(2, 8, 9) }));
    await bench.truncatePrefix(9);
    await bench.persist(write({ reset: [30, 9], entries: entries(31, 9, 9) }));
    for (const run of read) assertSameRun(run, expected.slice(run.firstIndex, run.lastIndex));
  }],

  ["B39: a suffix is truncated at any index, up to all of the log", async (bench) => {
    await bench.append(3, 1);
    await bench.append(3, 2);
    for (const from of [6, 5, 4, 2, 1]) {
      await bench.persist(write({ truncateFrom: from }));
      await bench.reopen();
    }
    await bench.append(2, 3);
    await bench.reopen();
  }],

  [
    "B39: a prefix is truncated at any index, twice, up to all of the log; it may stay, and nothing else changes",
    async (bench) => {
      await bench.append(3, 1);
      await bench.persist(write({ entries: entries(4, 2, 3, { type: "configuration" }) }));
      for (const index of [0, 1, 1, 3, 2, 4, 6, 6]) {
        await bench.truncatePrefix(index);
        await bench.reopen();
      }
      await bench.append(4, 5);
      await bench.truncatePrefix(8);
      await bench.persist(write({ truncateFrom: 10 }), write({ entries: entries(10, 6, 2) }));
      await bench.reopen();
    },
  ],

  [
    "after a reset the log goes on where a snapshot ends: beyond its end, or within it where it contradicts",
    async (bench) => {
      await bench.persist(write({ reset: [5, 2] }));
      await bench.reopen();
      await bench.append(4, 3);
      await bench.persist(write({ reset: [7, 4] }));
      await bench.reopen();
      await bench.persist(write({ entries: entries(8, 4, 3, { type: "configuration" }) }));
      await bench.persist(write({ reset: [100, 4], entries: entries(101, 4, 2) }));
      await bench.reopen();
      await bench.truncatePrefix(101);
      await bench.persist(write({ reset: [2 ** 40, 9], entries: entries(2 ** 40 + 1, 9, 2) }));
      await bench.reopen();
    },
  ],

  [
    "configurations are known by index, and no longer when their entry is dropped",
    async (bench) => {
      const configuration = { type: "configuration" } as const;
      for (const index of [1, 3, 5, 7]) {
        await bench.persist(write({ entries: entries(index, 1, 2, configuration) }));
      }
      assertEquals(bench.store.configurations as readonly number[], [1, 3, 5, 7]);
      await bench.persist(write({ truncateFrom: 7 }));
      await bench.persist(write({ truncateFrom: 6, entries: entries(6, 2, 2, configuration) }));
      await bench.reopen();
      await bench.truncatePrefix(3);
      await bench.persist(write({ reset: [9, 3], entries: entries(10, 3, 2, configuration) }));
      await bench.reopen();
    },
  ],

  ["B37: entries that do not follow are refused, and nothing is written", async (bench) => {
    await bench.refuses(write({ entries: entries(2, 1) }));
    await bench.append(3, 2);
    for (const index of [1, 3, 5]) await bench.refuses(write({ entries: entries(index, 2) }));
    await bench.refuses(write({ truncateFrom: 3, entries: entries(4, 2) }));
    await bench.refuses(write({ reset: [9, 3], entries: entries(11, 3) }));
    await bench.refuses(write({ entries: entries(4, 2) }), write({ entries: entries(6, 2) }));
    await bench.refuses(write({ hardState: vote(8) }), write({ entries: entries(5, 2) }));
    await bench.append(1);
    await bench.reopen();
  }],

  [
    "entries of an earlier term than the one before are refused, and nothing is written",
    async (bench) => {
      await bench.append(2, 5);
      await bench.refuses(write({ entries: entries(3, 4) }));
      await bench.refuses(write({ hardState: vote(9), truncateFrom: 2, entries: entries(2, 4) }));
      await bench.refuses(write({ reset: [7, 6], entries: entries(8, 5) }));
      await bench.refuses(write({ entries: entries(3, 7) }), write({ entries: entries(4, 6) }));
      await bench.append(1, 5);
      await bench.reopen();
    },
  ],

  [
    "B03: a term that goes back and a vote that changes in its term are refused, and nothing is written",
    async (bench) => {
      await bench.persist(write({ hardState: vote(4, "n1") }));
      for (const hardState of [vote(3), vote(3, "n1"), vote(4, "n2"), vote(4), vote(4, "")]) {
        await bench.refuses(write({ hardState, entries: entries(1, 1) }));
        await bench.refuses(write({ entries: entries(1, 1) }), write({ hardState }));
      }
      await bench.refuses(write({ hardState: vote(5, "n1") }), write({ hardState: vote(5, "n2") }));
      await bench.reopen();
      await bench.persist(write({ hardState: vote(5) }), write({ hardState: vote(5, "n2") }));
      await bench.reopen();
    },
  ],

  ["a prefix is truncated while writes are under way", async (bench) => {
    await bench.append(8);
    for (let round = 0; round < 8; round += 1) {
      const change = write({ entries: entries(bench.content.lastIndex + 1, 1, 3) });
      const persisted = bench.store.persist([change]);
      const upTo = bench.content.lastIndex - 2;
      await Promise.all([persisted, bench.store.truncatePrefix(toIndex(upTo))]);
      bench.content.apply(change);
      bench.content.truncatePrefix(upTo);
      bench.holds();
    }
    await bench.reopen();
  }],

  ["the largest entry, and many in one call, are stored like any other", async (bench) => {
    const sizeBytes = ENTRY_SIZE_MAX_BYTES - ENTRY_HEADER_SIZE_BYTES;
    await bench.append(1);
    await bench.persist(write({ entries: entries(2, 1, 1, { sizeBytes }) }));
    await bench.append(2);
    const many = Array.from({ length: 300 }, (_, at) => {
      return write({ entries: entries(5 + 10 * at, 2, 10, { sizeBytes: 500 }) });
    });
    await bench.persist(...many);
    await bench.reopen();
  }],

  [
    "close waits for what is under way; it may be called again, and nothing is accepted after it",
    async (bench) => {
      await bench.append(1);
      const { store } = bench;
      const change = write({ hardState: vote(2, "n1"), entries: entries(2, 2, 3) });
      const persisted = store.persist([change]);
      const closed = store.close();
      let isPersisted = false;
      persisted.then(() => isPersisted = true, () => {});
      await closed;
      // Promises of the same moment may be heard of in any order.
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert(isPersisted, "close resolved before the write that was under way");
      await store.close();
      const after = write({ entries: entries(5, 2) });
      const late = "the store is closed";
      await assertRejects(() => store.persist([after]), StorageError, "", late);
      await assertRejects(() => store.truncatePrefix(toIndex(1)), StorageError, "", late);
      bench.content.apply(change);
      await bench.open();
      bench.holds();
    },
  ],
];
