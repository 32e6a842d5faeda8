/**
 * What state machines do is the same on all nodes: each index has one entry and one answer, and the state after it is one
 * state, however a node has come to it. Entries are applied in order, once by each process.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { type Entry, invariant, type SnapshotPoint } from "@coracle/core";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";

/** What one index of the log has done. */
interface AppliedEntry {
  readonly term: number;
  readonly response: unknown;
  readonly digest: unknown;
}

/** See the module's description. */
export class AppliedStates {
  /** By index; only commands have one. */
  readonly #entries: AppliedEntry[] = [];
  readonly #snapshots = new Map<string, number>();
  readonly #digest: ((process: Process) => unknown) | undefined;

  /** `digest`: the state of a process as a value, if there is one. */
  constructor(digest: ((process: Process) => unknown) | undefined) {
    this.#digest = digest;
  }

  /** A process has applied `entry`. */
  applied({ id }: Machine, process: Process, entry: Entry, response: unknown): void {
    const { index, term } = entry;
    if (index <= process.appliedIndex) {
      invariant(false, `apply order: ${id} applies ${index} after ${process.appliedIndex}`);
    }
    process.appliedIndex = index;
    const digest = this.#digest?.(process);
    const known = this.#entries[index] ??= { term, response, digest };
    if (known.term !== term) {
      invariant(false, `applied states: ${id} applies ${index}@${term}, another ${known.term}`);
    }
    if (!isDeepStrictEqual(known.response, response)) {
      const answers = `${JSON.stringify(response)}, another ${JSON.stringify(known.response)}`;
      invariant(false, `applied states: ${id} answers ${index} with ${answers}`);
    }
    if (known.digest !== digest) {
      invariant(
        false,
        `applied states: after ${index} the state of ${id} is ${digest}, another's ${known.digest}`,
      );
    }
  }

  /** A node stores a snapshot: whoever stores one of the same point stores the same. */
  snapshotStored({ id }: Machine, point: SnapshotPoint, checksum: number): void {
    const name = `${point.lastIncludedIndex}@${point.lastIncludedTerm}`;
    const known = this.#snapshots.get(name);
    this.#snapshots.set(name, checksum);
    if (known !== undefined && known !== checksum) {
      invariant(false, `snapshots: ${id} stores another snapshot of ${name} than others have`);
    }
  }
}
