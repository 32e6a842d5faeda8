/**
 * The configurations that the log contains from the last committed one on. The latest is in force
 * whether committed or not (thesis 4.1); when its entry is truncated, the one before it is again.
 *
 * @module
 */
import {
  decodeConfiguration,
  findServer,
  type IndexedConfiguration,
  type ServerId,
} from "../model/configuration.ts";
import type { EntryRun } from "../model/entry_run.ts";
import { equalConfigurations } from "../model/membership.ts";
import type { Index } from "../model/numbers.ts";

/** See the module's description. */
export class Configurations {
  /** In the order of the log; the first is committed or initial, later ones may be neither. */
  #history: IndexedConfiguration[];

  /** `history`: every configuration of the log, in order; the first may be the empty one at index 0. */
  constructor(history: readonly IndexedConfiguration[]) {
    this.#history = [...history];
  }

  /** The configuration in force. */
  get latest(): IndexedConfiguration {
    return this.#history[this.#history.length - 1]!;
  }

  /** The last configuration that is committed, as of the last call of {@linkcode committed}. */
  get settled(): IndexedConfiguration {
    return this.#history[0]!;
  }

  /** The configurations from the last one that is known to be committed on: any of them may still prove to be in force. */
  get unsettled(): readonly IndexedConfiguration[] {
    return this.#history;
  }

  /** Index of the last configuration with other members than the one before it, which did more than name a store. */
  get changedIndex(): Index {
    const history = this.#history;
    for (let at = history.length - 1; at > 0; at -= 1) {
      const [before, after] = [history[at - 1]!, history[at]!];
      if (!equalConfigurations(before.configuration, after.configuration)) return after.index;
    }
    return this.settled.index;
  }

  /** Whether `id` is in one of them. */
  mentions(id: ServerId): boolean {
    return this.#history.some(({ configuration }) => findServer(configuration, id) !== undefined);
  }

  /** A snapshot has replaced the log: its configuration is the only one. */
  reset(configuration: IndexedConfiguration): void {
    this.#history = [configuration];
  }

  /** Takes up the configurations of entries that were appended. Returns whether there were any. */
  appended(run: EntryRun): boolean {
    for (const index of run.configurations) {
      this.#history.push({ index, configuration: decodeConfiguration(run.entry(index).data) });
    }
    return run.configurations.length > 0;
  }

  /** Forgets the configurations of entries that were dropped, from `from` on. Returns whether there were any. */
  truncated(from: Index): boolean {
    const before = this.#history.length;
    this.#history = this.#history.filter((one) => one.index < from);
    return this.#history.length < before;
  }

  /** Entries up to `index` are committed: configurations before the last of them will never be needed again. */
  committed(index: Index): void {
    while (this.#history.length > 1 && this.#history[1]!.index <= index) this.#history.shift();
  }
}
