/**
 * Random histories of a log store, held to an array (B39).
 *
 * @module
 */
import { type LogWrite, toIndex } from "@coracle/core";
import fc from "fast-check";
import { Prng } from "../prng.ts";
import { LogBench, type LogStoreConformanceOptions } from "./log_bench.ts";
import { entries, type LogContent, vote, write } from "./log_content.ts";
import { holdsOneOf, outcomes } from "./log_store_faults.ts";

type Step =
  | {
    readonly kind: "persist";
    readonly writes: readonly WriteStep[];
    /** How far before the log's end the prefix is truncated meanwhile, if it is. */
    readonly compactBack: number | undefined;
    /** After how many turns of the microtask queue the machine stops, if it does. */
    readonly crashAfter: number | undefined;
  }
  | { readonly kind: "truncatePrefix"; readonly back: number }
  | { readonly kind: "reopen" | "crash" };

interface WriteStep {
  /** How much later its term is. */
  readonly terms: number;
  readonly votes: boolean;
  /** How far beyond the log's end it begins anew, if it does; below 0 is within the log. */
  readonly resetAhead: number | undefined;
  /** How many entries it drops at the end. */
  readonly drop: number;
  readonly count: number;
  readonly sizeBytes: number;
  readonly isConfiguration: boolean;
}

const writeStep: fc.Arbitrary<WriteStep> = fc.record({
  terms: fc.constantFrom(0, 0, 0, 1, 2),
  votes: fc.boolean(),
  resetAhead: fc.option(fc.integer({ min: -12, max: 5 }), { freq: 12, nil: undefined }),
  drop: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(12)),
  count: fc.nat(9),
  sizeBytes: fc.constantFrom(0, 4, 60, 300),
  isConfiguration: fc.boolean(),
});

function stepOf(canCrash: boolean): fc.Arbitrary<Step> {
  const persist = fc.record({
    kind: fc.constant("persist" as const),
    writes: fc.array(writeStep, { minLength: 1, maxLength: 3 }),
    compactBack: fc.option(fc.nat(30), { freq: 5, nil: undefined }),
    crashAfter: canCrash
      ? fc.option(fc.nat(12), { freq: 4, nil: undefined })
      : fc.constant(undefined),
  });
  const truncatePrefix = fc.record({
    kind: fc.constant("truncatePrefix" as const),
    back: fc.nat(30),
  });
  const kinds = canCrash ? ["reopen", "crash"] as const : ["reopen"] as const;
  return fc.oneof(
    { weight: 10, arbitrary: persist },
    { weight: 2, arbitrary: truncatePrefix },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom(...kinds) }) },
  );
}

/** Runs random histories. Rejects with the shortest one that was found to fail, and the seed. */
export async function anyHistory<Place>(options: LogStoreConformanceOptions<Place>): Promise<void> {
  const { runs = 100, seed } = options;
  const history = fc.array(stepOf(options.crash !== undefined), {
    minLength: 1,
    maxLength: 40,
    size: "max",
  });
  const property = fc.asyncProperty(
    history,
    fc.nat(3000),
    fc.noShrink(fc.maxSafeNat()),
    (steps, maxBytes, placeSeed) =>
      LogBench.use(options, async (bench) => {
        for (const step of steps) await take(bench, step, maxBytes);
      }, new Prng(placeSeed)),
  );
  await fc.assert(property, { numRuns: runs, ...seed !== undefined && { seed } });
}

async function take(bench: LogBench, step: Step, maxBytes: number): Promise<void> {
  const { content } = bench;
  switch (step.kind) {
    case "persist":
      await persist(bench, step);
      break;
    case "truncatePrefix":
      await bench.truncatePrefix(Math.max(content.base.index, content.lastIndex - step.back));
      break;
    case "reopen":
      await bench.reopen();
      break;
    case "crash":
      await bench.crash();
      break;
  }
  bench.holds(maxBytes);
}

async function persist(
  bench: LogBench,
  { writes: steps, compactBack, crashAfter }: Extract<Step, { kind: "persist" }>,
): Promise<void> {
  const before = bench.content;
  const after = before.clone();
  // A node drops only what is committed, and never drops at the other end or replaces what is.
  let compactTo = Math.max(before.base.index, before.lastIndex - (compactBack ?? 0));
  const writes = steps.map((step) => {
    const change = writeOf(after, step);
    const { reset, truncateFrom } = change;
    compactTo = Math.min(compactTo, reset?.index ?? Infinity, (truncateFrom ?? Infinity) - 1);
    after.apply(change);
    return change;
  });
  let isPersisted = false;
  const persisted = bench.store.persist(writes).then(() => isPersisted = true);
  const truncated = compactBack === undefined
    ? Promise.resolve()
    : bench.store.truncatePrefix(toIndex(compactTo));
  // The prefix may have gone in any case; whether it has is not asked before the next opening.
  if (compactBack !== undefined) before.truncatePrefix(compactTo);
  if (crashAfter === undefined) {
    await Promise.all([persisted, truncated]);
    for (const change of writes) bench.content.apply(change);
    return;
  }
  for (const promise of [persisted, truncated]) promise.catch(() => {});
  for (let turn = 0; turn < crashAfter; turn += 1) await undefined;
  const possible = outcomes(before, writes);
  const promised = isPersisted ? possible.slice(-1) : possible;
  await bench.crash();
  holdsOneOf(bench, promised);
}

/** A write that a node may ask for after `content`. */
function writeOf(content: LogContent, step: WriteStep): LogWrite {
  const { hardState, base, lastIndex } = content;
  const term = Math.max(hardState.term, content.lastTerm, 1) + step.terms;
  const changes = term > hardState.term || hardState.votedFor === undefined;
  const resetTo = step.resetAhead === undefined
    ? undefined
    : Math.max(base.index, lastIndex + step.resetAhead);
  // A snapshot of what is in the log does not make a node begin anew.
  const resetTerm = resetTo !== undefined && resetTo <= lastIndex && content.term(resetTo) === term
    ? term + 1
    : term;
  const last = resetTo ?? lastIndex;
  const from = step.drop === 0
    ? last + 1
    : Math.max((resetTo ?? base.index) + 1, last + 1 - step.drop);
  const type = step.isConfiguration ? "configuration" : "command";
  return write({
    ...changes && { hardState: vote(term, step.votes ? "n1" : undefined) },
    ...resetTo !== undefined && { reset: [resetTo, resetTerm] },
    ...step.drop > 0 && { truncateFrom: from },
    ...step.count > 0 && {
      entries: entries(from, resetTerm, step.count, { sizeBytes: step.sizeBytes, type }),
    },
  });
}
