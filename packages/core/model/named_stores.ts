/**
 * The stores that a configuration names for its voters.
 *
 * @module
 */
import type { Configuration } from "./configuration.ts";
import type { StoreId } from "./store_id.ts";

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
