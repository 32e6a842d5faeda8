import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  EntryRun,
  type Index,
  InvariantViolation,
  type LogReset,
  type LogWrite,
  NO_BYTES,
  type Proposal,
  type Term,
  toIndex,
  toTerm,
} from "@coracle/core";
import fc from "fast-check";
import { LogImage } from "./log_image.ts";

const NOTHING: LogWrite = {
  hardState: undefined,
  reset: undefined,
  truncateFrom: undefined,
  entries: undefined,
};

function run(
  first: number,
  term: number,
  count: number,
  type: Proposal["type"] = "noop",
): EntryRun {
  const proposals = Array.from({ length: count }, () => ({
    type,
    data: NO_BYTES,
    extensions: NO_BYTES,
  }));
  return EntryRun.encode(toIndex(first), toTerm(term), 0, proposals);
}

/** What a log is: the terms of its entries, from index `base + 1` on. */
interface Model {
  base: number;
  baseTerm: number;
  terms: number[];
}

const operation = fc.record({
  kind: fc.constantFrom("append", "append", "append", "truncate", "overwrite", "prefix", "reset"),
  where: fc.nat(20),
  count: fc.integer({ min: 1, max: 4 }),
  newTerm: fc.boolean(),
});

Deno.test("a log image is an array of entries, whatever is done to it", () => {
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 60, size: "max" }),
      fc.integer({ min: 1, max: 400 }),
      (plan, maxBytes) => {
        const image = new LogImage();
        const model: Model = { base: 0, baseTerm: 0, terms: [] };
        for (const { kind, where, count, newTerm } of plan) {
          const last = model.base + model.terms.length;
          const from = model.base + 1 + where % (model.terms.length + 1);
          const keep = kind === "truncate" || kind === "overwrite"
            ? from - 1 - model.base
            : undefined;
          if (kind === "prefix") {
            const index = Math.min(last, model.base + where);
            image.truncatePrefix(index as Index);
            model.baseTerm = index === model.base
              ? model.baseTerm
              : model.terms[index - model.base - 1]!;
            model.terms.splice(0, index - model.base);
            model.base = index;
          } else if (kind === "reset") {
            // A snapshot of a later term than anything in the log: it agrees with nothing there.
            const term = (model.terms[model.terms.length - 1] ?? model.baseTerm) + 1;
            const index = model.base + where as Index;
            const entries = newTerm ? run(index + 1, term, count) : undefined;
            image.apply({ ...NOTHING, reset: { index, term: term as Term }, entries });
            model.base = index;
            model.baseTerm = term;
            model.terms = entries === undefined ? [] : Array(count).fill(term);
          } else {
            if (keep !== undefined) model.terms.length = keep;
            const before = model.terms[model.terms.length - 1] ?? model.baseTerm;
            const term = Math.max(1, before + (newTerm ? 1 : 0));
            const entries = kind === "truncate"
              ? undefined
              : run(model.base + model.terms.length + 1, term, count);
            image.apply({
              ...NOTHING,
              truncateFrom: keep === undefined ? undefined : from as Index,
              entries,
            });
            if (entries !== undefined) {
              for (let i = 0; i < count; i += 1) {
                model.terms.push(term);
              }
            }
          }
          assertAgree(image, model, maxBytes);
        }
        assertAgree(image.clone(), model, maxBytes);
      },
    ),
  );
});

function assertAgree(image: LogImage, model: Model, maxBytes: number): void {
  const last = model.base + model.terms.length;
  assertStrictEquals(image.firstIndex, model.base + 1 as Index);
  assertStrictEquals(image.lastIndex, last as Index);
  assertStrictEquals(image.term(model.base as Index), model.baseTerm as Term);
  assertStrictEquals(image.term(last + 1 as Index), undefined);
  assertStrictEquals(image.read(last + 1 as Index, maxBytes), undefined);
  assertStrictEquals(image.read(model.base as Index, maxBytes), undefined);
  model.terms.forEach((term, at) => {
    const index = (model.base + 1 + at) as Index;
    assertStrictEquals(image.term(index), term as Term);
    const read = image.read(index, maxBytes)!;
    assertStrictEquals(read.firstIndex, index);
    if (read.count > 1) assertEquals(read.bytes.length <= maxBytes, true);
    for (const entry of read.entries()) {
      assertStrictEquals(entry.term, model.terms[entry.index - model.base - 1] as Term);
    }
  });
  const all = image.read((model.base + 1) as Index, 1e6);
  assertStrictEquals(all?.count ?? 0, model.terms.length);
}

Deno.test("configurations follow appends and truncations", () => {
  const image = new LogImage();
  image.apply({ ...NOTHING, entries: run(1, 1, 1, "configuration") });
  image.apply({ ...NOTHING, entries: run(2, 1, 3) });
  image.apply({ ...NOTHING, entries: run(5, 1, 2, "configuration") });
  assertEquals(image.configurations, [1, 5, 6] as Index[]);
  image.apply({ ...NOTHING, truncateFrom: toIndex(6) });
  assertEquals(image.configurations, [1, 5] as Index[]);
});

Deno.test("a clone does not change with its original", () => {
  const image = new LogImage();
  image.apply({ ...NOTHING, entries: run(1, 1, 2) });
  const copy = image.clone();
  image.apply({ ...NOTHING, truncateFrom: toIndex(2), entries: run(2, 2, 3) });
  assertStrictEquals(copy.lastIndex, toIndex(2));
  assertStrictEquals(copy.term(toIndex(2)), toTerm(1));
});

Deno.test("a reset takes effect with what comes with it, before it", () => {
  const image = new LogImage();
  image.apply({ ...NOTHING, entries: run(1, 1, 3, "configuration") });
  const hardState = { term: toTerm(4), votedFor: undefined };
  image.apply({ ...NOTHING, hardState, reset: at(10, 3), entries: run(11, 4, 2) });
  assertEquals(image.hardState, hardState);
  assertEquals([image.firstIndex, image.lastIndex] as number[], [11, 12]);
  assertEquals([image.term(toIndex(10)), image.term(toIndex(3))], [toTerm(3), undefined]);
  assertEquals(image.configurations, []);
});

/** A place in a log. */
function at(index: number, term: number): LogReset {
  return { index: toIndex(index), term: toTerm(term) };
}

Deno.test("what no node may ask for changes nothing", () => {
  const image = new LogImage();
  const hardState = { term: toTerm(2), votedFor: "a" };
  image.apply({ ...NOTHING, hardState, entries: run(1, 2, 3) });
  image.truncatePrefix(toIndex(1));
  const wrong: [Partial<LogWrite>, string][] = [
    [{ hardState: { term: toTerm(1), votedFor: undefined } }, "term 1 after term 2"],
    [{ hardState: { term: toTerm(2), votedFor: "b" } }, "a vote for b after one for a in term 2"],
    [{ hardState: { term: toTerm(2), votedFor: undefined } }, "a vote for undefined after"],
    [{ truncateFrom: toIndex(1) }, "a truncation from 1, before the log 2..3"],
    [{ entries: run(5, 2, 1) }, "entries from 5 do not follow 3"],
    [{ entries: run(3, 2, 1) }, "entries from 3 do not follow 3"],
    [{ truncateFrom: toIndex(3), entries: run(4, 2, 1) }, "entries from 4 do not follow 2"],
    [{ entries: run(4, 1, 1) }, "entries of term 1 after term 2"],
    [{ reset: { index: toIndex(0), term: toTerm(0) } }, "a reset to 0, before the log 2..3"],
    [{ reset: at(3, 2) }, "a reset to 3 of term 2, which is in the log 2..3"],
    [{ reset: at(7, 2), entries: run(4, 2, 1) }, "entries from 4 do not follow 7"],
    [{ reset: at(7, 3), entries: run(8, 2, 1) }, "entries of term 2 after term 3"],
    [{ reset: at(7, 3), truncateFrom: toIndex(5) }, "a truncation from 5, before the log"],
  ];
  for (const [write, message] of wrong) {
    assertThrows(() => image.apply({ ...NOTHING, ...write }), InvariantViolation, message);
    assertEquals(image.hardState, hardState);
    assertStrictEquals(image.lastIndex, toIndex(3));
  }
  assertThrows(() => image.truncatePrefix(toIndex(4)), InvariantViolation, "beyond the log 2..3");
});
