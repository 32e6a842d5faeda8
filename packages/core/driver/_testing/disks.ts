/**
 * Disks of nodes that do not run, made entry by entry.
 *
 * @module
 */
import { MemoryLog, type MemorySnapshotStore } from "@coracle/testing";
import {
  type Configuration,
  encodeConfiguration,
  type IndexedConfiguration,
  type ServerId,
} from "../../model/configuration.ts";
import { NO_BYTES, type Proposal } from "../../model/entry.ts";
import { EntryRun } from "../../model/entry_run.ts";
import { toIndex, toTerm } from "../../model/numbers.ts";
import type { SnapshotMeta } from "../../model/snapshot.ts";
import type { LogWrite } from "../../ports/log_store.ts";
import { commandOf } from "./cluster.ts";

/** A write that changes nothing. */
export const NOTHING: LogWrite = {
  hardState: undefined,
  reset: undefined,
  truncateFrom: undefined,
  entries: undefined,
};

/** Voters, whose addresses are their names. */
export function voters(...ids: readonly ServerId[]): Configuration {
  return { servers: ids.map((id) => ({ id, address: id, suffrage: "voter" })) };
}

/** The members of old. */
export const MEMBERS: Configuration = voters("n1", "n2", "n3");

/** Entries that differ from what {@linkcode diskOf} puts at their index. */
export type Different = ReadonlyMap<number, Proposal>;

/** The entry at `index` carries the voters `ids`. */
export function withMembers(index: number, ...ids: readonly ServerId[]): Different {
  return new Map([[index, configurationEntry(voters(...ids))]]);
}

/** The command at `index` of `term`: equal only where both are. */
export function commandAt(index: number, term: number): string {
  return `${index}@${term}`;
}

/**
 * The log of a node in the term of its last entry: `terms[0]` is the term of entry 1, which carries {@linkcode MEMBERS}; the others
 * are the commands that {@linkcode commandAt} names.
 */
export async function diskOf(
  terms: readonly number[],
  different: Different = new Map(),
): Promise<MemoryLog> {
  const log = new MemoryLog();
  for (const [at, term] of terms.entries()) {
    const index = at + 1;
    const proposal = different.get(index) ??
      (index === 1
        ? configurationEntry(MEMBERS)
        : { type: "command", data: commandOf(commandAt(index, term)), extensions: NO_BYTES });
    await log.persist([{
      ...NOTHING,
      hardState: term === log.hardState.term
        ? undefined
        : { term: toTerm(term), votedFor: undefined },
      entries: EntryRun.encode(toIndex(index), toTerm(term), 0, [proposal]),
    }]);
  }
  return log;
}

/** Adds a snapshot, of one piece, for a `Recorder`. */
export async function snapshotOf(
  store: MemorySnapshotStore,
  index: number,
  term: number,
  configuration: IndexedConfiguration = { index: toIndex(1), configuration: MEMBERS },
): Promise<SnapshotMeta> {
  const sink = await store.create();
  await sink.write(commandOf(`up to ${commandAt(index, term)}\n`));
  return await sink.commit({
    lastIncludedIndex: toIndex(index),
    lastIncludedTerm: toTerm(term),
    configuration,
  });
}

function configurationEntry(configuration: Configuration): Proposal {
  return {
    type: "configuration",
    data: encodeConfiguration(configuration),
    extensions: NO_BYTES,
  };
}
