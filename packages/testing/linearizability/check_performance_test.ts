import { assert, assertEquals } from "@std/assert";
import { counterService, registerService, sequentialRun, wordsService } from "./_testing/runs.ts";
import { checkLinearizable } from "./check.ts";
import type { Model } from "./model.ts";
import { counterModel } from "./models/counter.ts";
import {
  type RegisterInput,
  registerMapModel,
  type RegisterOutput,
} from "./models/register_map.ts";
import { wordsModel } from "./models/words.ts";
import type { Operation } from "./operation.ts";

const SIZE = { operations: 5000, clients: 10, unknownProbability: 0.02 };
/** It takes a fraction of this on any machine; what is exponential takes for ever. */
const LIMIT_MS = 10_000;

function fast<State, Input, Output>(
  name: string,
  model: Model<State, Input, Output>,
  run: (seed: number) => readonly Operation<Input, Output>[],
): void {
  Deno.test(`5000 operations of ten clients: ${name}`, () => {
    for (const seed of [1, 2, 3]) {
      const verdict = checkLinearizable(model, run(seed), { limitMs: LIMIT_MS });
      assert(verdict.type === "linearizable", verdict.type === "linearizable" ? "" : verdict.text);
    }
  });
}

fast(
  "five registers",
  registerMapModel,
  (seed) => sequentialRun(registerService(5), { ...SIZE, seed }),
);
fast(
  "one register",
  registerMapModel,
  (seed) => sequentialRun(registerService(1), { ...SIZE, seed }),
);
fast("a counter", counterModel, (seed) => sequentialRun(counterService(), { ...SIZE, seed }));
fast("words", wordsModel, (seed) => sequentialRun(wordsService(), { ...SIZE, seed }));

Deno.test("a stale read at the end of a long history is found at once, whatever is unknown", () => {
  const unknown = Array.from(
    { length: 50 },
    (_, at): Operation<RegisterInput, RegisterOutput> => ({
      client: `u${at}`,
      input: { type: "put", key: "x", value: `u${at}` },
      output: undefined,
      callAt: at / 100,
      returnAt: Infinity,
    }),
  );
  const written = Array.from(
    { length: 300 },
    (_, at): Operation<RegisterInput, RegisterOutput>[] => {
      const value = `v${at}`;
      return [
        {
          client: 1,
          input: { type: "put", key: "x", value },
          output: { type: "written" },
          callAt: 10 * at,
          returnAt: 10 * at + 5,
        },
        {
          client: 2,
          input: { type: "get", key: "x" },
          output: { type: "value", value },
          callAt: 10 * at + 6,
          returnAt: 10 * at + 7,
        },
      ];
    },
  ).flat();
  const stale: Operation<RegisterInput, RegisterOutput> = {
    client: 2,
    input: { type: "get", key: "x" },
    output: { type: "value", value: "v7" },
    callAt: 1e6,
    returnAt: 1e6 + 1,
  };
  const verdict = checkLinearizable(registerMapModel, [...unknown, ...written, stale], {
    limitMs: LIMIT_MS,
  });
  assert(verdict.type === "not-linearizable", verdict.type);
  assertEquals(verdict.misfit, stale);
});
