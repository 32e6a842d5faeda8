import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { LogImage } from "@coracle/testing";
import fc from "fast-check";
import { InvariantViolation } from "../model/assert.ts";
import { NO_BYTES } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { type Index, type Term, toIndex, toTerm } from "../model/numbers.ts";
import type { LogWrite } from "../ports/log_store.ts";
import { LogView } from "./log_view.ts";

/** Entries of one term, whose data is as long as their term, so that sizes differ. */
function entriesOf(first: number, term: number, count: number): EntryRun {
  const one = { type: "command" as const, data: new Uint8Array(term), extensions: NO_BYTES };
  return EntryRun.encode(toIndex(first), toTerm(term), 0, Array.from({ length: count }, () => one));
}

/** A write that was handed out. */
interface Write {
  readonly id: number;
  readonly truncateFrom: number | undefined;
  readonly terms: readonly number[];
}

/**
 * A log as an array of terms, beside the one that is tested: what it is now, what the disk was told, and what it has
 * done of that. The entry at an index and a term is always the same one, as in Raft, so terms tell logs apart.
 */
class Model {
  readonly image = new LogImage();
  readonly view: LogView;
  terms: number[];
  readonly outstanding: Write[] = [];
  /** What the disk holds, as far as the view was told. */
  durable: number[];
  #nextId = 1;
  #term = 2;
  #hasDropped = false;
  #unsaved: { truncateFrom: number | undefined; terms: number[] } | undefined;

  constructor(readonly base: number, before: readonly number[]) {
    this.#persist(undefined, 1, [...Array.from({ length: base }, () => 1), ...before]);
    this.image.truncatePrefix(base as Index);
    this.terms = [...before];
    this.durable = [...before];
    this.view = new LogView(this.image);
  }

  append(count: number): void {
    const unsaved = this.#unsaved ??= { truncateFrom: undefined, terms: [] };
    if (this.#hasDropped) this.#term += 1;
    this.#hasDropped = false;
    const term = this.#term;
    this.view.append(entriesOf(this.base + this.terms.length + 1, term, count));
    for (let at = 0; at < count; at += 1) {
      this.terms.push(term);
      unsaved.terms.push(term);
    }
  }

  /** Drops the last `count` entries; what follows is of a new term. */
  truncate(count: number): void {
    if (count > this.terms.length || count === 0) return;
    this.write();
    this.terms.length -= count;
    const truncateFrom = this.base + this.terms.length + 1;
    this.view.truncate(truncateFrom as Index);
    this.#unsaved = { truncateFrom, terms: [] };
    this.#hasDropped = true;
  }

  write(): void {
    const unsaved = this.#unsaved;
    if (unsaved === undefined) return;
    this.#unsaved = undefined;
    const id = this.#nextId++;
    this.view.written(id, id * 10);
    this.outstanding.push({ id, ...unsaved });
  }

  /** The disk does the next `count` writes; the view hears of them, or not yet (`isTold`). */
  complete(count: number, isTold: boolean): void {
    const done = isTold ? this.outstanding.splice(0, count) : this.outstanding.slice(0, count);
    for (const write of done) {
      this.#apply(write);
      if (isTold) applyTo(this.durable, this.base, write);
    }
    if (isTold && done.length > 0) {
      assertStrictEquals(this.view.persisted(done[done.length - 1]!.id), true);
    }
  }

  #applied = 0;

  #apply(write: Write): void {
    if (write.id <= this.#applied) return;
    this.#applied = write.id;
    this.#persist(write.truncateFrom, this.base + 1, write.terms);
  }

  #persist(truncateFrom: number | undefined, first: number, terms: readonly number[]): void {
    let at = Math.min(truncateFrom ?? Infinity, Math.max(first, this.image.lastIndex + 1));
    const write = (part: Partial<LogWrite>): void =>
      this.image.apply({
        hardState: undefined,
        reset: undefined,
        truncateFrom: undefined,
        entries: undefined,
        ...part,
      });
    if (truncateFrom !== undefined) write({ truncateFrom: truncateFrom as Index });
    for (const term of terms) write({ entries: entriesOf(at++, term, 1) });
  }

  /** How far a log that holds `terms` agrees with the log as it is now. */
  agreement(terms: readonly number[]): number {
    let at = 0;
    while (at < this.terms.length && this.terms[at] === terms[at]) at += 1;
    return this.base + at;
  }
}

function applyTo(terms: number[], base: number, write: Write): void {
  if (write.truncateFrom !== undefined) terms.length = write.truncateFrom - base - 1;
  terms.push(...write.terms);
}

function assertAgree(model: Model, maxBytes: number): void {
  const { view, terms, base, outstanding } = model;
  const last = base + terms.length;
  assertStrictEquals(view.firstIndex, (base + 1) as Index);
  assertStrictEquals(view.lastIndex, last as Index);
  assertStrictEquals(view.lastTerm, (terms[terms.length - 1] ?? (base === 0 ? 0 : 1)) as Term);
  assertStrictEquals(view.durableIndex, model.agreement(model.durable) as Index);
  assertStrictEquals(view.oldestWriteSinceMs, outstanding[0] && outstanding[0].id * 10);
  assertStrictEquals(view.term((last + 1) as Index), undefined);
  assertStrictEquals(view.read((last + 1) as Index, maxBytes), undefined);
  for (const [at, term] of terms.entries()) {
    const index = (base + 1 + at) as Index;
    assertStrictEquals(view.term(index), term as Term, `term of ${index}`);
    const run = view.read(index, maxBytes)!;
    assertStrictEquals(run.firstIndex, index);
    if (run.count > 1) assertEquals(run.bytes.length <= maxBytes, true, "a limit is kept");
    for (const entry of run.entries()) {
      assertStrictEquals(entry.term, terms[entry.index - base - 1] as Term, `read ${entry.index}`);
    }
  }
  for (let bound = 0; bound <= 9; bound += 3) {
    const expected = terms.findLastIndex((term) => term <= bound);
    assertStrictEquals(
      view.lastIndexOfTermAtMost(last as Index, bound as Term),
      (base + 1 + expected) as Index,
    );
  }
}

/** Which write makes the log durable up to each index: done one after another, on a copy. */
function assertCovering(model: Model): void {
  const { view, base, terms, outstanding, durable } = model;
  const disk = [...durable];
  let covered = model.agreement(disk);
  for (let index = base + 1; index <= covered; index += 1) {
    assertStrictEquals(view.writeCovering(index as Index), undefined);
  }
  for (const write of outstanding) {
    applyTo(disk, base, write);
    const reach = model.agreement(disk);
    for (let index = covered + 1; index <= reach; index += 1) {
      assertStrictEquals(view.writeCovering(index as Index), write.id, `write of ${index}`);
    }
    covered = Math.max(covered, reach);
  }
  assertStrictEquals(covered, base + terms.length);
}

const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("append" as const),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("truncate" as const),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("write" as const), count: fc.constant(0) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("complete" as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("disk ahead" as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
);

Deno.test("a log view is an array of entries with a durable prefix, whatever the disk does (B14)", () => {
  const start = fc.record({ base: fc.nat(3), before: fc.array(fc.constant(2), { maxLength: 4 }) });
  fc.assert(
    fc.property(
      start,
      fc.array(operation, { maxLength: 40 }),
      fc.integer({ min: 1, max: 300 }),
      ({ base, before }, plan, maxBytes) => {
        const model = new Model(base, before);
        for (const { type, count } of plan) {
          if (type === "append") model.append(count);
          else if (type === "truncate") model.truncate(count);
          else if (type === "write") model.write();
          else model.complete(count, type === "complete");
          assertAgree(model, maxBytes);
        }
        model.write();
        assertCovering(model);
        model.complete(model.outstanding.length, true);
        assertAgree(model, maxBytes);
        assertStrictEquals(model.view.durableIndex, model.view.lastIndex);
      },
    ),
    { numRuns: 400 },
  );
});

Deno.test("the late completion of entries that were overwritten acknowledges nothing (B14)", () => {
  const image = new LogImage();
  const view = new LogView(image);
  const write = (truncateFrom: Index | undefined, entries: EntryRun): LogWrite => ({
    hardState: undefined,
    reset: undefined,
    truncateFrom,
    entries,
  });
  const old = entriesOf(1, 2, 5);
  view.append(old);
  view.written(1, 0);
  view.truncate(toIndex(5));
  const young = entriesOf(5, 3, 1);
  view.append(young);
  view.written(2, 0);
  assertStrictEquals(view.writeCovering(toIndex(5)), 2);
  assertStrictEquals(view.writeCovering(toIndex(4)), 1);

  image.apply(write(undefined, old));
  view.persisted(1);
  assertStrictEquals(view.durableIndex, toIndex(4), "entry 5 of term 2 is not entry 5 of term 3");
  assertStrictEquals(view.term(toIndex(5)), toTerm(3));

  image.apply(write(toIndex(5), young));
  view.persisted(2);
  assertStrictEquals(view.durableIndex, toIndex(5));
  assertStrictEquals(view.term(toIndex(5)), toTerm(3));
});

Deno.test("a completion of what nobody waits for is nothing", () => {
  const view = new LogView(new LogImage());
  assertStrictEquals(view.persisted(7), false);
});

Deno.test("entries that do not follow, or of an earlier term, are a mistake of the caller", () => {
  const view = new LogView(new LogImage());
  view.append(entriesOf(1, 2, 3));
  assertThrows(() => view.append(entriesOf(5, 2, 1)), InvariantViolation, "do not follow");
  assertThrows(() => view.append(entriesOf(3, 2, 1)), InvariantViolation, "do not follow");
  assertThrows(() => view.append(entriesOf(4, 1, 1)), InvariantViolation, "never decrease");
  assertThrows(() => view.truncate(toIndex(4)), InvariantViolation, "nothing to truncate from 4");
  assertThrows(() => view.writeCovering(toIndex(1)), InvariantViolation, "no write on its way");
});

Deno.test("while a reset is on its way, the log begins after it, and of what is before it only the last term is known", () => {
  const image = new LogImage();
  image.apply({
    hardState: undefined,
    reset: undefined,
    truncateFrom: undefined,
    entries: entriesOf(1, 1, 5),
  });
  const view = new LogView(image);
  view.reset(toIndex(9), toTerm(3));
  assertEquals([view.firstIndex, view.lastIndex], [toIndex(10), toIndex(9)]);
  assertEquals([8, 9, 10].map((index) => view.term(toIndex(index))), [
    undefined,
    toTerm(3),
    undefined,
  ]);
  assertEquals([3, 9, 10].map((index) => view.read(toIndex(index), 1000)), [
    undefined,
    undefined,
    undefined,
  ]);
});
