/**
 * Histories by chance, of a service that does one thing after another.
 *
 * @module
 */
import { Prng } from "../../prng.ts";
import type { CounterInput } from "../models/counter.ts";
import type { RegisterInput, RegisterOutput } from "../models/register_map.ts";
import type { WordsInput, WordsOutput } from "../models/words.ts";
import type { Operation } from "../operation.ts";

/** What a run is made of. */
export interface RunOptions {
  readonly seed: number;
  readonly operations: number;
  readonly clients: number;
  /** The probability that an outcome is unknown. Half of these happen, some of them much later. */
  readonly unknownProbability: number;
}

/** A service that does things at once, and whatever may be asked of it. */
export interface Service<Input, Output> {
  readonly ask: (prng: Prng) => Input;
  readonly serve: (input: Input) => Output | undefined;
}

/**
 * A history of clients that each make one call after another, of a service that does each at some moment between its
 * call and its return: linearizable by its making.
 */
export function sequentialRun<Input, Output>(
  { ask, serve }: Service<Input, Output>,
  { seed, operations, clients, unknownProbability }: RunOptions,
): Operation<Input, Output>[] {
  const prng = new Prng(seed);
  const freeAt = Array.from({ length: clients }, () => prng.next());
  const calls = Array.from({ length: operations }, () => {
    const client = freeAt.indexOf(Math.min(...freeAt));
    const callAt = freeAt[client]!;
    const endAt = callAt + prng.between(0.1, 2);
    freeAt[client] = endAt + prng.between(0, 0.1);
    const isUnknown = prng.chance(unknownProbability);
    const effectAt = !isUnknown
      ? prng.between(callAt, endAt)
      : prng.chance(0.5)
      ? callAt + prng.between(0, prng.chance(0.3) ? 50 : 2)
      : Infinity;
    return { client, input: ask(prng), callAt, returnAt: isUnknown ? Infinity : endAt, effectAt };
  });
  const outputs = new Map<object, Output | undefined>();
  for (const call of calls.toSorted((a, b) => a.effectAt - b.effectAt)) {
    if (call.effectAt < Infinity) outputs.set(call, serve(call.input));
  }
  return calls.map((call) => {
    const { client, input, callAt, returnAt } = call;
    return {
      client,
      input,
      output: returnAt === Infinity ? undefined : outputs.get(call),
      callAt,
      returnAt,
    };
  });
}

/** A map of registers with `keys` keys, which are given few values. */
export function registerService(keys: number): Service<RegisterInput, RegisterOutput> {
  const values = new Map<string, string>();
  return {
    ask: (prng) => {
      const key = `k${prng.int(1, keys)}`;
      const value = prng.pick(["a", "b", "c"]);
      const expected = prng.pick([undefined, "a", "b", "c"]);
      return prng.pick<RegisterInput>([
        { type: "get", key },
        { type: "get", key },
        { type: "put", key, value },
        { type: "append", key, value },
        { type: "cas", key, expected, value },
      ]);
    },
    serve: (input) => {
      const value = values.get(input.key);
      switch (input.type) {
        case "get":
          return { type: "value", value };
        case "put":
          values.set(input.key, input.value);
          return { type: "written" };
        case "append":
          values.set(input.key, `${value ?? ""}${input.value}`);
          return { type: "written" };
        case "cas":
          if (value === input.expected) values.set(input.key, input.value);
          return { type: "swapped", swapped: value === input.expected };
      }
    },
  };
}

/** A counter. */
export function counterService(): Service<CounterInput, number> {
  let sum = 0;
  return {
    ask: (prng) => prng.chance(0.5) ? { type: "get" } : { type: "add", by: prng.int(-1, 2) },
    serve: (input) => sum += input.type === "add" ? input.by : 0,
  };
}

/** The three best words. */
export function wordsService(): Service<WordsInput, WordsOutput> {
  const words: string[] = [];
  const before = (a: string, b: string): number => b.length - a.length || (a < b ? -1 : 1);
  let longest = 1;
  return {
    ask: (prng) => {
      if (prng.chance(0.5)) return { type: "best" };
      if (prng.chance(0.2)) longest += 1;
      return { type: "add", word: prng.pick(["a", "b", "c"]).repeat(prng.int(1, longest)) };
    },
    serve: (input) => {
      if (input.type === "add") return void words.push(input.word);
      return [...words.sort(before), "", "", ""].slice(0, 3);
    },
  };
}
