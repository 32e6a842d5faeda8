/**
 * State machines that are given the same commands, compared step by step; and what is said when they differ.
 *
 * @module
 */
import type { Entry, Fsm } from "@coracle/core";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { joined } from "../joined.ts";
import {
  bytesForPeople,
  changesMembers,
  commandForPeople,
  configurationBefore,
  entryOf,
  type FsmConformanceOptions,
  indexBefore,
  type Step,
  stepsOf,
} from "./fsm_options.ts";

/** What a state machine did that it must not. `at`: the position of the command, or `undefined` after all of them. */
class Divergence extends Error {
  constructor(readonly at: number | undefined, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** One run of a check over one list of commands. It lets go of every state machine that it has made. */
export class FsmTrial<Machine extends Fsm> {
  readonly #options: FsmConformanceOptions<Machine>;
  readonly #made: Machine[] = [];

  /** A trial without state machines. */
  constructor(options: FsmConformanceOptions<Machine>) {
    this.#options = options;
  }

  /** A state machine in its first state. */
  create(): Machine {
    const machine = this.#options.create();
    this.#made.push(machine);
    return machine;
  }

  /** The answer of `machine` to the command that comes `at`. If members change before it, the state machine hears of that first. */
  async apply(machine: Machine, step: Step, at: number): Promise<unknown> {
    await this.configure(machine, step, at);
    return await this.applyEntry(machine, entryOf(step.command, at), at);
  }

  /** Tells `machine` of the change of the members that comes before the command `at`, if one does. */
  async configure(machine: Machine, step: Step, at: number): Promise<void> {
    if (!changesMembers(step, at)) return;
    try {
      await machine.storeConfiguration?.(configurationBefore(at));
    } catch (error) {
      const what = `storeConfiguration threw, which stops a node: ${error}`;
      throw new Divergence(at, what, { cause: error });
    }
  }

  /** The answer of `machine` to `entry`. */
  async applyEntry(machine: Machine, entry: Entry, at: number): Promise<unknown> {
    try {
      return await machine.apply(entry);
    } catch (error) {
      throw new Divergence(at, `apply threw, which stops a node: ${error}`, { cause: error });
    }
  }

  /** All bytes of the snapshot of this moment. */
  async snapshot(machine: Machine): Promise<Uint8Array> {
    return await this.read(machine.snapshot!());
  }

  /** All bytes of a snapshot. */
  async read(data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of data) chunks.push(chunk.slice());
    return joined(chunks);
  }

  /** Gives `machine` the state of a snapshot, in pieces of `pieceSizeBytes`. */
  async restore(
    machine: Machine,
    snapshot: Uint8Array,
    at: number,
    pieceSizeBytes = 1 << 16,
  ): Promise<Machine> {
    try {
      await machine.restore!(inPieces(snapshot, pieceSizeBytes), indexBefore(at));
    } catch (error) {
      const what = `restore of its own snapshot threw, which stops a node: ${error}`;
      throw new Divergence(at, what, { cause: error });
    }
    return machine;
  }

  /** Holds an answer to that of another state machine. */
  answers(actual: unknown, expected: unknown, at: number, who: string): void {
    equal(actual, expected, at, `${who} answers otherwise`);
  }

  /** Holds the state of `machine` to that of `other`, after the command that comes `at`; after all of them by default. */
  async states(machine: Machine, other: Machine, who: string, at?: number): Promise<void> {
    this.digests(await this.digest(machine), await this.digest(other), who, at);
  }

  /** Holds a digest to that of another state machine. */
  digests(actual: unknown, expected: unknown, who: string, at?: number): void {
    const what = `${who} is in another state`;
    if (actual instanceof Uint8Array && expected instanceof Uint8Array) {
      if (isSame(actual, expected)) return;
      const [one, other] = fromFirstDifference(actual, expected);
      throw new Divergence(at, `${what}: its snapshot has ${one}, where the other has ${other}`);
    }
    equal(actual, expected, at, what);
  }

  /** What is compared of a state. */
  async digest(machine: Machine): Promise<unknown> {
    const { digest } = this.#options;
    if (digest !== undefined) return digest(machine);
    return machine.snapshot === undefined ? undefined : await this.snapshot(machine);
  }

  /** Lets go of everything. */
  async end(): Promise<void> {
    for (const machine of this.#made) await this.#options.release?.(machine);
  }
}

/** Runs `work` for many lists of commands. Rejects with the shortest one that was found to fail, and the seed. */
export async function tryOut<Machine extends Fsm>(
  options: FsmConformanceOptions<Machine>,
  work: (trial: FsmTrial<Machine>, steps: readonly Step[]) => Promise<void>,
): Promise<void> {
  let failure: unknown;
  const property = fc.asyncProperty(stepsOf(options), async (steps) => {
    const trial = new FsmTrial(options);
    try {
      await work(trial, steps);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      await trial.end();
    }
  });
  const { seed, runs = 100 } = options;
  const details = await fc.check(property, { numRuns: runs, ...seed !== undefined && { seed } });
  if (!details.failed) return;
  // While a failure is made smaller, others fail and do not: this is the smallest one's.
  failure = details.errorInstance ?? failure;
  const at = failure instanceof Divergence ? failure.at : undefined;
  const message = failure instanceof Divergence ? failure.message : String(failure);
  const describe = options.describe ?? commandForPeople;
  const lines = (details.counterexample?.[0] ?? []).map((step, position) =>
    `  ${position + 1}  ${describe(step.command)}${
      changesMembers(step, position) ? " after a change of the members" : ""
    }${position === at ? "   <- here" : ""}`
  );
  const title = at === undefined ? "after all commands" : `at command ${at + 1}`;
  throw new Error(
    `${title}, ${message}\ncommands:\n${lines.join("\n")}\n` +
      `seed: ${details.seed} (pass it as \`seed\` to see the same again)`,
    { cause: failure },
  );
}

function equal(actual: unknown, expected: unknown, at: number | undefined, what: string): void {
  try {
    assertEquals(actual, expected);
  } catch (error) {
    throw new Divergence(at, `${what}: ${(error as Error).message}`);
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** What differs, and a little of what is before it. */
function fromFirstDifference(one: Uint8Array, other: Uint8Array): [string, string] {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  const from = Math.max(0, at - 20);
  const part = (bytes: Uint8Array) => bytesForPeople(bytes.subarray(from, from + 100));
  return [`${part(one)} from byte ${from} on`, part(other)];
}

/** Snapshots come in pieces that have nothing to do with those in which they were written. */
async function* inPieces(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) {
    await Promise.resolve();
    yield bytes.slice(at, at + sizeBytes);
  }
}
