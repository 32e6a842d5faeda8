import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type EntryRun, MalformedError, toIndex, toTerm } from "@coracle/core";
import { manyEntries, run, vote } from "../_testing/logs.ts";
import {
  BATCH_SIZE_MIN_BYTES,
  batchLength,
  batchSizeBytes,
  decodeBatch,
  encodeBatch,
  plainEntryCount,
} from "./batch.ts";
import { type LogCut, type PlannedChange, summarize } from "./change.ts";
import { isIntact, writeChecksum } from "./checksum.ts";

const SALT = 0xdeadbeef;

function changeOf(parts: Partial<PlannedChange>): PlannedChange {
  const { hardState, cut, runs = [] } = parts;
  return { hardState, cut, runs, entries: summarize(runs) };
}

/** The bytes of a batch that begins at `start`, after other bytes. */
function encoded(change: PlannedChange, start = 0): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(start + batchSizeBytes(change));
  const view = new DataView(bytes.buffer);
  const end = encodeBatch(
    bytes,
    view,
    start,
    { salt: SALT, offset: 500, syncedBytes: 400 },
    change,
  );
  assertEquals(end, bytes.length, "the size was foretold");
  return { bytes, view };
}

const runs: fc.Arbitrary<EntryRun[]> = fc.record({
  firstIndex: fc.oneof(
    fc.integer({ min: 1, max: 1000 }),
    fc.constant(2 ** 33),
    fc.constant(2 ** 52),
  ),
  firstTerm: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(2 ** 40)),
  parts: fc.array(
    fc.record({
      count: fc.integer({ min: 1, max: 4 }),
      later: fc.nat(2),
      configuration: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
}).map(({ firstIndex, firstTerm, parts }) => {
  let index = firstIndex;
  let term = firstTerm;
  return parts.map(({ count, later, configuration }) => {
    const texts = Array.from({ length: count }, (_, at) => configuration && at === 0 ? "{}" : "x");
    const made = run(index, term, ...texts);
    index += count;
    term += later;
    return made;
  });
});

const cuts: fc.Arbitrary<LogCut> = fc.record({
  kind: fc.constantFrom("truncate" as const, "reset" as const),
  lastIndex: fc.maxSafeNat().map(toIndex),
  lastTerm: fc.maxSafeNat().map(toTerm),
});

const changes: fc.Arbitrary<PlannedChange> = fc.record({
  hardState: fc.option(
    fc.record({
      term: fc.maxSafeNat().map(toTerm),
      votedFor: fc.option(fc.string({ unit: "grapheme" }), { nil: undefined }),
    }),
    { nil: undefined },
  ),
  cut: fc.option(cuts, { nil: undefined }),
  runs,
}).map(changeOf);

Deno.test("a batch comes back as it was written", () => {
  fc.assert(fc.property(changes, fc.nat(20), (change, start) => {
    const { bytes, view } = encoded(change, start);
    const length = batchLength(view, start, 500, SALT);
    assertEquals(length, bytes.length - start);
    assert(isIntact(bytes.subarray(start)));
    const { hardState, cut, entries, syncedBytes } = decodeBatch(bytes, view, start, length);
    assertEquals({ hardState, cut, syncedBytes }, {
      hardState: change.hardState,
      cut: change.cut,
      syncedBytes: 400,
    });
    if (entries === undefined) return assertEquals(change.entries, undefined);
    const { start: from, end: to, ...summary } = entries;
    assertEquals(summary, change.entries);
    const written = change.runs.flatMap((part) => [...part.bytes]);
    assertEquals([...bytes.subarray(from, to)], written);
  }));
});

Deno.test("any number of batches one after another have one checksum", () => {
  fc.assert(
    fc.property(fc.array(changes, { minLength: 1, maxLength: 5 }), fc.nat(), (list, seed) => {
      const all = new Uint8Array(list.flatMap((change) => [...encoded(change).bytes]));
      assert(isIntact(all));
      all[seed % all.length]! ^= 1 << (seed % 8);
      assert(!isIntact(all));
    }),
  );
});

Deno.test("a batch of other bytes, another place or another segment is none", () => {
  const { view } = encoded(changeOf({ runs: [manyEntries(1, 1, 3)] }));
  assert(batchLength(view, 0, 500, SALT) > 0);
  assertEquals(batchLength(view, 0, 501, SALT), 0);
  assertEquals(batchLength(view, 0, 500, SALT + 1), 0);
  for (const length of [0, BATCH_SIZE_MIN_BYTES - 1, 256 * 1024 * 1024 + 1, 0xffffffff]) {
    view.setUint32(0, length);
    assertEquals(batchLength(view, 0, 500, SALT), 0, `a length of ${length}`);
  }
});

Deno.test("frames that nobody could have written are refused, and nothing is allocated for them", () => {
  const change = changeOf({ hardState: vote(1, "n1"), runs: [manyEntries(1, 1, 3)] });
  const { bytes } = encoded(change);
  for (let at = 16; at < 120; at += 1) {
    for (const value of [0, 0x7f, 0xff]) {
      const garbled = bytes.slice();
      garbled[at] = value;
      const view = new DataView(garbled.buffer);
      writeChecksum(garbled, view, 0, garbled.length - 4);
      try {
        decodeBatch(garbled, view, 0, garbled.length);
      } catch (error) {
        assertMatch(String(error), /MalformedError|NumberRangeError/);
      }
    }
  }
  const view = new DataView(bytes.buffer);
  view.setUint32(20, 0xffffffff);
  assertThrows(
    () => decodeBatch(bytes, view, 0, bytes.length),
    MalformedError,
    "size as 4294967295",
  );
});

Deno.test("a batch of nothing but more entries of the same term is told from any other", () => {
  const count = (change: PlannedChange, nextIndex: number, term: number): number => {
    const { bytes, view } = encoded(change);
    return plainEntryCount(view, 0, bytes.length, nextIndex, term);
  };
  const far = 2 ** 40;
  assertEquals(count(changeOf({ runs: [manyEntries(5, 2, 3)] }), 5, 2), 3);
  assertEquals(count(changeOf({ runs: [manyEntries(far, far, 3)] }), far, far), 3);
  assertEquals(count(changeOf({ runs: [manyEntries(5, 2, 3)] }), 6, 2), 0, "not the next index");
  assertEquals(count(changeOf({ runs: [manyEntries(5, 2, 3)] }), 5, 1), 0, "another term");
  assertEquals(count(changeOf({ runs: [manyEntries(5, 2, 3), run(8, 3, "x")] }), 5, 2), 0);
  assertEquals(count(changeOf({ runs: [run(5, 2, "x", "{}")] }), 5, 2), 0, "a configuration");
  assertEquals(count(changeOf({ hardState: vote(2), runs: [manyEntries(5, 2, 3)] }), 5, 2), 0);
  assertEquals(
    count(changeOf({ hardState: vote(2, "a-name-as-long-as-an-entries-frame") }), 5, 2),
    0,
  );
  assertEquals(count(changeOf({}), 5, 2), 0);
  const cut = { kind: "truncate", lastIndex: toIndex(4), lastTerm: toTerm(2) } as const;
  assertEquals(count(changeOf({ cut, runs: [manyEntries(5, 2, 3)] }), 5, 2), 0);
});
