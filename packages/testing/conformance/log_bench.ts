/**
 * A log store under trial, beside what it must hold.
 *
 * @module
 */
import { InvariantViolation, type LogStore, type LogWrite, toIndex } from "@coracle/core";
import { assertRejects } from "@std/assert";
import { Prng } from "../prng.ts";
import { assertHolds, entries, LogContent, write } from "./log_content.ts";

/** What the suite needs to know of a log store. `Place`: where one is, such as the path of a directory. */
export interface LogStoreConformanceOptions<Place> {
  /** Makes an empty place, or finds one. `random`: for what may differ from place to place, such as sizes of files. */
  readonly create: (random: Prng) => Place | Promise<Place>;
  /** Opens the store that is there; at the first time that is a new one. It is not open at that moment, unless it has crashed. */
  readonly open: (place: Place) => LogStore | Promise<LogStore>;
  /** Removes everything. The store is closed, unless it has crashed. */
  readonly remove?: (place: Place) => void | Promise<void>;
  /**
   * The process or the machine stops: what was not durable may be gone when the store is opened again. The open `store` is not used
   * any more. Without this, nothing is checked of crashes.
   */
  readonly crash?: (place: Place, store: LogStore) => void | Promise<void>;
  /** The disk fails in the next write, and then works again. Without this, nothing is checked of failures. */
  readonly fail?: (place: Place, store: LogStore) => void | Promise<void>;
  /** How many random histories are tried. Default 100. */
  readonly runs?: number;
  /** Makes the random histories those of an earlier run: a failure says its seed. */
  readonly seed?: number;
}

/** What can be done with one place. */
interface Ways {
  readonly open: () => LogStore | Promise<LogStore>;
  readonly crash: ((store: LogStore) => void | Promise<void>) | undefined;
  readonly fail: ((store: LogStore) => void | Promise<void>) | undefined;
}

/** One store, from its first opening on. */
export class LogBench {
  /** What it must hold. */
  content = new LogContent();
  readonly #ways: Ways;
  #store: LogStore | undefined;

  private constructor(ways: Ways) {
    this.#ways = ways;
  }

  /** Runs `work` with a new store. */
  static async use<Place>(
    { create, open, remove, crash, fail }: LogStoreConformanceOptions<Place>,
    work: (bench: LogBench) => Promise<void>,
    random: Prng = new Prng(1),
  ): Promise<void> {
    const place = await create(random);
    const bench = new LogBench({
      open: () => open(place),
      crash: crash && ((store) => crash(place, store)),
      fail: fail && ((store) => fail(place, store)),
    });
    try {
      await bench.open();
      await work(bench);
    } finally {
      await bench.#store?.close();
      await remove?.(place);
    }
  }

  /** The store that is open. */
  get store(): LogStore {
    return this.#store!;
  }

  /** Opens it. */
  async open(): Promise<void> {
    this.#store = await this.#ways.open();
  }

  /** Persists `writes` in one call, and holds the store to them. */
  async persist(...writes: LogWrite[]): Promise<void> {
    await this.store.persist(writes);
    for (const one of writes) this.content.apply(one);
    this.holds();
  }

  /** Appends `count` entries. */
  async append(count: number, term = this.content.lastTerm || 1): Promise<void> {
    await this.persist(write({ entries: entries(this.content.lastIndex + 1, term, count) }));
  }

  /** Truncates the prefix, and holds the store to that. */
  async truncatePrefix(index: number): Promise<void> {
    await this.store.truncatePrefix(toIndex(index));
    this.content.truncatePrefix(index);
    this.holds();
  }

  /** Holds the store to what it must hold. */
  holds(maxBytes?: number): void {
    assertHolds(this.store, this.content, maxBytes);
  }

  /** Closes the store, opens it again and holds it to what it must hold. */
  async reopen(): Promise<void> {
    await this.store.close();
    await this.open();
    this.holds();
  }

  /** `writes` are refused, and nothing of them is there, now or later. */
  async refuses(...writes: LogWrite[]): Promise<void> {
    const persist = () => this.store.persist(writes);
    await assertRejects(persist, InvariantViolation, "", "what no node may ask for");
    this.holds();
  }

  /** The machine stops, and the store is opened again. */
  async crash(): Promise<void> {
    const { store } = this;
    // Closed by nobody, as on a machine that stops.
    this.#store = undefined;
    await this.#ways.crash!(store);
    await this.open();
  }

  /** The next write fails. */
  async failNext(): Promise<void> {
    await this.#ways.fail!(this.store);
  }
}
