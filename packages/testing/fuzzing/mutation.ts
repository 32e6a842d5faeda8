/**
 * Damage: what becomes of right bytes on bad disks, bad lines and in bad hands.
 *
 * @module
 */
import fc from "fast-check";
import { joined } from "../joined.ts";

/** One thing that happens to some bytes. Positions are taken modulo the length, so that every mutation fits every input. */
type Mutation =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "set"; readonly at: number; readonly value: number }
  | { readonly kind: "cut"; readonly at: number; readonly size: number }
  | { readonly kind: "end"; readonly at: number }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "repeat"; readonly at: number; readonly size: number }
  | { readonly kind: "swap"; readonly at: number; readonly other: number; readonly size: number }
  | {
    readonly kind: "number";
    readonly at: number;
    readonly width: number;
    readonly value: bigint;
  };

const at = fc.nat(0xffff);
const size = fc.integer({ min: 1, max: 40 });

/** Numbers that lengths and counts should never be: the largest ones, and those around powers of two. */
const NUMBERS = [0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 0x10000n, 0xff_ffffn]
  .concat([0x7fff_ffffn, 0x8000_0000n, 0xffff_fffen, 0xffff_ffffn, 1n << 32n])
  .concat([(1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("flip" as const), at, bit: fc.nat(7) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("set" as const), at, value: fc.nat(255) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut" as const), at, size }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("end" as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("insert" as const),
      at,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("repeat" as const), at, size }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("swap" as const), at, other: at, size }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("number" as const),
      at,
      width: fc.constantFrom(1, 2, 3, 4, 8),
      value: fc.constantFrom(...NUMBERS),
    }),
  },
);

/** What `valid` makes, with a few things that have happened to it. */
export function damaged(
  valid: fc.Arbitrary<Uint8Array<ArrayBuffer>>,
): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });
  return fc.tuple(valid, mutations).map(([bytes, all]) => all.reduce(apply, bytes));
}

function apply(bytes: Uint8Array<ArrayBuffer>, mutation: Mutation): Uint8Array<ArrayBuffer> {
  const at = mutation.at % (bytes.length + 1);
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at);
  switch (mutation.kind) {
    case "flip":
      return changed(bytes, at, (byte) => byte ^ (1 << mutation.bit));
    case "set":
      return changed(bytes, at, () => mutation.value);
    case "cut":
      return joined([before, after.subarray(mutation.size)]);
    case "end":
      return before.slice();
    case "insert":
      return joined([before, mutation.bytes, after]);
    case "repeat":
      return joined([before, after.subarray(0, mutation.size), after]);
    case "swap":
      return swapped(bytes, at, mutation.other % (bytes.length + 1), mutation.size);
    case "number": {
      const number = new Uint8Array(mutation.width);
      let { value } = mutation;
      for (let place = number.length - 1; place >= 0; place -= 1, value >>= 8n) {
        number[place] = Number(value & 0xffn);
      }
      return joined([before, number, after.subarray(number.length)]);
    }
  }
}

function changed(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  change: (byte: number) => number,
): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  if (at < copy.length) copy[at] = change(copy[at]!);
  return copy;
}

function swapped(
  bytes: Uint8Array<ArrayBuffer>,
  one: number,
  other: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  const [first, second] = one < other ? [one, other] : [other, one];
  const length = Math.min(size, second - first, bytes.length - second);
  const copy = bytes.slice();
  copy.set(bytes.subarray(second, second + length), first);
  copy.set(bytes.subarray(first, first + length), second);
  return copy;
}
