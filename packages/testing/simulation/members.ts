/**
 * The configurations that may still count: the last one that is committed and those after it, in whatever log they are. From
 * them follows whom the cluster needs, and whom it can afford to lose for ever.
 *
 * @module
 */
import { type Configuration, isFounding, type ServerId } from "@coracle/core";
import type { NodeState } from "@coracle/core/consensus";
import { testStoreId } from "../test_store_id.ts";

/** See the module's description. */
export class KnownMembers {
  readonly #byIndex = new Map<number, Map<string, Configuration>>();
  #settledIndex = 0;

  /** A node has this state. */
  saw({ configurations }: NodeState): void {
    const { settled, unsettled } = configurations;
    for (const { index, configuration } of unsettled) {
      // At the place of one that is committed others were never committed.
      if (index <= this.#settledIndex) continue;
      const known = this.#byIndex.get(index) ?? new Map<string, Configuration>();
      this.#byIndex.set(index, known);
      known.set(JSON.stringify(configuration), configuration);
    }
    if (settled.index <= this.#settledIndex) return;
    this.#settledIndex = settled.index;
    for (const index of this.#byIndex.keys()) {
      if (index < settled.index) this.#byIndex.delete(index);
    }
    // Others that were appended there have never been committed.
    this.#byIndex.set(
      settled.index,
      new Map([[JSON.stringify(settled.configuration), settled.configuration]]),
    );
  }

  /** Whether any configuration is committed. */
  get isSettled(): boolean {
    return this.#settledIndex > 0;
  }

  /** The last configuration that is committed. */
  get settled(): Configuration {
    const [configuration] = this.#byIndex.get(this.#settledIndex)?.values() ?? [];
    return configuration ?? { servers: [] };
  }

  /** Whether `ids` are a majority of the voters in every configuration that may count, whoever of those that are to vote gets to. */
  isMajority(ids: ReadonlySet<ServerId>): boolean {
    return [...this.#byIndex.values()].every((configurations) =>
      [...configurations.values()].every((configuration) =>
        hasMajority(configuration, ids) && hasMajority(promotedWithout(configuration, ids), ids)
      )
    );
  }
}

/** The worst that promotions can do to `ids`: everybody else who is to vote does, and none of them. */
function promotedWithout(configuration: Configuration, ids: ReadonlySet<ServerId>): Configuration {
  const servers = configuration.servers.map((server) => {
    if (server.suffrage !== "staging" || ids.has(server.id)) return server;
    const voter = { ...server, suffrage: "voter" as const };
    // Whoever makes it a voter writes down its store, and all others that it knows.
    return isFounding(configuration) ? voter : { ...voter, storeId: testStoreId(server.id) };
  });
  return { servers };
}

/**
 * Whether `ids` can elect a leader in a configuration: a majority of the voters, at least half of whom have a store whose name is known,
 * unless no store is (see `consensus/stores.ts`).
 */
export function hasMajority(configuration: Configuration, ids: ReadonlySet<ServerId>): boolean {
  const voters = configuration.servers.filter(({ suffrage }) => suffrage === "voter");
  const present = voters.filter(({ id }) => ids.has(id));
  const named = present.filter(({ storeId }) => storeId !== undefined);
  return 2 * present.length > voters.length &&
    (2 * named.length >= voters.length || isFounding(configuration));
}
