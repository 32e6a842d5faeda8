import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Prng } from "../prng.ts";
import { flawOf, isLinearizable } from "./_testing/brute_force.ts";
import {
  counterService,
  registerService,
  type RunOptions,
  sequentialRun,
  type Service,
  wordsService,
} from "./_testing/runs.ts";
import { checkLinearizable, type Verdict } from "./check.ts";
import type { Model } from "./model.ts";
import { counterModel } from "./models/counter.ts";
import {
  type RegisterInput,
  registerMapModel,
  type RegisterOutput,
} from "./models/register_map.ts";
import { wordsModel } from "./models/words.ts";
import type { Operation } from "./operation.ts";

type Register = Operation<RegisterInput, RegisterOutput>;
type Span = readonly [callAt: number, returnAt: number];

const NEVER = Infinity;
const WRITTEN: RegisterOutput = { type: "written" };

function put(client: number, value: string, [callAt, returnAt]: Span, key = "x"): Register {
  const output = returnAt === NEVER ? undefined : WRITTEN;
  return { client, input: { type: "put", key, value }, output, callAt, returnAt };
}

function get(
  client: number,
  value: string | undefined,
  [callAt, returnAt]: Span,
  key = "x",
): Register {
  const output: RegisterOutput = { type: "value", value };
  return { client, input: { type: "get", key }, output, callAt, returnAt };
}

function cas(
  client: number,
  [expected, value]: readonly [string | undefined, string],
  swapped: boolean,
  [callAt, returnAt]: Span,
): Register {
  const output: RegisterOutput | undefined = returnAt === NEVER
    ? undefined
    : { type: "swapped", swapped };
  return { client, input: { type: "cas", key: "x", expected, value }, output, callAt, returnAt };
}

function check(operations: readonly Register[]): Verdict<RegisterInput, RegisterOutput> {
  return checkLinearizable(registerMapModel, operations);
}

function accepted(operations: readonly Register[]): readonly Register[] {
  const verdict = check(operations);
  assert(verdict.type === "linearizable", verdict.type === "linearizable" ? "" : verdict.text);
  assertEquals(flawOf(registerMapModel, operations, verdict.order), undefined);
  return verdict.order;
}

function rejected(operations: readonly Register[]): string {
  const verdict = check(operations);
  assert(verdict.type === "not-linearizable", verdict.type);
  assert(operations.includes(verdict.misfit));
  assert(!verdict.longest.includes(verdict.misfit));
  return verdict.text;
}

Deno.test("nothing, and one thing after another", () => {
  assertEquals(accepted([]), []);
  accepted([put(1, "a", [0, 1]), get(2, "a", [2, 3]), put(1, "b", [4, 5]), get(2, "b", [6, 7])]);
});

Deno.test("a read at the same time as a write may see it or not", () => {
  for (const value of [undefined, "a"]) accepted([put(1, "a", [0, 10]), get(2, value, [5, 6])]);
});

Deno.test("a stale read: an answer older than what was acknowledged before the question", () => {
  const history = [put(1, "a", [0, 1]), put(1, "b", [2, 3]), get(2, "a", [4, 5])];
  assertEquals(
    rejected(history),
    [
      "after 2 operations in this order:",
      '  client 1: put x "a" -> written  (from 0 to 1)',
      '  client 1: put x "b" -> written  (from 2 to 3)',
      'the state is "b", and there is no place for',
      '  client 2: get x -> "a"  (from 4 to 5)',
    ].join("\n"),
  );
});

Deno.test("a lost update: two swaps of the same value both succeed", () => {
  rejected([
    put(1, "0", [0, 1]),
    cas(1, ["0", "a"], true, [2, 5]),
    cas(2, ["0", "b"], true, [3, 4]),
  ]);
  accepted([
    put(1, "0", [0, 1]),
    cas(1, ["0", "a"], true, [2, 5]),
    cas(2, ["0", "b"], false, [3, 4]),
  ]);
});

Deno.test("a lost write: acknowledged and never seen", () => {
  rejected([put(1, "a", [0, 1]), get(2, undefined, [2, 3])]);
});

Deno.test("a read sees a write that a later read no longer sees", () => {
  // The write is going on all the time, but once somebody has seen it, it has happened.
  const seen = [put(1, "a", [0, 100]), get(2, "a", [10, 20])];
  rejected([...seen, get(3, undefined, [30, 40])]);
  accepted([...seen, get(3, undefined, [15, 40])]);
});

Deno.test("two readers see two writes in different orders", () => {
  const writes = [put(1, "a", [0, 100]), put(2, "b", [0, 100])];
  const first = [get(3, "a", [10, 20]), get(3, "b", [30, 40])];
  rejected([...writes, ...first, get(4, "b", [10, 20]), get(4, "a", [30, 40])]);
  accepted([...writes, ...first, get(4, "a", [10, 20]), get(4, "b", [30, 40])]);
});

Deno.test("a value that nobody wrote", () => {
  assertStringIncludes(rejected([put(1, "a", [0, 9]), get(2, "z", [1, 2])]), 'get x -> "z"');
});

Deno.test("an unknown outcome that shows up late", () => {
  const history = [
    put(1, "a", [0, 1]),
    put(1, "late", [2, NEVER]),
    ...Array.from({ length: 10 }, (_, at) => get(2, "a", [10 + at, 10.5 + at])),
    get(2, "late", [30, 31]),
    get(3, "late", [32, 33]),
  ];
  assertEquals(accepted(history).length, history.length);
  // Once it has shown up it stays.
  rejected([...history, get(2, "a", [40, 41])]);
  // Nothing happens before it is called.
  rejected([get(2, "late", [0, 1]), put(1, "late", [2, NEVER])]);
});

Deno.test("an unknown outcome that never shows", () => {
  const unseen = put(1, "a", [0, NEVER]);
  const order = accepted([unseen, put(2, "b", [1, 2]), get(2, "b", [3, 4]), get(2, "b", [5, 6])]);
  assert(!order.includes(unseen));
  accepted([unseen]);
});

Deno.test("an unknown outcome happens once", () => {
  const once = [put(1, "a", [0, NEVER]), get(2, "a", [1, 2]), put(2, "b", [3, 4])];
  rejected([...once, get(2, "a", [5, 6])]);
  accepted([...once, put(3, "a", [0, NEVER]), get(2, "a", [5, 6])]);
});

Deno.test("an unknown swap explains what is seen only where it could have succeeded", () => {
  accepted([put(1, "a", [0, 1]), cas(2, ["a", "b"], true, [2, NEVER]), get(1, "b", [3, 4])]);
  rejected([put(1, "c", [0, 1]), cas(2, ["a", "b"], true, [2, NEVER]), get(1, "b", [3, 4])]);
});

Deno.test("a write that failed for certain is seen by nobody", () => {
  const failed: Register = { ...put(1, "a", [0, NEVER]), failed: true };
  accepted([failed, get(2, undefined, [1, 2])]);
  rejected([failed, get(2, "a", [1, 2])]);
});

Deno.test("what touches is concurrent", () => {
  accepted([put(1, "a", [0, 5]), get(2, undefined, [5, 6])]);
  rejected([put(1, "a", [0, 5]), get(2, undefined, [5.01, 6])]);
});

Deno.test("keys have nothing to do with each other, and one order holds for all of them", () => {
  const history = [
    put(1, "a", [0, 10], "x"),
    put(2, "b", [0, 3], "y"),
    get(3, "b", [4, 5], "y"),
    get(3, "a", [6, 7], "x"),
    put(3, "c", [8, 9], "y"),
  ];
  accepted(history);
  const text = rejected([...history, get(1, "b", [11, 12], "y")]);
  assertStringIncludes(text, 'get y -> "b"');
  assert(!text.includes(" x "), text);
});

Deno.test("what else goes on is named, and long histories are cut", () => {
  const history = [
    ...Array.from({ length: 20 }, (_, at) => put(1, `v${at}`, [at, at + 0.5])),
    get(2, "v3", [50, 60]),
    put(3, "other", [55, 70]),
    ...Array.from({ length: 20 }, (_, at) => put(4, `u${at}`, [30, NEVER])),
  ];
  const text = rejected(history);
  assertStringIncludes(text, "after 21 operations in this order, the last 12 of them:");
  assertStringIncludes(text, 'client 3: put x "other" -> written  (from 55 to 70)');
  assertStringIncludes(text, 'client 4: put x "u0"  (from 30 never returned)');
  assertStringIncludes(text, "and 8 more");
});

Deno.test("at its limit a check says that it does not know", () => {
  const history = [put(1, "a", [0, 1]), put(1, "b", [2, 3]), get(2, "b", [4, 5])];
  const verdict = checkLinearizable(registerMapModel, history, { stepsMax: 2 });
  assert(verdict.type === "undecided");
  assertEquals(verdict.steps, 2);
  assertStringIncludes(verdict.text, "undecided after 2 steps");
  assertEquals(
    checkLinearizable(registerMapModel, history, { limitMs: 10_000 }).type,
    "linearizable",
  );
  assertEquals(checkLinearizable(registerMapModel, history, { limitMs: 1e-9 }).type, "undecided");
});

Deno.test("what is wrong in one group is found although another one is undecided", () => {
  const many = Array.from({ length: 40 }, (_, at) => put(at, `v${at}`, [0, 100]));
  const verdict = checkLinearizable(
    registerMapModel,
    [get(1, "a", [0, 1], "y"), ...many],
    { stepsMax: 5 },
  );
  assertEquals(verdict.type, "not-linearizable");
});

Deno.test("operations and limits that make no sense are refused", () => {
  const refused = (operation: Register, sentence: string): void => {
    assertThrows(() => check([put(1, "a", [0, 1]), operation]), RangeError, sentence);
  };
  refused(
    put(1, "a", [2, 1]),
    "operation 1: returnAt is 1; it must not be before callAt, which is 2",
  );
  refused(put(1, "a", [NaN, 1]), "operation 1: callAt is NaN");
  refused(put(1, "a", [0, NaN]), "operation 1: returnAt is NaN");
  refused(get(1, "a", [0, NEVER]), "operation 1: it never returned");
  assertThrows(
    () => checkLinearizable(registerMapModel, [], { stepsMax: 0 }),
    RangeError,
    "stepsMax is 0",
  );
  assertThrows(
    () => checkLinearizable(registerMapModel, [], { limitMs: 0 }),
    RangeError,
    "limitMs is 0",
  );
});

const SMALL: Omit<RunOptions, "seed"> = { operations: 7, clients: 4, unknownProbability: 0.2 };
const SEEDS = 400;

/** Each kind of service: runs are accepted, and what is changed in them is judged as the brute force judges it. */
function agrees<State, Input, Output>(
  name: string,
  model: Model<State, Input, Output>,
  service: () => Service<Input, Output>,
): void {
  Deno.test(`${name}: every interleaving of a sequential run is accepted`, () => {
    for (let seed = 0; seed < SEEDS; seed += 1) {
      for (const size of [SMALL, { operations: 60, clients: 6, unknownProbability: 0.1 }]) {
        const operations = sequentialRun(service(), { ...size, seed });
        const verdict = checkLinearizable(model, operations);
        assert(verdict.type === "linearizable", `seed ${seed}: ${JSON.stringify(verdict)}`);
        assertEquals(flawOf(model, operations, verdict.order), undefined, `seed ${seed}`);
      }
    }
  });

  Deno.test(`${name}: a changed history is rejected exactly when no permutation fits`, () => {
    let rejections = 0;
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const prng = new Prng(seed);
      const operations = sequentialRun(service(), { ...SMALL, seed });
      const [a, b] = [prng.int(0, SMALL.operations - 1), prng.int(0, SMALL.operations - 1)];
      const [one, other] = [operations[a]!, operations[b]!];
      // Either another answer, or another time.
      if (prng.chance(0.5) && one.returnAt < Infinity && other.returnAt < Infinity) {
        operations[a] = { ...one, output: other.output };
      } else {
        const { callAt, returnAt } = other;
        operations[a] = {
          ...one,
          callAt,
          returnAt: Math.max(callAt, Math.min(one.returnAt, returnAt)),
        };
      }
      const expected = isLinearizable(model, operations);
      const verdict = checkLinearizable(model, operations);
      assertEquals(verdict.type, expected ? "linearizable" : "not-linearizable", `seed ${seed}`);
      if (verdict.type === "linearizable") {
        assertEquals(flawOf(model, operations, verdict.order), undefined, `seed ${seed}`);
      } else if (verdict.type === "not-linearizable") {
        rejections += 1;
        assert(verdict.misfit.returnAt < Infinity && !verdict.longest.includes(verdict.misfit));
      }
      // The shortcuts for reads and for keys change no verdict.
      const { isRead: _, key: __, ...plain } = model;
      assertEquals(checkLinearizable(plain, operations).type, verdict.type, `seed ${seed}`);
    }
    assert(rejections > SEEDS / 20, `only ${rejections} of ${SEEDS} changes did harm`);
  });
}

agrees("registers", registerMapModel, () => registerService(2));
agrees("one register", registerMapModel, () => registerService(1));
agrees("counter", counterModel, counterService);
agrees("words", wordsModel, wordsService);

Deno.test("a model of one's own needs no more than init and step", () => {
  class Command {
    constructor(readonly element: string) {}
  }
  const model: Model<ReadonlySet<string>, Command, boolean> = {
    init: () => new Set(),
    step: (state, { element }, isNew) =>
      isNew === undefined || isNew === !state.has(element)
        ? { state: new Set([...state, element]) }
        : undefined,
  };
  const add = (element: string, output: boolean | undefined, [callAt, returnAt]: Span) => {
    return { client: 1, input: new Command(element), output, callAt, returnAt };
  };
  const unknown = [add("b", undefined, [0, NEVER]), add("b", undefined, [0, NEVER])];
  const good = [
    ...unknown,
    add("a", true, [1, 5]),
    add("a", false, [2, 3]),
    add("b", false, [6, 7]),
  ];
  assertEquals(checkLinearizable(model, good).type, "linearizable");
  const bad = checkLinearizable(model, [...good, add("b", true, [8, 9])]);
  assert(bad.type === "not-linearizable");
  assertStringIncludes(bad.text, 'the state is set{"a","b"}, and there is no place for');
  assertStringIncludes(bad.text, "client 1: [object Object] -> true  (from 8 to 9)");
});
