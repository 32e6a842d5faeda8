/**
 * What nodes leave on their disks when they have stopped as they should: nothing that would have to be repaired, and where two
 * logs have an entry that is committed, the same one.
 *
 * @module
 */
import { type Entry, invariant, type ServerId } from "@coracle/core";
import { inspectStore } from "@coracle/store-fs";
import { Prng } from "../prng.ts";
import type { DiskImage } from "./disk_image.ts";
import { DIRECTORY } from "./process.ts";
import { type DiskHost, SimulatedDisk } from "./simulated_disk.ts";

/** See the module's description. */
export class StoppedDisks {
  readonly #committedIndex: number;
  readonly #entries = new Map<number, { readonly id: ServerId; readonly entry: Entry }>();

  /** `committedIndex`: up to where all nodes have committed. */
  constructor(committedIndex: number) {
    this.#committedIndex = committedIndex;
  }

  /**
   * Looks at one disk. Rejects with what is wrong with it. `hasFailed`: whether an operation of it has failed since its node was
   * started; then a snapshot that was given up may be left, for the next start to remove.
   */
  async look(id: ServerId, image: DiskImage, hasFailed = false): Promise<void> {
    const found = await inspectStore(DIRECTORY, { fs: new SimulatedDisk(quickHost(image)) });
    const finding = found.findings.find(({ kind, file }) =>
      !(hasFailed && kind === "torn-write" && file.endsWith(".snap.tmp"))
    );
    if (finding !== undefined) {
      invariant(false, `stopped disks: ${id} has left ${JSON.stringify(finding)}`);
    }
    if (found.lastIndex < this.#committedIndex) {
      invariant(
        false,
        `stopped disks: the log of ${id} ends at ${found.lastIndex}, and ${this.#committedIndex} is committed`,
      );
    }
    for (const entry of found.entries()) {
      if (entry.index > this.#committedIndex) break;
      const known = this.#entries.get(entry.index);
      if (known === undefined) this.#entries.set(entry.index, { id, entry: copied(entry) });
      else if (!areEqual(known.entry, entry)) {
        invariant(
          false,
          `stopped disks: ${id} and ${known.id} have different entries ${entry.index}`,
        );
      }
    }
  }
}

function copied(entry: Entry): Entry {
  return { ...entry, data: entry.data.slice(), extensions: entry.extensions.slice() };
}

function areEqual(one: Entry, other: Entry): boolean {
  return one.term === other.term && one.type === other.type &&
    one.appendedAtMs === other.appendedAtMs && areSame(one.data, other.data) &&
    areSame(one.extensions, other.extensions);
}

function areSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** A disk on which nothing goes wrong and nothing takes time. */
export function quickHost(image: DiskImage): DiskHost {
  return {
    image,
    random: new Prng(1),
    behaviour: () => ({
      syncMinMs: 0,
      syncMaxMs: 0,
      slowRate: 0,
      slowMaxMs: 0,
      otherMaxMs: 0,
      shortRate: 0,
    }),
    capacityBytes: () => Infinity,
    stalledMs: () => 0,
    isAlive: () => true,
    after: (_, callback) => queueMicrotask(callback),
    operation: () => "go on",
    failed: () => {},
  };
}
