/**
 * What a log store holds after the machine has stopped, and after its disk has failed.
 *
 * @module
 */
import { type LogWrite, StorageError, toIndex } from "@coracle/core";
import { assert, assertRejects } from "@std/assert";
import type { LogBench } from "./log_bench.ts";
import { assertHolds, entries, type LogContent, vote, write } from "./log_content.ts";
import type { LogStoreCheck } from "./log_store_basics.ts";

/** What may be there after `writes` were under way: all of the first few of them, and nothing of the others. */
export function outcomes(content: LogContent, writes: readonly LogWrite[]): LogContent[] {
  const possible = [content];
  for (const one of writes) {
    const next = possible[possible.length - 1]!.clone();
    next.apply(one);
    possible.push(next);
  }
  return possible;
}

/** The store holds one of `possible`, which becomes what it must hold. */
export function holdsOneOf(bench: LogBench, possible: readonly LogContent[]): void {
  const failures: string[] = [];
  // The last one first: what is there as a whole is also a beginning of more.
  for (const content of possible.toReversed()) {
    try {
      assertHolds(bench.store, content);
      bench.content = content;
      return;
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw new Error(
    `it holds neither what it held before nor the first of the writes, each as a whole:\n${
      failures.join("\nor ")
    }`,
  );
}

/** Changes of every kind, each of which must be there as a whole or not at all. */
const CHANGES: readonly (readonly LogWrite[])[] = [
  [write({ hardState: vote(5, "n1") })],
  [write({ hardState: vote(5, "n1"), entries: entries(5, 5, 3) })],
  [write({ hardState: vote(5), truncateFrom: 3, entries: entries(3, 5, 9, { sizeBytes: 3000 }) })],
  [write({ hardState: vote(6, "n2"), reset: [40, 5], entries: entries(41, 5, 2) })],
  [
    write({ entries: entries(5, 4, 2) }),
    write({ hardState: vote(7, "n3"), truncateFrom: 4 }),
    write({ entries: entries(4, 7, 3, { type: "configuration" }) }),
  ],
];

/** After how many turns of the microtask queue, and of the event loop. */
type Moment = readonly [microtasks: number, turns: number];

/** When the machine stops while a write is under way; `undefined` for at once. */
const MOMENTS: readonly (Moment | undefined)[] = [
  undefined,
  [1, 0],
  [2, 0],
  [4, 0],
  [8, 0],
  [16, 0],
  [0, 1],
  [0, 3],
];

/** Waits for `moment`; `look` is called all the while. */
async function wait([microtasks, turns]: Moment, look = () => {}): Promise<void> {
  for (let count = 0; count < microtasks; count += 1) {
    await undefined;
    look();
  }
  for (let count = 0; count < turns; count += 1) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    look();
  }
}

/** Needs `crash`. */
export const CRASH_CHECKS: readonly LogStoreCheck[] = [
  ["what persist and truncatePrefix have promised is there after a crash", async (bench) => {
    const crash = async () => {
      await bench.crash();
      bench.holds();
    };
    await bench.persist(write({ hardState: vote(1, "n1") }));
    await crash();
    for (let index = 1; index <= 9; index += 1) await bench.append(1);
    await crash();
    await bench.persist(write({ hardState: vote(2), truncateFrom: 7, entries: entries(7, 2, 3) }));
    await crash();
    await bench.truncatePrefix(5);
    await crash();
    await bench.persist(write({ truncateFrom: 8 }));
    await crash();
    await bench.persist(write({ reset: [50, 3], entries: entries(51, 3, 2) }));
    await crash();
    await bench.append(4);
    await bench.truncatePrefix(53);
    await crash();
    await bench.append(1);
    await bench.reopen();
    await crash();
  }],

  [
    "B01: a write that was under way at a crash is there as a whole or not at all",
    async (bench) => {
      for (const moment of MOMENTS) {
        for (const change of CHANGES) await stopsWithin(bench, change, moment);
      }
    },
  ],

  ["what reads have shown is there after a crash", async (bench) => {
    for (const [round, moment] of MOMENTS.entries()) {
      const { lastIndex } = bench.content;
      const change = write({
        hardState: vote(round + 1, "n1"),
        entries: entries(lastIndex + 1, round + 1, 3),
      });
      const possible = outcomes(bench.content, [change]);
      bench.store.persist([change]).catch(() => {});
      const shown = { lastIndex: 0, term: 0 };
      const look = () => {
        shown.lastIndex = Math.max(shown.lastIndex, bench.store.lastIndex);
        shown.term = Math.max(shown.term, bench.store.hardState.term);
      };
      look();
      if (moment !== undefined) await wait(moment, look);
      await bench.crash();
      holdsOneOf(bench, possible);
      const { store } = bench;
      assert(
        store.lastIndex >= shown.lastIndex && store.hardState.term >= shown.term,
        `reads showed entries up to ${shown.lastIndex} and term ${shown.term}, and after a crash ` +
          `there are entries up to ${store.lastIndex} and term ${store.hardState.term}`,
      );
      if (store.lastIndex === lastIndex) await bench.persist(change);
    }
  }],
];

/** The machine stops at `moment`, while `change` is under way. */
async function stopsWithin(
  bench: LogBench,
  change: readonly LogWrite[],
  moment: Moment | undefined,
): Promise<void> {
  await bench.persist(
    write({ reset: [bench.content.lastIndex + 90, bench.content.lastTerm + 1] }),
  );
  const { lastIndex, lastTerm, hardState } = bench.content;
  const shifted = change.map((one) => shift(one, lastIndex, lastTerm, hardState.term));
  await bench.persist(write({ entries: entries(lastIndex + 1, lastTerm, 4) }));
  const possible = outcomes(bench.content, shifted);
  bench.store.persist(shifted).catch(() => {});
  if (moment !== undefined) await wait(moment);
  await bench.crash();
  holdsOneOf(bench, possible);
  await bench.crash();
  bench.holds();
  await bench.append(1);
  await bench.crash();
  bench.holds();
}

/** The same change of a log that ends with (`index`, `term`), in a term after `hardTerm`. */
function shift(change: LogWrite, index: number, term: number, hardTerm: number): LogWrite {
  const { hardState, reset, truncateFrom, entries: run } = change;
  return write({
    ...hardState && { hardState: vote(hardTerm + hardState.term, hardState.votedFor) },
    ...reset && { reset: [index + reset.index, term + reset.term] },
    ...truncateFrom && { truncateFrom: index + truncateFrom },
    ...run && {
      entries: entries(index + run.firstIndex, term + run.firstTerm, run.count, {
        sizeBytes: run.entry(run.lastIndex).data.length,
        type: run.entry(run.firstIndex).type,
      }),
    },
  });
}

/** Needs `fail`. */
export const FAILURE_CHECKS: readonly LogStoreCheck[] = [
  [
    "B32: after a write that failed nothing is accepted until the store is opened again",
    async (bench) => {
      await bench.persist(write({ hardState: vote(1, "n1"), entries: entries(1, 1, 4) }));
      const change = write({ hardState: vote(2, "n2"), entries: entries(5, 2, 3) });
      const possible = outcomes(bench.content, [change]);
      await bench.failNext();
      await assertRejects(() => bench.store.persist([change]), StorageError, "", "the disk fails");
      bench.holds();
      const late = "the disk has failed before";
      await assertRejects(() => bench.store.persist([change]), StorageError, "", late);
      await assertRejects(() => bench.store.truncatePrefix(toIndex(2)), StorageError, "", late);
      bench.holds();
      await bench.store.close();
      await bench.open();
      holdsOneOf(bench, possible);
      await bench.append(1, 2);
      await bench.reopen();
    },
  ],
];
