/**
 * What the applier works with, whom it reports to, and what others may ask of it.
 *
 * @module
 */
import type { IndexedConfiguration } from "../model/configuration.ts";
import type { Entry } from "../model/entry.ts";
import type { ShutdownError } from "../model/errors.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { SnapshotPoint } from "../model/snapshot.ts";
import type { Clock } from "../ports/clock.ts";
import type { Fsm } from "../ports/fsm.ts";
import type { LogReader } from "../ports/log_store.ts";
import type { ApplyMeter } from "./apply_meter.ts";
import type { Meter } from "./meter.ts";

/** Whom an `Applier` reports to. */
export interface ApplierHandler {
  /** The entry at `index` is applied; `response` is what the state machine said, `undefined` if it is not a command. */
  applied(index: Index, response: unknown): void;
  /** The state is that of a snapshot of everything up to `index`; nobody hears what the commands in it answered. */
  replaced(index: Index): void;
  /** A piece of a backup, or what may be a new leader's first entry, which ends a restore that its predecessor began. */
  restoreEntry(entry: Entry): void | Promise<void>;
  /** Whether pieces of a backup have been applied and their last one has not. */
  isRestoring(): boolean;
  /** The state machine threw or the log could not be read; nothing more will be applied. */
  applyFailed(error: unknown): void;
}

/** What an `Applier` works with. */
export interface ApplierOptions {
  /** The state machine. */
  readonly fsm: Fsm;
  /** Where committed entries are read. */
  readonly log: LogReader;
  /** The last entry that is applied already. */
  readonly appliedIndex: Index;
  /** Term of that entry. */
  readonly appliedTerm: Term;
  /** The configuration as of that entry. */
  readonly appliedConfiguration: IndexedConfiguration;
  /** Tells when a turn is over. */
  readonly clock: Clock;
  /** Whom to report to. */
  readonly handler: ApplierHandler;
  /** What measures what it does with the state machine, if anything does; with {@linkcode ApplierOptions.applyMeter}. */
  readonly meter?: Meter | undefined;
  /** What measures how it goes on. */
  readonly applyMeter?: ApplyMeter | undefined;
}

/** The state of one moment. */
export interface Captured {
  /** What it contains. */
  readonly point: SnapshotPoint;
  /** The state machine's bytes. */
  readonly data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Something that is done at a moment at which nothing else is done with the state machine. */
export interface BetweenTask {
  /** Does it. Must not throw. */
  run(): void;
  /** The node has stopped before its moment came. */
  cancel(error: ShutdownError): void;
}
