/**
 * Whether a state machine keeps the promises of core's port `Fsm`: found out by giving the same commands to several of
 * its kind, which must not be told from each other.
 *
 * @module
 */
import type { Entry, Fsm } from "@coracle/core";
import { Prng } from "../prng.ts";
import type { ConformanceCheck } from "./check.ts";
import { onMachine } from "./elsewhere.ts";
import { changesMembers, entryOf, type FsmConformanceOptions, type Step } from "./fsm_options.ts";
import { type FsmTrial, tryOut } from "./fsm_trial.ts";

export type { CommandArbitrary, FsmCommand, FsmConformanceOptions } from "./fsm_options.ts";

/** A check of one run over one list of commands. */
type Work<Machine extends Fsm> = (
  trial: FsmTrial<Machine>,
  steps: readonly Step[],
) => Promise<void>;

/**
 * The checks of a state machine. What needs `snapshot` and `restore`, or `applyBatch`, is left out for one that has them not.
 *
 * A check that fails names the command, prints the shortest list of commands that was found to fail, and the seed. The first
 * of the checks replaces clock, dice, time zone and locale of this realm for moments, so nothing else should run meanwhile.
 *
 * ```ts
 * import type { Entry } from "@coracle/core";
 * import { fsmConformance } from "@coracle/testing/conformance";
 * import { assertRejects } from "@std/assert";
 *
 * class Counter {
 *   count = 0;
 *   apply({ data }: Entry) {
 *     return this.count += data.length;
 *   }
 *   snapshot() {
 *     return [new TextEncoder().encode(`${this.count}`)];
 *   }
 *   async restore(data: AsyncIterable<Uint8Array>) {
 *     for await (const chunk of data) this.count += Number(new TextDecoder().decode(chunk));
 *   }
 * }
 *
 * const checks = fsmConformance({
 *   create: () => new Counter(),
 *   command: (random) => new Uint8Array(random.int(0, 20)),
 * });
 * // In a test file: for (const { name, run } of checks) Deno.test(name, run);
 * const replaces = checks.find(({ name }) => name === "restore replaces everything")!;
 * await assertRejects(replaces.run); // It adds to what is there.
 * ```
 */
export function fsmConformance<Machine extends Fsm>(
  options: FsmConformanceOptions<Machine>,
): ConformanceCheck[] {
  const first = options.create();
  const canBatch = first.applyBatch !== undefined;
  const canSnapshot = first.snapshot !== undefined || first.restore !== undefined;
  const isHalf = (first.snapshot === undefined) !== (first.restore === undefined);
  const released = Promise.resolve(options.release?.(first));
  const check = (name: string, work: Work<Machine>): ConformanceCheck => ({
    name,
    run: async () => {
      await released;
      if (isHalf) throw new Error("of snapshot and restore there must be both or none");
      await tryOut(options, work);
    },
  });
  return [
    check("the same commands lead to the same answers and state on any machine", anywhere),
    check("what one state machine is given is nothing to another", apart),
    check("a command's bytes are only read, and what is kept of them is copied", bytes),
    ...canBatch ? [check("applyBatch does what apply does, one by one", batches)] : [],
    ...canSnapshot
      ? [
        check("one that was restored from a snapshot goes on as one that was not", restored),
        check("restore replaces everything", replaced),
        check("a snapshot is of its moment, whatever is applied while it is read", momentary),
        check("a snapshot that is not read to its end changes nothing", abandoned),
      ]
      : [],
  ];
}

/** B80: Math.random, Date.now, locales, and all else that differs between machines. */
async function anywhere<M extends Fsm>(trial: FsmTrial<M>, steps: readonly Step[]): Promise<void> {
  const here = { dice: new Prng(1), isFar: false };
  const there = { dice: new Prng(2), isFar: true };
  const one = await onMachine(here, () => trial.create());
  const other = await onMachine(there, () => trial.create());
  const who = "the same on another machine";
  for (const [at, step] of steps.entries()) {
    const answer = await onMachine(here, () => trial.apply(one, step, at));
    const theirs = await onMachine(there, () => trial.apply(other, step, at));
    trial.answers(theirs, answer, at, who);
  }
  const state = await onMachine(here, () => trial.digest(one));
  trial.digests(await onMachine(there, () => trial.digest(other)), state, who);
}

async function apart<M extends Fsm>(trial: FsmTrial<M>, steps: readonly Step[]): Promise<void> {
  const alone = trial.create();
  const answers: unknown[] = [];
  for (const [at, step] of steps.entries()) answers.push(await trial.apply(alone, step, at));
  const state = await trial.digest(alone);
  const one = trial.create();
  const other = trial.create();
  const who = "one beside another one";
  for (const [at, step] of steps.entries()) {
    trial.answers(await trial.apply(one, step, at), answers[at], at, who);
    await trial.apply(other, steps[steps.length - 1 - at]!, at);
  }
  trial.digests(await trial.digest(one), state, who);
}

async function bytes<M extends Fsm>(trial: FsmTrial<M>, steps: readonly Step[]): Promise<void> {
  const one = trial.create();
  const other = trial.create();
  for (const [at, step] of steps.entries()) {
    const entry = entryOf(step.command, at);
    await trial.configure(one, step, at);
    const answer = await trial.applyEntry(one, entry, at);
    onlyRead(trial, entry, step, at, "apply");
    trial.answers(await trial.apply(other, step, at), answer, at, "another one");
    overwrite(entry);
  }
  await trial.states(one, other, "one whose commands' bytes were overwritten afterwards");
}

async function batches<M extends Fsm>(trial: FsmTrial<M>, steps: readonly Step[]): Promise<void> {
  const single = trial.create();
  const batched = trial.create();
  for (const [from, some] of batchesOf(steps)) {
    await trial.configure(batched, some[0]!, from);
    const expected: unknown[] = [];
    for (const [at, step] of some.entries()) {
      expected.push(await trial.apply(single, step, from + at));
    }
    const entries = some.map(({ command }, at) => entryOf(command, from + at));
    const answers = await batched.applyBatch!(entries);
    const who = `a batch of ${some.length} commands`;
    trial.answers(
      answers.length,
      expected.length,
      from,
      `as to how many answers there are, ${who}`,
    );
    for (const [at, answer] of expected.entries()) {
      trial.answers(answers[at], answer, from + at, who);
    }
    for (const [at, entry] of entries.entries()) {
      onlyRead(trial, entry, some[at]!, from + at, "applyBatch");
      overwrite(entry);
    }
  }
  await trial.states(batched, single, "one that was given batches");
}

/** `steps` as batches, each with its place. A batch ends where something else comes between two commands. */
function* batchesOf(steps: readonly Step[]): Generator<[from: number, some: readonly Step[]]> {
  for (let from = 0; from < steps.length;) {
    const wanted = steps.slice(from, from + 1 + steps[from]!.chance);
    const end = wanted.findIndex((step, at) => at > 0 && changesMembers(step, from + at));
    const some = end === -1 ? wanted : wanted.slice(0, end);
    yield [from, some];
    from += some.length;
  }
}

/** Throws if `method` has written to the bytes of `entry`, which are those of `step`. */
function onlyRead<M extends Fsm>(
  trial: FsmTrial<M>,
  entry: Entry,
  step: Step,
  at: number,
  method: string,
): void {
  const { data, extensions } = entryOf(step.command, at);
  const is = { data: entry.data, extensions: entry.extensions };
  trial.digests(is, { data, extensions }, `${method} writes to the command's bytes, which`, at);
}

/** As if the memory had been used for something else: who keeps a view of it keeps all the memory that it is part of. */
function overwrite({ data, extensions }: Entry): void {
  data.fill(0xff);
  extensions.fill(0xff);
}

async function restored<M extends Fsm>(trial: FsmTrial<M>, steps: readonly Step[]): Promise<void> {
  const one = trial.create();
  let other = trial.create();
  const who = "one that was restored from a snapshot";
  for (const [at, step] of steps.entries()) {
    if (step.chance >= 12) {
      const pieceSizeBytes = [1, 7, 1000, 1 << 20][step.chance - 12]!;
      const snapshot = await trial.snapshot(other);
      other = await trial.restore(trial.create(), snapshot, at, pieceSizeBytes);
    }
    const answer = await trial.apply(one, step, at);
    trial.answers(await trial.apply(other, step, at), answer, at, who);
  }
  await trial.states(other, one, who);
}

async function replaced<M extends Fsm>(trial: FsmTrial<M>, steps: readonly Step[]): Promise<void> {
  const one = trial.create();
  const used = trial.create();
  let count = 0;
  for (const [at, step] of steps.entries()) {
    // One forgets what the other has never heard.
    if (step.chance >= 12) await trial.apply(one, step, at);
    await trial.apply(used, step, at);
    if (step.chance >= 12) count += 1;
  }
  await trial.restore(used, await trial.snapshot(one), steps.length - 1);
  const who = `one that had all commands, and then a snapshot of one that had ${count} of them`;
  await trial.states(used, one, who);
  for (const [at, step] of steps.entries()) {
    const later = steps.length + at;
    const answer = await trial.apply(one, step, later);
    trial.answers(await trial.apply(used, step, later), answer, at, `given all again, ${who}`);
  }
}

async function momentary<M extends Fsm>(trial: FsmTrial<M>, steps: readonly Step[]): Promise<void> {
  const one = trial.create();
  const other = trial.create();
  const half = Math.ceil(steps.length / 2);
  for (const [at, step] of steps.slice(0, half).entries()) {
    await trial.apply(one, step, at);
    await trial.apply(other, step, at);
  }
  const data = one.snapshot!();
  const chunks = iteratorOf(data);
  const read: Uint8Array[] = [];
  for (const [at, step] of steps.slice(half).entries()) {
    await trial.apply(one, step, half + at);
    const next = await chunks.next();
    if (next.done !== true) read.push(next.value.slice());
  }
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    read.push(next.value.slice());
  }
  const who = "one restored from a snapshot that was read while further commands were applied";
  const copy = await trial.restore(trial.create(), await trial.read(read), half);
  await trial.states(copy, other, who, half - 1);
  for (const [at, step] of steps.slice(half).entries()) {
    const answer = await trial.apply(other, step, half + at);
    trial.answers(await trial.apply(copy, step, half + at), answer, half + at, who);
  }
  await trial.states(one, other, "one whose snapshot was read meanwhile");
}

async function abandoned<M extends Fsm>(trial: FsmTrial<M>, steps: readonly Step[]): Promise<void> {
  const one = trial.create();
  const other = trial.create();
  const who = "one of which snapshots were begun";
  for (const [at, step] of steps.entries()) {
    if (step.chance >= 8) {
      const data = one.snapshot!();
      if (step.chance >= 10) {
        const chunks = iteratorOf(data);
        await chunks.next();
        await chunks.return?.();
      }
    }
    const answer = await trial.apply(other, step, at);
    trial.answers(await trial.apply(one, step, at), answer, at, who);
  }
  await trial.states(one, other, who);
}

function iteratorOf(
  data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  return Symbol.asyncIterator in data ? data[Symbol.asyncIterator]() : data[Symbol.iterator]();
}
