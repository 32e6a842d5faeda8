/**
 * A state machine that is right, whose commands and checks tests of the suite use.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { Entry, Fsm } from "@coracle/core";
import fc from "fast-check";
import { fsmConformance, type FsmConformanceOptions } from "../fsm.ts";

export const encoder = new TextEncoder();
export const decoder = new TextDecoder();

/** Keeps the sum of each name. A command is a name and a number, "a 3"; the answer is the name's rank and sum. */
export class Sums implements Fsm {
  sums = new Map<string, number>();

  apply(entry: Entry): unknown {
    const [name = "", number = ""] = decoder.decode(entry.data).split(" ");
    if (!/^\d+$/.test(number)) return "malformed";
    const sum = (this.sums.get(name) ?? 0) + Number(number);
    this.sums.set(name, sum);
    return { sum, rank: [...this.sums.values()].filter((other) => other > sum).length };
  }

  applyBatch(entries: readonly Entry[]): Promise<unknown[]> {
    return Promise.resolve(entries.map((entry) => this.apply(entry)));
  }

  snapshot(): Iterable<Uint8Array> {
    const names = [...this.sums].sort(([one], [other]) => one < other ? -1 : 1);
    return [
      encoder.encode(JSON.stringify(names).slice(0, 2)),
      encoder.encode(
        JSON.stringify(names).slice(2),
      ),
    ];
  }

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    this.sums = new Map(JSON.parse(decoder.decode(await bytesOf(data))));
  }
}

async function bytesOf(data: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: BlobPart[] = [];
  for await (const chunk of data) chunks.push(Uint8Array.from(chunk));
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

export const command = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(fc.constantFrom("a", "b", "é", "z"), fc.nat(9)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("a", ""), fc.constant("x")) },
).map(([name, number]) => encoder.encode(`${name} ${number}`));

/** Runs the check called `name` of the machines that `create` makes. */
export function run<Machine extends Fsm>(
  name: string,
  create: () => Machine,
  options: Partial<FsmConformanceOptions<Machine>> = {},
): Promise<void> {
  const checks = fsmConformance({ create, command, ...options });
  const check = checks.find((one) => one.name === name);
  assert(check !== undefined, `${name} is none of ${checks.map((one) => one.name).join(", ")}`);
  return check.run();
}

/** Names of checks. */
export const ANYWHERE = "the same commands lead to the same answers and state on any machine";
export const APART = "what one state machine is given is nothing to another";
export const BYTES = "a command's bytes are only read, and what is kept of them is copied";
export const BATCHES = "applyBatch does what apply does, one by one";
export const RESTORED = "one that was restored from a snapshot goes on as one that was not";
export const REPLACED = "restore replaces everything";
export const MOMENTARY = "a snapshot is of its moment, whatever is applied while it is read";
export const ABANDONED = "a snapshot that is not read to its end changes nothing";
