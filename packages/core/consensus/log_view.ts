/**
 * The log as the consensus sees it: what is durable, read through the port, under what is on its way
 * to the disk. It also knows, for each write on its way, up to where the log will be durable when it
 * completes; so the late completion of a write whose entries were overwritten meanwhile acknowledges
 * nothing.
 *
 * ```text
 *            port (durable)              pending (on its way)
 *   1 ........................ 7   8 ......... 12   13 ... 15
 *                              ^   ^ pendingFrom             ^ lastIndex
 *                              durableIndex
 * ```
 *
 * @module
 */
import { invariant } from "../model/assert.ts";
import { EntryRun } from "../model/entry_run.ts";
import { type Index, nextIndex, type Term } from "../model/numbers.ts";
import type { LogReader, LogReset } from "../ports/log_store.ts";
import type { PersistId } from "./effect.ts";

/** A write on its way. */
interface Outstanding {
  readonly id: PersistId;
  /** The log is durable at least up to here when it completes. */
  lastIndex: Index;
  /** When it was handed out. */
  readonly sinceMs: number;
}

/** See the module's description. */
export class LogView {
  readonly #durable: LogReader;
  /** Entries on their way, consecutive, the first at `#pendingFrom`; the port's view of these indexes does not count. */
  #pending: EntryRun[] = [];
  #pendingFrom: Index;
  #outstanding: Outstanding[] = [];
  #durableIndex: Index;
  /** The log begins anew after this entry, and the port does not know it yet. */
  #reset: (LogReset & { id: PersistId | undefined }) | undefined;

  /** `durable`: the store's read port. */
  constructor(durable: LogReader) {
    this.#durable = durable;
    this.#pendingFrom = (durable.lastIndex + 1) as Index;
    this.#durableIndex = durable.lastIndex;
  }

  /** Index of the first entry that can be read. */
  get firstIndex(): Index {
    return this.#reset === undefined ? this.#durable.firstIndex : nextIndex(this.#reset.index);
  }

  /** Index of the last entry, durable or not. */
  get lastIndex(): Index {
    const last = this.#pending[this.#pending.length - 1];
    return last === undefined ? (this.#pendingFrom - 1) as Index : last.lastIndex;
  }

  /** Term of the last entry, durable or not. */
  get lastTerm(): Term {
    const term = this.term(this.lastIndex);
    invariant(term !== undefined, "the term of the last entry is always known");
    return term;
  }

  /** Up to here the log, as it is now, would survive a crash. */
  get durableIndex(): Index {
    return this.#durableIndex;
  }

  /** When the oldest write on its way was handed out, or `undefined` if there is none. */
  get oldestWriteSinceMs(): number | undefined {
    return this.#outstanding[0]?.sinceMs;
  }

  /** Whether the write `id`, which was handed out, is durable. */
  isPersisted(id: PersistId): boolean {
    const oldest = this.#outstanding[0];
    return oldest === undefined || id < oldest.id;
  }

  /** The first write after which the log is durable up to `index`, or `undefined` if it is already. */
  writeCovering(index: Index): PersistId | undefined {
    if (index <= this.#durableIndex) return undefined;
    const write = this.#outstanding.find((one) => one.lastIndex >= index);
    invariant(write !== undefined, `no write on its way contains index ${index}`);
    return write.id;
  }

  /** Term of the entry at `index`, or `undefined` if the log does not reach there. */
  term(index: Index): Term | undefined {
    if (this.#reset !== undefined && index <= this.#reset.index) {
      return index === this.#reset.index ? this.#reset.term : undefined;
    }
    if (index < this.#pendingFrom) return this.#durable.term(index);
    return this.#pendingRun(index)?.term(index);
  }

  /** The last index from `from` downwards whose term is at most `term`; at least `firstIndex - 1`. Terms never decrease, so halving finds it. */
  lastIndexOfTermAtMost(from: Index, term: Term): Index {
    let low = this.firstIndex - 1;
    let high = Math.max(low, from);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.term(middle as Index)! <= term) low = middle;
      else high = middle - 1;
    }
    return low as Index;
  }

  /** Entries from `from` on, at most `maxBytes` of them but at least one; `undefined` beyond the ends. May return fewer than there are. */
  read(from: Index, maxBytes: number): EntryRun | undefined {
    if (from < this.#pendingFrom) {
      if (this.#reset !== undefined) return undefined;
      const run = this.#durable.read(from, maxBytes);
      if (run === undefined || run.lastIndex < this.#pendingFrom) return run;
      return run.slice(from, (this.#pendingFrom - 1) as Index);
    }
    const at = this.#pendingRunAt(from);
    const first = this.#pending[at];
    if (first === undefined) return undefined;
    const runs = [first.slice(from).limit(maxBytes)];
    let size = runs[0]!.bytes.length;
    if (runs[0]!.lastIndex < first.lastIndex) return runs[0];
    for (let next = at + 1; next < this.#pending.length; next += 1) {
      const run = this.#pending[next]!;
      size += run.bytes.length;
      if (size > maxBytes) break;
      runs.push(run);
    }
    return EntryRun.concat(runs);
  }

  /** Appends entries that follow the last one. They are pending until a write that contains them completes. */
  append(run: EntryRun): void {
    invariant(
      run.firstIndex === this.lastIndex + 1,
      `entries from ${run.firstIndex} do not follow the last one, ${this.lastIndex}`,
    );
    invariant(run.firstTerm >= this.lastTerm, "terms never decrease along the log");
    this.#pending.push(run);
  }

  /** Drops all entries from `from` on. */
  truncate(from: Index): void {
    invariant(from <= this.lastIndex, `nothing to truncate from ${from} on`);
    const keep = (from - 1) as Index;
    if (from <= this.#pendingFrom) {
      this.#pending = [];
      this.#pendingFrom = from;
    } else {
      const kept = this.#pending.filter((run) => run.firstIndex < from);
      const last = kept.pop()!;
      kept.push(last.lastIndex > keep ? last.slice(last.firstIndex, keep) : last);
      this.#pending = kept;
    }
    if (this.#durableIndex > keep) this.#durableIndex = keep;
    for (const write of this.#outstanding) {
      if (write.lastIndex > keep) write.lastIndex = keep;
    }
  }

  /** Drops all entries; the log goes on after `index`, which is durable as part of a snapshot. */
  reset(index: Index, term: Term): void {
    this.#pending = [];
    this.#pendingFrom = nextIndex(index);
    this.#durableIndex = index;
    this.#reset = { index, term, id: undefined };
    for (const write of this.#outstanding) write.lastIndex = index;
  }

  /** A write with everything that is pending has been handed out. */
  written(id: PersistId, nowMs: number): void {
    if (this.#reset !== undefined && this.#reset.id === undefined) this.#reset.id = id;
    this.#outstanding.push({ id, lastIndex: this.lastIndex, sinceMs: nowMs });
  }

  /** Every write up to and including `id` is durable. Returns whether any of them was on its way. */
  persisted(id: PersistId): boolean {
    let completed = 0;
    for (const write of this.#outstanding) {
      if (write.id > id) break;
      completed += 1;
      if (write.lastIndex > this.#durableIndex) this.#durableIndex = write.lastIndex;
    }
    if (completed === 0) return false;
    if (this.#reset?.id !== undefined && this.#reset.id <= id) this.#reset = undefined;
    this.#outstanding.splice(0, completed);
    // While a later write truncates what this one wrote, the port still shows the dropped entries:
    // only what nothing on its way contradicts is read from there.
    const readable = (this.#durableIndex + 1) as Index;
    if (readable > this.#pendingFrom) {
      while (this.#pending.length > 0 && this.#pending[0]!.lastIndex < readable) {
        this.#pending.shift();
      }
      const first = this.#pending[0];
      invariant(
        first === undefined || first.firstIndex === readable,
        "a write on its way ends where a run ends, also after a truncation",
      );
      this.#pendingFrom = readable;
    }
    return true;
  }

  #pendingRun(index: Index): EntryRun | undefined {
    return this.#pending[this.#pendingRunAt(index)];
  }

  #pendingRunAt(index: Index): number {
    // Nearly always asked for one of the newest runs.
    for (let at = this.#pending.length - 1; at >= 0; at -= 1) {
      const run = this.#pending[at]!;
      if (run.firstIndex <= index) return run.lastIndex >= index ? at : -1;
    }
    return -1;
  }
}
