/**
 * A snapshot that takes the place of the state machine's state, as soon as nothing else is done with it.
 *
 * @module
 */
import type { Fsm } from "../ports/fsm.ts";
import type { SnapshotSource } from "../ports/snapshot_store.ts";
import { restoreFsm } from "./fsm_restore.ts";
import type { Meter } from "./meter.ts";

/** See the module's description. */
export class Replacement {
  readonly #prepare: () => Promise<void>;
  #isUnderWay = false;

  /** `prepare` is waited for before anything is restored. The source is closed when it is restored, or dropped. */
  constructor(readonly source: SnapshotSource, prepare: () => Promise<void>) {
    this.#prepare = prepare;
  }

  /** Restores it. Rejects with what `prepare` rejects with, or with what restoring does. */
  async restore(fsm: Fsm, meter: Meter | undefined): Promise<void> {
    this.#isUnderWay = true;
    await using source = this.source;
    await this.#prepare();
    await restoreFsm(fsm, source, meter);
  }

  /** Lets go of it, and returns whether that was still possible: not while it is being restored. */
  drop(): boolean {
    if (this.#isUnderWay) return false;
    this.source.close().catch(() => {});
    return true;
  }
}
