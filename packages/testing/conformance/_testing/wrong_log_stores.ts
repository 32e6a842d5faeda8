/**
 * A log in memory, and wrong ones around it, for tests of the suite for log stores.
 *
 * @module
 */
import type { EntryRun, HardState, Index, LogStore, LogWrite, StoreId } from "@coracle/core";
import { assert } from "@std/assert";
import { MemoryLog } from "../../memory_log.ts";
import type { Prng } from "../../prng.ts";
import { logStoreConformance, type LogStoreConformanceOptions } from "../log_store.ts";

/** A write that changes nothing. */
export const NOTHING: LogWrite = {
  hardState: undefined,
  reset: undefined,
  truncateFrom: undefined,
  entries: undefined,
};

/** A place for a log in memory, and what it leaves to chance. */
export class Place {
  log = new MemoryLog();

  constructor(readonly random: Prng) {}
}

export const MEMORY: LogStoreConformanceOptions<Place> = {
  create: (random) => new Place(random),
  open: (place) => {
    place.log = place.log.reopen();
    place.log.completion = "immediate";
    return place.log;
  },
  // With immediate completion nothing is under way when the power fails.
  crash: (place) => void (place.log = place.log.crash()),
  fail: ({ log }) => log.fail(),
};

/** A store that does what another one does, to be made wrong in one way. */
export class Wrong implements LogStore {
  constructor(readonly log: MemoryLog) {}

  get storeId(): StoreId {
    return this.log.storeId;
  }

  get hardState(): HardState {
    return this.log.hardState;
  }

  get configurations(): readonly Index[] {
    return this.log.configurations;
  }

  get firstIndex(): Index {
    return this.log.firstIndex;
  }

  get lastIndex(): Index {
    return this.log.lastIndex;
  }

  term(index: Index) {
    return this.log.term(index);
  }

  read(from: Index, maxBytes: number): EntryRun | undefined {
    return this.log.read(from, maxBytes);
  }

  persist(writes: readonly LogWrite[]): Promise<void> {
    return this.log.persist(writes);
  }

  truncatePrefix(index: Index): Promise<void> {
    return this.log.truncatePrefix(index);
  }

  close(): Promise<void> {
    return this.log.close();
  }
}

/** The check that begins with `start`, of the store that `wrong` makes. */
export function run(
  start: string,
  wrong: (log: MemoryLog, place: Place) => LogStore,
): Promise<void> {
  const checks = logStoreConformance<Place>({
    ...MEMORY,
    open: async (place) => wrong(await MEMORY.open(place) as MemoryLog, place),
  });
  const check = checks.find(({ name }) => name.startsWith(start));
  assert(check !== undefined, `no check begins with ${start}`);
  return check.run();
}
