/**
 * The suite for log stores finds each planted mistake, by the check whose promise is broken.
 *
 * @module
 */
import {
  EntryRun,
  type HardState,
  type Index,
  type LogStore,
  type LogWrite,
  StorageError,
  type StoreId,
  toIndex,
} from "@coracle/core";
import { assert, AssertionError, assertRejects } from "@std/assert";
import { MemoryLog } from "../memory_log.ts";
import { NOTHING, type Place, run, Wrong } from "./_testing/wrong_log_stores.ts";

type Mistake = readonly [mistake: string, check: string, Class: new (log: MemoryLog) => LogStore];

const MISTAKES: readonly Mistake[] = [
  [
    "B31: a name that every store has",
    "B31: a store has a name",
    class extends Wrong {
      override get storeId(): StoreId {
        return "4f0c7bd294d8";
      }
    },
  ],
  [
    "B31: another name whenever it is opened",
    "B31: a store has a name",
    class extends Wrong {
      readonly #name = new MemoryLog().storeId;

      override get storeId(): StoreId {
        return this.#name;
      }
    },
  ],
  [
    "a new log that begins at 0",
    "a new log is empty",
    class extends Wrong {
      override get firstIndex(): Index {
        return toIndex(this.log.firstIndex - (this.log.lastIndex === 0 ? 1 : 0));
      }
    },
  ],
  [
    "a term that is not known just before the log",
    "B39: a prefix is truncated",
    class extends Wrong {
      override term(index: Index) {
        return index < this.firstIndex ? undefined : super.term(index);
      }
    },
  ],
  [
    "a term that is guessed after the log",
    "entries of every type",
    class extends Wrong {
      override term(index: Index) {
        return super.term(index > this.lastIndex ? this.lastIndex : index);
      }
    },
  ],
  [
    "entries that lose their extensions",
    "entries of every type",
    class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        return super.persist(writes.map((one) => ({ ...one, entries: stripped(one.entries) })));
      }
    },
  ],
  [
    "terms that are that of a run's first entry",
    "a run of entries of several terms",
    class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        return super.persist(writes.map((one) => ({ ...one, entries: ofOneTerm(one.entries) })));
      }
    },
  ],
  [
    "a vote that is forgotten when only it changes",
    "term and vote change alone",
    class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        return super.persist(writes.filter(({ entries }) => entries !== undefined));
      }
    },
  ],
  [
    "entries before the truncation",
    "the parts of a write take effect in order",
    class extends Wrong {
      override async persist(writes: readonly LogWrite[]): Promise<void> {
        for (const { truncateFrom, ...rest } of writes) {
          if (rest.entries === undefined) await super.persist([{ ...rest, truncateFrom }]);
          else {
            await super.persist([{ ...NOTHING, truncateFrom }]);
            await super.persist([{ ...rest, truncateFrom: rest.reset && truncateFrom }]);
            const { lastIndex } = rest.entries;
            if (truncateFrom === lastIndex - 2) await super.persist([{ ...NOTHING, truncateFrom }]);
          }
        }
      }
    },
  ],
  [
    "only the last write of a call",
    "the writes of one call",
    class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        return super.persist(writes.slice(-1)).catch(() => {});
      }
    },
  ],
  [
    "a limit that is passed by one entry",
    "a read is limited in bytes",
    class extends Wrong {
      override read(from: Index, maxBytes: number): EntryRun | undefined {
        const run = super.read(from, maxBytes);
        const next = run && super.read(toIndex(run.lastIndex + 1), 0);
        return run && next ? EntryRun.concat([run, next]) : run;
      }
    },
  ],
  [
    "nothing where one entry is larger than the limit",
    "a read is limited in bytes",
    class extends Wrong {
      override read(from: Index, maxBytes: number): EntryRun | undefined {
        const run = super.read(from, maxBytes);
        return run && run.bytes.length > maxBytes ? undefined : run;
      }
    },
  ],
  [
    "a read of one batch at a time",
    "entries that were written in small batches",
    class extends Wrong {
      override read(from: Index): EntryRun | undefined {
        return super.read(from, 0);
      }
    },
  ],
  [
    "B82: a buffer that is used again",
    "B82: what was read stays",
    class extends Wrong {
      static readonly buffer = new Uint8Array(1 << 16);

      override read(from: Index, maxBytes: number): EntryRun | undefined {
        const run = super.read(from, maxBytes);
        if (run === undefined || run.bytes.length > 1 << 16) return run;
        const bytes = (this.constructor as unknown as { buffer: Uint8Array<ArrayBuffer> }).buffer;
        bytes.set(run.bytes);
        return EntryRun.parse(bytes.subarray(0, run.bytes.length));
      }
    },
  ],
  [
    "B39: a truncation of the suffix that is off by one",
    "B39: a suffix is truncated",
    class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        return super.persist(writes.map((one) => {
          const { truncateFrom: from, entries } = one;
          const isAlone = entries === undefined && from !== undefined && from > this.firstIndex;
          return isAlone ? { ...one, truncateFrom: toIndex(from + 1) } : one;
        }));
      }
    },
  ],
  [
    "B39: a truncation of the prefix that is off by one",
    "B39: a prefix is truncated",
    class extends Wrong {
      override truncatePrefix(index: Index): Promise<void> {
        return super.truncatePrefix(toIndex(Math.min(index + 1, this.lastIndex)));
      }
    },
  ],
  [
    "a reset that keeps what agrees",
    "after a reset the log goes on",
    class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        return super.persist(writes.map((one) => {
          const { reset, entries } = one;
          const within = reset !== undefined && entries === undefined &&
            reset.index < this.lastIndex;
          return within ? { ...one, reset: undefined } : one;
        }));
      }
    },
  ],
  [
    "configurations of entries that are gone",
    "configurations are known by index",
    class extends Wrong {
      #known: readonly Index[] = [];

      override get configurations(): readonly Index[] {
        return this.#known;
      }

      override async persist(writes: readonly LogWrite[]): Promise<void> {
        await super.persist(writes);
        this.#known = [...new Set([...this.#known, ...super.configurations])];
      }
    },
  ],
  [
    "B37: a gap that is closed by leaving out what does not follow",
    "B37: entries that do not follow",
    class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        const last = this.lastIndex;
        return super.persist(writes.map((one) => {
          const { entries, truncateFrom, reset } = one;
          const isWrong = entries !== undefined && entries.firstIndex > last + 1 &&
            (truncateFrom ?? reset) === undefined;
          return isWrong ? { ...one, entries: undefined } : one;
        }));
      }
    },
  ],
  [
    "the good part of a call with a bad one",
    "B37: entries that do not follow",
    class extends Wrong {
      override async persist(writes: readonly LogWrite[]): Promise<void> {
        for (const one of writes) await super.persist([one]);
      }
    },
  ],
  [
    "entries of an earlier term",
    "entries of an earlier term",
    class extends Wrong {
      override async persist(writes: readonly LogWrite[]): Promise<void> {
        // It forgets to look, and stores nothing of it.
        await super.persist(writes).catch((error) => {
          if (!String(error).includes("after term")) throw error;
        });
      }
    },
  ],
  [
    "B03: another vote in the same term",
    "B03: a term that goes back",
    class extends Wrong {
      #vote: string | undefined;

      override get hardState(): HardState {
        return { ...super.hardState, votedFor: this.#vote ?? super.hardState.votedFor };
      }

      override async persist(writes: readonly LogWrite[]): Promise<void> {
        await super.persist(writes).catch((error) => {
          this.#vote = writes[0]?.hardState?.votedFor;
          throw error;
        });
      }
    },
  ],
  [
    "close without waiting",
    "close waits for what is under way",
    class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        const isLast = writes[0]?.hardState !== undefined;
        return isLast ? new Promise<void>(() => {}) : super.persist(writes);
      }
    },
  ],
  [
    "a closed store that goes on",
    "close waits for what is under way",
    class extends Wrong {
      override async persist(writes: readonly LogWrite[]): Promise<void> {
        await super.persist(writes).catch(() => {});
      }
    },
  ],
];

for (const [mistake, check, Class] of MISTAKES) {
  Deno.test(`log store conformance finds ${mistake}`, async () => {
    await assertRejects(() => run(check, (log) => new Class(log)), AssertionError);
  });
}

Deno.test("log store conformance finds B32: a disk that is trusted again after it has failed", async () => {
  const trusting = (log: MemoryLog, place: Place) =>
    new class extends Wrong {
      override persist(writes: readonly LogWrite[]): Promise<void> {
        return super.persist(writes).catch((error) => {
          if (!(error instanceof StorageError)) throw error;
          const first = place.log === log;
          place.log = log.reopen();
          if (first) throw error;
        });
      }
    }(log);
  await assertRejects(() => run("B32: after a write that failed", trusting));
});

Deno.test("log store conformance finds what is wrong only after some history, and says how to see it again", async () => {
  const leaky = (log: MemoryLog) =>
    new class extends Wrong {
      #count = 0;

      override truncatePrefix(index: Index): Promise<void> {
        this.#count += 1;
        return super.truncatePrefix(this.#count === 3 ? this.lastIndex : index);
      }
    }(log);
  const error = await assertRejects(() => run("B39: after any history", leaky), Error);
  assert(error.message.includes("seed: "), error.message);
});

/** The same entries, all of the first one's term. */
function ofOneTerm(run: EntryRun | undefined): EntryRun | undefined {
  if (run === undefined || run.terms.length === 1) return run;
  return EntryRun.encode(run.firstIndex, run.firstTerm, 1000, run.entries());
}

/** The same entries without extensions. */
function stripped(run: EntryRun | undefined): EntryRun | undefined {
  if (run === undefined) return undefined;
  const bare = run.entries().map((entry) => ({ ...entry, extensions: new Uint8Array(0) }));
  return EntryRun.encode(run.firstIndex, run.firstTerm, bare[0]!.appendedAtMs, bare);
}
