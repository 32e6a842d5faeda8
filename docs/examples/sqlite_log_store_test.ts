/**
 * A log store in an SQLite database, held to what it has to promise.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import {
  EntryRun,
  type HardState,
  type Index,
  InvariantViolation,
  type LogStore,
  type LogWrite,
  StorageError,
  type StoreId,
  type Term,
  toIndex,
} from "@coracle/core";
import { logStoreConformance } from "@coracle/testing/conformance";

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS entries (position INTEGER PRIMARY KEY, term INTEGER, kind TEXT, bytes BLOB) STRICT;
  CREATE TABLE IF NOT EXISTS node (id INTEGER PRIMARY KEY, store TEXT, term INTEGER, vote TEXT, base INTEGER, baseTerm INTEGER) STRICT;
  INSERT OR IGNORE INTO node VALUES (1, lower(hex(randomblob(6))), 0, NULL, 0, 0);`;

/** What is known without asking the database: changed only when a transaction is committed. */
interface Known {
  hardState: HardState;
  /** The entry before the log. */
  base: { index: Index; term: Term };
  lastIndex: Index;
  lastTerm: Term;
}

/** The one row of the table `node`. */
interface Node {
  readonly store: StoreId;
  readonly term: Term;
  readonly vote: string | null;
  readonly base: Index;
  readonly baseTerm: Term;
}

class SqliteLogStore implements LogStore {
  readonly storeId: StoreId;
  readonly #db: DatabaseSync;
  #known: Known;
  #refusal: string | undefined;

  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec(SCHEMA);
    const node = this.#get<Node>("SELECT * FROM node")!;
    this.storeId = node.store;
    const base = { index: node.base, term: node.baseTerm };
    const hardState = { term: node.term, votedFor: node.vote ?? undefined };
    this.#known = { hardState, base, lastIndex: base.index, lastTerm: base.term };
    this.#readLast(this.#known);
  }

  get hardState() {
    return this.#known.hardState;
  }

  get firstIndex() {
    return toIndex(this.#known.base.index + 1);
  }

  get lastIndex() {
    return this.#known.lastIndex;
  }

  get configurations() {
    const sql = "SELECT position FROM entries WHERE kind = 'configuration' ORDER BY position";
    return this.#db.prepare(sql).all().map(({ position }) => toIndex(Number(position)));
  }

  term(index: Index) {
    if (index === this.#known.base.index) return this.#known.base.term;
    return this.#get<{ term: Term }>("SELECT term FROM entries WHERE position = ?", index)?.term;
  }

  read(from: Index, maxBytes: number) {
    const sql = "SELECT bytes FROM entries WHERE position >= ? ORDER BY position";
    const runs: EntryRun[] = [];
    let sizeBytes = 0;
    if (from < this.firstIndex) return undefined;
    for (const { bytes } of this.#db.prepare(sql).iterate(from)) {
      const entry = bytes as Uint8Array<ArrayBuffer>;
      sizeBytes += entry.length;
      if (runs.length > 0 && sizeBytes > maxBytes) break;
      runs.push(EntryRun.parse(entry));
    }
    return runs.length === 0 ? undefined : EntryRun.concat(runs);
  }

  // deno-lint-ignore require-await -- so that what is thrown rejects
  async persist(writes: readonly LogWrite[]) {
    this.#change((known) => {
      for (const write of writes) this.#apply(known, write);
    });
  }

  // deno-lint-ignore require-await -- so that what is thrown rejects
  async truncatePrefix(index: Index) {
    this.#change((known) => {
      const term = this.term(index);
      if (index <= known.base.index || term === undefined) return;
      known.base = { index, term };
      this.#run("DELETE FROM entries WHERE position <= ?", index);
    });
  }

  // deno-lint-ignore require-await -- nothing is ever under way
  async close() {
    if (this.#refusal !== "the store is closed") this.#db.close();
    this.#refusal = "the store is closed";
  }

  /** One transaction: all of it or nothing. What an error leaves on the disk, nobody knows. */
  #change(change: (known: Known) => void): void {
    if (this.#refusal !== undefined) throw new StorageError(this.#refusal);
    const known = { ...this.#known };
    this.#db.exec("BEGIN");
    try {
      change(known);
      const { hardState: { term, votedFor = null }, base } = known;
      const sql = "UPDATE node SET term = ?, vote = ?, base = ?, baseTerm = ?";
      this.#run(sql, term, votedFor, base.index, base.term);
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      if (error instanceof InvariantViolation) throw error;
      this.#refusal = `the database failed: ${error}`;
      throw new StorageError(this.#refusal, { cause: error });
    }
    this.#known = known;
  }

  #apply(known: Known, { hardState, reset, truncateFrom, entries }: LogWrite): void {
    if (hardState !== undefined) {
      const { term, votedFor } = known.hardState;
      const changesVote = votedFor !== undefined && hardState.votedFor !== votedFor;
      if (hardState.term < term || (hardState.term === term && changesVote)) {
        throw new InvariantViolation(`term ${hardState.term} and its vote contradict ${term}`);
      }
      known.hardState = hardState;
    }
    if (reset !== undefined) {
      this.#run("DELETE FROM entries");
      known.base = reset;
      this.#readLast(known);
    }
    if (truncateFrom !== undefined) {
      this.#run("DELETE FROM entries WHERE position >= ?", truncateFrom);
      this.#readLast(known);
    }
    if (entries === undefined) return;
    if (entries.firstIndex !== known.lastIndex + 1 || entries.firstTerm < known.lastTerm) {
      throw new InvariantViolation(`entries from ${entries.firstIndex} on do not follow`);
    }
    entries.forEach(({ index, term, type }) => {
      const sql = "INSERT INTO entries VALUES (?, ?, ?, ?)";
      this.#run(sql, index, term, type, entries.slice(index, index).bytes);
    });
    known.lastIndex = entries.lastIndex;
    known.lastTerm = entries.lastTerm;
  }

  #readLast(known: Known): void {
    const sql = "SELECT position, term FROM entries ORDER BY position DESC LIMIT 1";
    const last = this.#get<{ position: Index; term: Term }>(sql);
    known.lastIndex = last?.position ?? known.base.index;
    known.lastTerm = last?.term ?? known.base.term;
  }

  #get<Row>(sql: string, ...values: number[]): Row | undefined {
    return this.#db.prepare(sql).get(...values) as Row | undefined;
  }

  #run(sql: string, ...values: (number | string | null | Uint8Array)[]): void {
    this.#db.prepare(sql).run(...values);
  }
}

const checks = logStoreConformance({
  create: () => Deno.makeTempDir(),
  open: (directory) => new SqliteLogStore(`${directory}/log.db`),
  remove: (directory) => Deno.remove(directory, { recursive: true }),
  runs: 10,
});
for (const { name, run } of checks) Deno.test(`a log in SQLite: ${name}`, run);
