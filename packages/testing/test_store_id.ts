/**
 * Names of stores that tests can tell: whose, and which disk.
 *
 * @module
 */
import type { StoreId } from "@coracle/core";

const PREFIX = "7e57";
const NAME_DIGITS = 7;

/**
 * The store of the node `id` on its disk number `disk`, from 1 to 15: the same on each call, and another one for ids that differ in
 * their last three characters.
 */
export function testStoreId(id: string, disk = 1): StoreId {
  const bytes = new TextEncoder().encode(id).slice(-3);
  const name = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return PREFIX + disk.toString(16) + name.padStart(NAME_DIGITS, "0");
}

/** `#2` for the second disk of a node in a test, nothing for its first; for other stores `#` and their name. */
export function storeText(storeId: StoreId): string {
  if (!storeId.startsWith(PREFIX)) return `#${storeId}`;
  const disk = parseInt(storeId.charAt(PREFIX.length), 16);
  return disk === 1 ? "" : `#${disk}`;
}
