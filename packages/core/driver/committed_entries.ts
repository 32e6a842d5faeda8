/**
 * Committed entries on their way to the state machine: read from the log in pieces, handed out one by one.
 *
 * @module
 */
import type { Entry } from "../model/entry.ts";
import { StorageError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import type { LogReader } from "../ports/log_store.ts";

/** Entries read at once, in bytes. */
const READ_SIZE_BYTES = 1024 * 1024;

/** See the module's description. */
export class CommittedEntries {
  readonly #log: LogReader;
  #entries: Entry[] = [];
  #at = 0;

  /** Nothing is read yet. */
  constructor(log: LogReader) {
    this.#log = log;
  }

  /** The entry after `appliedIndex`, read if need be, never beyond `targetIndex`. Throws `StorageError`. */
  next(appliedIndex: Index, targetIndex: Index): Entry {
    if (this.#at === this.#entries.length) this.#read((appliedIndex + 1) as Index, targetIndex);
    return this.#entries[this.#at]!;
  }

  /** The next entry, which is a command, and those that follow it in what was read, as far as they are commands; at most `most`. */
  commands(most: number): Entry[] {
    const last = Math.min(this.#entries.length, this.#at + most);
    let end = this.#at + 1;
    while (end < last && this.#entries[end]!.type === "command") end += 1;
    return this.#entries.slice(this.#at, end);
  }

  /** The next entry is applied. */
  shift(): void {
    this.#at += 1;
  }

  /** What was read is no longer what comes next. */
  clear(): void {
    this.#entries = [];
    this.#at = 0;
  }

  #read(from: Index, targetIndex: Index): void {
    const run = this.#log.read(from, READ_SIZE_BYTES);
    if (run === undefined) throw new StorageError(`entry ${from} is committed and cannot be read`);
    this.#entries = (run.lastIndex > targetIndex ? run.slice(from, targetIndex) : run).entries();
    this.#at = 0;
  }
}
