/**
 * Which disk a member's name stands for. A voter's promises (its vote, its acknowledgements) are on its disk; if another one
 * comes back under the old name, they are gone, and it must not be taken for the member that made them.
 *
 * @module
 */
/**
 * Names a store for good: twelve hexadecimal digits, not all of them 0, drawn at random when the store is made. A disk that was wiped
 * comes back with another one.
 */
export type StoreId = string;

/** What a {@linkcode StoreId} looks like. */
const STORE_ID = /^(?!0{12})[0-9a-f]{12}$/;

/** Whether `text` can be a {@linkcode StoreId}. */
export function isStoreId(text: string): boolean {
  return STORE_ID.test(text);
}
