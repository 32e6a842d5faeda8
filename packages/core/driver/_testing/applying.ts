/**
 * An applier with everything that it needs, and a record of what it does.
 *
 * @module
 */
import { LogImage, VirtualClock } from "@coracle/testing";
import { EMPTY_CONFIGURATION, encodeConfiguration } from "../../model/configuration.ts";
import { type Entry, type EntryType, NO_BYTES, type Proposal } from "../../model/entry.ts";
import { EntryRun } from "../../model/entry_run.ts";
import { ShutdownError } from "../../model/errors.ts";
import { NO_INDEX, NO_TERM, toIndex, toTerm } from "../../model/numbers.ts";
import type { Fsm } from "../../ports/fsm.ts";
import type { LogReader } from "../../ports/log_store.ts";
import { Applier } from "../applier.ts";
import type { ApplierHandler, ApplierOptions } from "../applier_options.ts";

/** What a node says to what waits when it stops. */
export const STOPPED: ShutdownError = new ShutdownError("not-written");

/** A log of `count` entries from 1 on, each in a write of its own; the data of entry n is n in decimal, or an empty configuration. */
export function logOf(
  count: number,
  typeOf: (index: number) => EntryType = () => "command",
): LogImage {
  const log = new LogImage();
  const encoder = new TextEncoder();
  for (let index = 1; index <= count; index += 1) {
    const type = typeOf(index);
    const data = type === "configuration"
      ? encodeConfiguration(EMPTY_CONFIGURATION)
      : encoder.encode(String(index));
    appendTo(log, { type, data, extensions: NO_BYTES });
  }
  return log;
}

/** Appends an entry to `log`. */
export function appendTo(log: LogImage, proposal: Proposal): void {
  log.apply({
    hardState: undefined,
    reset: undefined,
    truncateFrom: undefined,
    entries: EntryRun.encode(toIndex(log.lastIndex + 1), toTerm(1), 0, [proposal]),
  });
}

/** What an applier works with where a test does not say otherwise: it starts with nothing applied. */
export function applierOptions(
  fsm: Fsm,
  log: LogReader,
  handler: Partial<ApplierHandler> = {},
): ApplierOptions {
  return {
    fsm,
    log,
    appliedIndex: NO_INDEX,
    appliedTerm: NO_TERM,
    appliedConfiguration: { index: NO_INDEX, configuration: EMPTY_CONFIGURATION },
    clock: new VirtualClock(),
    handler: {
      applied: () => {},
      replaced: () => {},
      restoreEntry: () => {},
      isRestoring: () => false,
      applyFailed: () => {},
      ...handler,
    },
  };
}

/** An applier, and a record of what was applied and reported. */
export function createApplier(
  log: LogReader,
  apply: (entry: Entry) => unknown,
  appliedIndex = 0,
): {
  applier: Applier;
  clock: VirtualClock;
  seen: number[];
  reported: [number, unknown][];
  failures: unknown[];
} {
  const clock = new VirtualClock();
  const seen: number[] = [];
  const reported: [number, unknown][] = [];
  const failures: unknown[] = [];
  const fsm: Fsm = {
    apply: (entry) => {
      seen.push(Number(new TextDecoder().decode(entry.data)));
      return apply(entry);
    },
  };
  const applier = new Applier({
    ...applierOptions(fsm, log, {
      applied: (index, response) => void reported.push([index, response]),
      applyFailed: (error) => void failures.push(error),
    }),
    appliedIndex: toIndex(appliedIndex),
    clock,
  });
  return { applier, clock, seen, reported, failures };
}

/** A promise for each index, resolved by the test. */
export function slowAnswers(): {
  answer: (entry: Entry) => Promise<unknown>;
  waiting: Map<number, PromiseWithResolvers<unknown>>;
} {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const answer = ({ index }: Entry) => {
    const resolvers = Promise.withResolvers<unknown>();
    waiting.set(index, resolvers);
    return resolvers.promise;
  };
  return { answer, waiting };
}
