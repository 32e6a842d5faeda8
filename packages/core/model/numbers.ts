/**
 * Log indexes and terms: branded numbers, checked where they are decoded.
 *
 * A JavaScript number is exact up to 2^53 - 1. At a million entries a second a log reaches that
 * after 285 years; a decoded value beyond it is damage and is refused.
 *
 * @module
 */

/** The position of an entry in the replicated log. The first entry has index 1; 0 is "before the log". */
export type Index = number & { readonly __brand: "index" };

/** A term of office: at most one leader is elected in each. 0 is "before the first election". */
export type Term = number & { readonly __brand: "term" };

/** Thrown when a number is not an index or a term: negative, fractional, or beyond 2^53 - 1. */
export class NumberRangeError extends RangeError {
  /** The error's name, as it is printed. */
  override readonly name = "NumberRangeError";
}

function checked(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new NumberRangeError(`${what} ${value} is not a whole number from 0 to 2^53 - 1`);
  }
  return value;
}

/** `value` as an index. Throws {@linkcode NumberRangeError} if it cannot be one. */
export function toIndex(value: number): Index {
  return checked(value, "index") as Index;
}

/** `value` as a term. Throws {@linkcode NumberRangeError} if it cannot be one. */
export function toTerm(value: number): Term {
  return checked(value, "term") as Term;
}

/** The index that follows `index`. */
export function nextIndex(index: Index): Index {
  return toIndex(index + 1);
}

/** The index before `index`; `index` must not be 0. */
export function previousIndex(index: Index): Index {
  return toIndex(index - 1);
}

/** "No entry": the index before the first one. */
export const NO_INDEX: Index = 0 as Index;

/** "No term": the term before the first election. */
export const NO_TERM: Term = 0 as Term;

/**
 * Whether a log that ends with (`term`, `index`) is at least as up to date as one that ends with
 * (`otherTerm`, `otherIndex`): compared in dictionary order, the term first (Raft paper, 5.4.1).
 */
export function isUpToDate(term: Term, index: Index, otherTerm: Term, otherIndex: Index): boolean {
  return term !== otherTerm ? term > otherTerm : index >= otherIndex;
}

/** Reads an unsigned 64-bit number that must fit 2^53 - 1. Throws {@linkcode NumberRangeError} otherwise. */
export function readUint53(view: DataView, offset: number): number {
  const high = view.getUint32(offset);
  if (high > 0x1fffff) {
    throw new NumberRangeError(
      `the number at byte ${offset} is ${view.getBigUint64(offset)}, beyond 2^53 - 1`,
    );
  }
  return high * 0x1_0000_0000 + view.getUint32(offset + 4);
}

/** Writes a whole number from 0 to 2^53 - 1 as an unsigned 64-bit one, big-endian. */
export function writeUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 0x1_0000_0000));
  view.setUint32(offset + 4, value >>> 0);
}
