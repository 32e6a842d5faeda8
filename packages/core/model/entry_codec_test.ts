import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  encodedSizeBytes,
  ENTRY_HEADER_SIZE_BYTES,
  ENTRY_SIZE_MAX_BYTES,
  type EntryType,
  NO_BYTES,
  type Proposal,
} from "./entry.ts";
import {
  checkEntry,
  decodeEntry,
  encodeEntry,
  entryTypeCode,
  MalformedError,
} from "./entry_codec.ts";
import { InvariantViolation } from "./assert.ts";
import { toIndex, toTerm } from "./numbers.ts";

const TYPES: EntryType[] = ["command", "noop", "barrier", "configuration", "restore"];

const proposal: fc.Arbitrary<Proposal> = fc.record({
  type: fc.constantFrom(...TYPES),
  data: fc.uint8Array({ maxLength: 40 }),
  extensions: fc.uint8Array({ maxLength: 10 }),
});

Deno.test("the codes of types are those of the format", () => {
  assertEquals(TYPES.map(entryTypeCode), [1, 2, 3, 4, 5]);
});

Deno.test("an entry survives encoding, at any offset", () => {
  fc.assert(fc.property(
    proposal,
    fc.nat(9),
    fc.maxSafeNat(),
    fc.maxSafeNat(),
    fc.double({ noNaN: true }),
    (one, offset, index, term, appendedAtMs) => {
      const size = encodedSizeBytes(one);
      const bytes = new Uint8Array(offset + size + 5);
      const view = new DataView(bytes.buffer);
      const end = encodeEntry(
        bytes,
        view,
        offset,
        toIndex(index),
        toTerm(term),
        appendedAtMs,
        one,
      );
      assertStrictEquals(end, offset + size);
      assertStrictEquals(checkEntry(view, offset, end), size);
      const entry = decodeEntry(bytes, view, offset);
      assertStrictEquals(entry.index, toIndex(index));
      assertStrictEquals(entry.term, toTerm(term));
      assertStrictEquals(entry.appendedAtMs, appendedAtMs);
      assertStrictEquals(entry.type, one.type);
      assertEquals([...entry.data], [...one.data]);
      assertEquals([...entry.extensions], [...one.extensions]);
    },
  ));
});

Deno.test("the bytes of an entry are the ones that the diagram shows", () => {
  const bytes = new Uint8Array(35);
  encodeEntry(bytes, new DataView(bytes.buffer), 0, toIndex(258), toTerm(3), 1, {
    type: "configuration",
    data: new Uint8Array([0xaa]),
    extensions: new Uint8Array([0xbb, 0xcc]),
  });
  // deno-fmt-ignore
  assertEquals([...bytes], [
    0, 0, 0, 35,  4, 0, 0, 2,
    0, 0, 0, 0, 0, 0, 1, 2,
    0, 0, 0, 0, 0, 0, 0, 3,
    0x3f, 0xf0, 0, 0, 0, 0, 0, 0,
    0xbb, 0xcc, 0xaa,
  ]);
});

Deno.test("an entry without extensions shares the empty ones", () => {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  encodeEntry(bytes, view, 0, toIndex(1), toTerm(1), 0, {
    type: "noop",
    data: NO_BYTES,
    extensions: NO_BYTES,
  });
  assertStrictEquals(decodeEntry(bytes, view, 0).extensions, NO_BYTES);
});

Deno.test("an entry beyond 16 MiB is not encoded", () => {
  const limit = ENTRY_SIZE_MAX_BYTES - ENTRY_HEADER_SIZE_BYTES;
  const bytes = new Uint8Array(ENTRY_SIZE_MAX_BYTES);
  const view = new DataView(bytes.buffer);
  const encode = (sizeBytes: number): number => {
    const data = new Uint8Array(sizeBytes);
    const one: Proposal = { type: "command", data, extensions: NO_BYTES };
    return encodeEntry(bytes, view, 0, toIndex(1), toTerm(1), 0, one);
  };
  assertStrictEquals(encode(limit), ENTRY_SIZE_MAX_BYTES);
  assertThrows(() => encode(limit + 1), MalformedError, "larger than 16777216 bytes");
});

Deno.test("an entry of a type that does not exist is neither written nor read", () => {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  const one = { type: "noop", data: NO_BYTES, extensions: NO_BYTES } as const;
  encodeEntry(bytes, view, 0, toIndex(1), toTerm(1), 0, one);
  view.setUint8(4, 9);
  assertThrows(() => decodeEntry(bytes, view, 0), MalformedError, "entry type 9 does not exist");
  assertThrows(() => entryTypeCode("typo" as EntryType), InvariantViolation, '"typo"');
});

Deno.test("garbage is refused by name and place, or is an entry", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(4), (garbage, offset) => {
    const bytes = new Uint8Array(garbage);
    const view = new DataView(bytes.buffer);
    try {
      const length = checkEntry(view, offset, bytes.length);
      assert(length >= ENTRY_HEADER_SIZE_BYTES && offset + length <= bytes.length);
    } catch (error) {
      assert(error instanceof MalformedError, `${error}`);
      assert(error.message.includes(`offset ${offset}`), error.message);
    }
  }));
});

Deno.test("each part of a header that is wrong is named", () => {
  const make = (change: (view: DataView) => void): DataView => {
    const bytes = new Uint8Array(40);
    const view = new DataView(bytes.buffer);
    const one: Proposal = { type: "command", data: new Uint8Array(8), extensions: NO_BYTES };
    encodeEntry(bytes, view, 0, toIndex(1), toTerm(1), 0, one);
    change(view);
    return view;
  };
  const wrong: [(view: DataView) => void, number, string][] = [
    [() => {}, 31, "31 bytes at offset 0 are too few for an entry's header of 32"],
    [() => {}, 39, "gives its length as 40; from 32 to 39 is allowed"],
    [(view) => view.setUint32(0, 31), 40, "gives its length as 31; from 32 to 40 is allowed"],
    [(view) => view.setUint32(0, 0xffffffff), 40, "gives its length as 4294967295"],
    [(view) => view.setUint8(7, 9), 40, "gives its length as 40; from 41 to 40 is allowed"],
    [(view) => view.setUint8(4, 0), 40, "has type 0; 1 to 5 is allowed"],
    [(view) => view.setUint8(4, 6), 40, "has type 6; 1 to 5 is allowed"],
  ];
  for (const [change, end, message] of wrong) {
    assertThrows(() => checkEntry(make(change), 0, end), MalformedError, message);
  }
});
