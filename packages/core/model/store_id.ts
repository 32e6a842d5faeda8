/**
 * Which disk a member's name stands for. A voter's promises (its vote, its acknowledgements) are on its disk; if another one
 * comes back under the old name, they are gone, and it must not be taken for the member that made them.
 *
 * @module
 */
import type { Configuration } from "./configuration.ts";

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

/**
 * Whether `configuration` names no store at all: the first one of a cluster, or one that was written by hand to recover it. The first
 * leader names the stores of those who voted for it.
 */
export function isFounding({ servers }: Configuration): boolean {
  return servers.every(({ storeId }) => storeId === undefined);
}

/**
 * `configuration` with the stores of its voters, as far as it does not name them and `storeOf` knows them; the same object if there is
 * nothing to name. Members without a vote promise nothing, so their stores are not named.
 */
export function nameStores(
  configuration: Configuration,
  storeOf: (id: string) => StoreId | undefined,
): Configuration {
  let isChanged = false;
  const servers = configuration.servers.map((server) => {
    if (server.suffrage !== "voter" || server.storeId !== undefined) return server;
    const storeId = storeOf(server.id);
    if (storeId === undefined) return server;
    isChanged = true;
    return { ...server, storeId };
  });
  return isChanged ? { servers } : configuration;
}
