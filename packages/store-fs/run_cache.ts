/**
 * The most recent entries, in memory: the very runs that were persisted, bounded in bytes.
 *
 * @module
 */
import { EntryRun, type Index } from "@coracle/core";

/**
 * What a run costs beside its bytes, roughly: many tiny runs must not take more memory than few
 * large ones.
 */
const RUN_COST_BYTES = 512;

/** A run of this size is handed out as it is; smaller neighbours are put together. */
const JOIN_BELOW_BYTES = 64 * 1024;

/** See the module. The runs follow each other without a gap. */
export class RunCache {
  readonly #limitBytes: number;
  /** The runs in order, from `#head` on; `undefined` before, where they have been forgotten. */
  #runs: (EntryRun | undefined)[] = [];
  #head = 0;
  #costBytes = 0;

  /** `limitBytes`: how much is kept; 0 keeps nothing. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes that the cache takes now. */
  get costBytes(): number {
    return this.#costBytes;
  }

  /** Adds runs that follow the last one. The oldest are forgotten if there is no room. */
  append(runs: readonly EntryRun[]): void {
    for (const run of runs) {
      this.#runs.push(run);
      this.#costBytes += cost(run);
    }
    while (this.#costBytes > this.#limitBytes) this.#forgetOldest();
  }

  /** Drops the entries after `lastIndex`. */
  dropAfter(lastIndex: Index): void {
    while (this.#head < this.#runs.length) {
      const last = this.#runs[this.#runs.length - 1]!;
      if (last.lastIndex <= lastIndex) return;
      this.#runs.pop();
      this.#costBytes -= cost(last);
      if (last.firstIndex <= lastIndex) {
        // The part keeps the memory of the whole alive, but is soon followed by more and forgotten.
        const kept = last.slice(last.firstIndex, lastIndex);
        this.#runs.push(kept);
        this.#costBytes += cost(kept);
        return;
      }
    }
    this.clear();
  }

  /** Drops runs whose entries are all before `firstIndex`. */
  dropBefore(firstIndex: Index): void {
    while (this.#head < this.#runs.length && this.#runs[this.#head]!.lastIndex < firstIndex) {
      this.#forgetOldest();
    }
  }

  /** Drops everything. */
  clear(): void {
    this.#runs = [];
    this.#head = 0;
    this.#costBytes = 0;
  }

  /**
   * Entries from `from` on, up to `maxBytes` but at least one; `undefined` if the cache does not
   * hold it.
   */
  read(from: Index, maxBytes: number): EntryRun | undefined {
    const runs = this.#runs;
    let at = this.#find(from);
    if (at === -1) return undefined;
    const first = runs[at]!.slice(from);
    let size = first.bytes.length;
    if (size >= JOIN_BELOW_BYTES) return first.limit(maxBytes);
    const joined = [first];
    for (at += 1; at < runs.length; at += 1) {
      const next = runs[at]!;
      size += next.bytes.length;
      if (size > maxBytes || next.bytes.length >= JOIN_BELOW_BYTES) break;
      joined.push(next);
    }
    return EntryRun.concat(joined).limit(maxBytes);
  }

  /**
   * Position of the run that holds `index`, or -1. Readers are nearly always at the end, so it
   * looks there first.
   */
  #find(index: Index): number {
    const runs = this.#runs;
    const last = runs[runs.length - 1];
    if (last === undefined || this.#head === runs.length || index > last.lastIndex) return -1;
    if (index >= last.firstIndex) return runs.length - 1;
    let low = this.#head;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (runs[middle]!.firstIndex <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1 < this.#head ? -1 : low - 1;
  }

  #forgetOldest(): void {
    this.#costBytes -= cost(this.#runs[this.#head]!);
    this.#runs[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#runs.length) {
      this.clear();
    } else if (this.#head > 1024 && this.#head * 2 > this.#runs.length) {
      this.#runs = this.#runs.slice(this.#head);
      this.#head = 0;
    }
  }
}

function cost(run: EntryRun): number {
  return run.bytes.length + RUN_COST_BYTES;
}
