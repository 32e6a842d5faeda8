import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { InvariantViolation } from "./assert.ts";
import { type Entry, NO_BYTES, type Proposal } from "./entry.ts";
import { MalformedError } from "./entry_codec.ts";
import { EntryRun, type TermStart } from "./entry_run.ts";
import { type Index, NumberRangeError, type Term, toIndex, toTerm } from "./numbers.ts";

const proposal: fc.Arbitrary<Proposal> = fc.record({
  type: fc.constantFrom("command", "command", "noop", "configuration"),
  data: fc.uint8Array({ maxLength: 20 }),
  extensions: fc.uint8Array({ maxLength: 4 }),
});

/** Runs that follow each other, in terms that never decrease. */
const runs: fc.Arbitrary<EntryRun[]> = fc.record({
  first: fc.integer({ min: 1, max: 1000 }),
  parts: fc.array(fc.tuple(fc.nat(2), fc.array(proposal, { minLength: 1, maxLength: 5 })), {
    minLength: 1,
    maxLength: 5,
  }),
}).map(({ first, parts }) => {
  let index = first;
  let term = 1;
  return parts.map(([more, proposals]) => {
    term += more;
    const run = EntryRun.encode(toIndex(index), toTerm(term), 7, proposals);
    index += proposals.length;
    return run;
  });
});

/** What a run says of itself must follow from its entries. */
function assertRun(run: EntryRun, entries: readonly Entry[]): void {
  assertEquals(run.entries(), [...entries]);
  assertStrictEquals(run.count, entries.length);
  assertStrictEquals(run.firstIndex, entries[0]!.index);
  assertStrictEquals(run.lastIndex, entries[entries.length - 1]!.index);
  assertStrictEquals(run.firstTerm, entries[0]!.term);
  assertStrictEquals(run.lastTerm, entries[entries.length - 1]!.term);
  const terms: TermStart[] = [];
  for (const { index, term } of entries) {
    if (terms[terms.length - 1]?.term !== term) terms.push({ index, term });
  }
  assertEquals([...run.terms], terms);
  assertEquals(
    [...run.configurations],
    entries.filter((one) => one.type === "configuration").map((one) => one.index),
  );
  for (const entry of entries) {
    assertStrictEquals(run.term(entry.index), entry.term);
    assertEquals(run.entry(entry.index), entry);
  }
}

Deno.test("concatenated and parsed runs say of themselves what their entries say", () => {
  fc.assert(fc.property(runs, (parts) => {
    const entries = parts.flatMap((run) => run.entries());
    const whole = EntryRun.concat(parts);
    assertRun(whole, entries);
    assertRun(EntryRun.parse(whole.bytes), entries);
  }));
});

Deno.test("bytes that lie in the middle of a buffer are parsed as well", () => {
  fc.assert(fc.property(runs, fc.nat(9), (parts, offset) => {
    const whole = EntryRun.concat(parts);
    const buffer = new Uint8Array(offset + whole.bytes.length + 3);
    buffer.set(whole.bytes, offset);
    const parsed = EntryRun.parse(buffer.subarray(offset, offset + whole.bytes.length));
    assertRun(parsed, whole.entries());
  }));
});

Deno.test("a slice is a slice of the entries, without a copy", () => {
  fc.assert(fc.property(runs, fc.nat(), fc.nat(), (parts, one, other) => {
    const whole = EntryRun.concat(parts);
    const [low, high] = [one % whole.count, other % whole.count].toSorted((a, b) => a - b);
    const from = (whole.firstIndex + low!) as Index;
    const to = (whole.firstIndex + high!) as Index;
    const slice = whole.slice(from, to);
    assertRun(slice, whole.entries().slice(low, high! + 1));
    assertStrictEquals(slice.bytes.buffer, whole.bytes.buffer);
    assertRun(whole.slice(from), whole.entries().slice(low));
  }));
});

Deno.test("a limit is the longest prefix that fits, and at least one entry (B17, B70)", () => {
  fc.assert(fc.property(runs, fc.integer({ min: 1, max: 400 }), (parts, maxBytes) => {
    const whole = EntryRun.concat(parts);
    const limited = whole.limit(maxBytes);
    let size = 0;
    let count = 0;
    for (const { data, extensions } of whole.entries()) {
      size += 32 + data.length + extensions.length;
      if (count > 0 && size > maxBytes) break;
      count += 1;
    }
    assertRun(limited, whole.entries().slice(0, count));
  }));
});

Deno.test("an entry that is larger than the limit is alone (B70)", () => {
  const large = { type: "command", data: new Uint8Array(100), extensions: NO_BYTES } as const;
  const small = { type: "noop", data: NO_BYTES, extensions: NO_BYTES } as const;
  const encode = (proposals: Proposal[]): EntryRun =>
    EntryRun.encode(toIndex(1), toTerm(1), 0, proposals);
  assertStrictEquals(encode([large]).limit(50).count, 1);
  assertStrictEquals(encode([large, small]).limit(50).count, 1);
  assertStrictEquals(encode([small, large]).limit(50).count, 1);
});

Deno.test("runs that do not follow each other do not become one", () => {
  const noop = { type: "noop", data: NO_BYTES, extensions: NO_BYTES } as const;
  const run = (first: number): EntryRun =>
    EntryRun.encode(toIndex(first), toTerm(1), 0, [noop, noop]);
  assertThrows(() => EntryRun.concat([run(1), run(4)]), InvariantViolation, "does not follow 3");
  assertThrows(() => EntryRun.concat([run(1), run(2)]), InvariantViolation, "does not follow 3");
  assertThrows(() => EntryRun.concat([]), InvariantViolation);
  assertThrows(() => EntryRun.encode(toIndex(1), toTerm(1), 0, []), InvariantViolation);
  for (const index of [0, 3]) {
    assertThrows(() => run(1).term(toIndex(index)), InvariantViolation, "is not in the run 1..2");
    assertThrows(() => run(1).entry(toIndex(index)), InvariantViolation, "is not in the run 1..2");
  }
  assertThrows(() => run(1).slice(toIndex(2), toIndex(1)), InvariantViolation, "has no entry");
});

Deno.test("garbage is refused with a typed error, or is a run", () => {
  // Headers of which single bytes are wrong come closer to being accepted than noise does.
  const damaged = fc.tuple(runs, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }))
    .map(([parts, changes]) => {
      const bytes = EntryRun.concat(parts).bytes;
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
  const noise = fc.uint8Array({ maxLength: 100 }).map((bytes) => new Uint8Array(bytes));
  fc.assert(
    fc.property(fc.oneof(damaged, noise), fc.nat(), (bytes, cut) => {
      for (const given of [bytes, bytes.subarray(0, cut % (bytes.length + 1))]) {
        try {
          const run = EntryRun.parse(given);
          assertRun(run, run.entries());
        } catch (error) {
          assert(error instanceof MalformedError || error instanceof NumberRangeError, `${error}`);
        }
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("what is wrong with a run is said", () => {
  const noop = { type: "noop", data: NO_BYTES, extensions: NO_BYTES } as const;
  const join = (...positions: [number, number][]): Uint8Array<ArrayBuffer> => {
    const parts = positions.map(([index, term]) => {
      const bytes = EntryRun.encode(toIndex(1), toTerm(1), 0, [noop]).bytes;
      const view = new DataView(bytes.buffer);
      view.setBigUint64(8, BigInt(index));
      view.setBigUint64(16, BigInt(term));
      return bytes;
    });
    return new Uint8Array(parts.flatMap((part) => [...part]));
  };
  const wrong: [Uint8Array<ArrayBuffer>, string][] = [
    [new Uint8Array(0), "a run of entries has no bytes"],
    [new Uint8Array(7), "7 bytes at offset 0 are too few"],
    [join([0, 1]), "the entry at offset 0 has index 0; expected is 1"],
    [join([4, 1], [6, 1]), "the entry at offset 32 has index 6; expected is 5"],
    [join([4, 1], [4, 1]), "the entry at offset 32 has index 4; expected is 5"],
    [join([4, 3], [5, 2]), "entry 5 has term 2, after an entry of term 3"],
    [join([1, 0]), "entry 1 has term 0, after an entry of term 0"],
  ];
  for (const [bytes, message] of wrong) {
    assertThrows(() => EntryRun.parse(bytes), MalformedError, message);
  }
  const view = new DataView(join([1, 1]).buffer);
  view.setUint32(8, 0x200000);
  assertThrows(() => EntryRun.parse(new Uint8Array(view.buffer)), NumberRangeError, "2^53 - 1");
});

Deno.test("a run of one term has one term start", () => {
  const noop = { type: "noop", data: NO_BYTES, extensions: NO_BYTES } as const;
  const run = EntryRun.encode(toIndex(5), toTerm(2), 0, [noop, noop]);
  assertEquals([...EntryRun.concat([run]).terms], [{ index: 5 as Index, term: 2 as Term }]);
});
