/**
 * Gives a decoder bytes that are right, damaged, or nothing in particular, and holds it to what it promises.
 *
 * @module
 */
import fc from "fast-check";
import type { ConformanceCheck } from "../conformance/check.ts";
import { corpusLine, parseCorpus } from "./corpus.ts";
import { MemoryMeter } from "./memory.ts";
import { damaged } from "./mutation.ts";
import type { FuzzTarget } from "./target.ts";

/** How long, and how. */
export interface FuzzOptions {
  /** How many inputs are tried at most. Default 500. */
  readonly runs?: number;
  /** When no further input is tried, in milliseconds from now. Default: never. */
  readonly timeMs?: number;
  /** Makes the inputs those of an earlier run. */
  readonly seed?: number;
  /** Told each input before it is tried, so that it is known which one does not come back. */
  readonly before?: (bytes: Uint8Array) => void;
}

/** An input, and whether it must be decoded. */
interface Input {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isValid: boolean;
}

const MEMORY_FACTOR = 64;
const MEMORY_LEAST_BYTES = 64 * 1024;
const TIME_MAX_MS = 2000;

/**
 * The checks of `target`, for any test runner: the kept inputs, and some new ones.
 *
 * ```ts
 * import { fuzzChecks } from "@coracle/testing/fuzzing";
 * import fc from "fast-check";
 *
 * const checks = fuzzChecks({
 *   name: "JSON",
 *   valid: fc.json().map((text) => new TextEncoder().encode(text)),
 *   decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
 *   errors: [SyntaxError],
 *   corpus: "7b22  an object that ends in the middle",
 * });
 * // In a test file: for (const { name, run } of checks) Deno.test(name, run);
 * for (const { run } of checks) await run();
 * ```
 */
export function fuzzChecks(target: FuzzTarget, options: FuzzOptions = {}): ConformanceCheck[] {
  return [
    { name: `${target.name}: kept inputs`, run: () => tryKept(target, options.before) },
    {
      name: `${target.name}: right, damaged and arbitrary bytes`,
      run: async () => void await fuzz(target, options),
    },
  ];
}

/** Tries the inputs of the target's corpus. Rejects with what is wrong with the first one that fails. */
export async function tryKept(
  target: FuzzTarget,
  before: (bytes: Uint8Array) => void = () => {},
): Promise<void> {
  for (const { bytes, what } of parseCorpus(target.corpus)) {
    before(bytes);
    const problem = await problemOf(target, { bytes, isValid: false });
    if (problem !== undefined) throw new Error(`${what}: ${problem.message}`, { cause: problem });
  }
}

/**
 * Tries new inputs, and returns how many. Rejects with what is wrong with the smallest one that was found to fail, and the line
 * with which it can be kept in a corpus.
 */
export async function fuzz(target: FuzzTarget, options: FuzzOptions = {}): Promise<number> {
  const { runs = 500, timeMs, seed, before = () => {} } = options;
  let count = 0;
  const property = fc.asyncProperty(inputOf(target), async (input) => {
    count += 1;
    before(input.bytes);
    const problem = await problemOf(target, input);
    if (problem !== undefined) throw problem;
  });
  const details = await fc.check(property, {
    numRuns: runs,
    ...seed !== undefined && { seed },
    ...timeMs !== undefined && { interruptAfterTimeLimit: timeMs },
  });
  if (!details.failed || details.counterexample === null) return count;
  const [{ bytes }] = details.counterexample;
  const problem = details.errorInstance as Error;
  const line = corpusLine(bytes, problem.message.split("\n")[0]!.slice(0, 120));
  throw new Error(
    `${target.name}: ${problem.message}\nto keep it in the corpus:\n${line}\nseed: ${details.seed}`,
    { cause: problem },
  );
}

function inputOf(target: FuzzTarget): fc.Arbitrary<Input> {
  const { mend } = target;
  const valid = target.valid as fc.Arbitrary<Uint8Array<ArrayBuffer>>;
  const any = fc.uint8Array({ maxLength: 300, size: "max" }) as fc.Arbitrary<
    Uint8Array<ArrayBuffer>
  >;
  const wrong = (arbitrary: fc.Arbitrary<Uint8Array<ArrayBuffer>>) =>
    arbitrary.map((bytes) => ({ bytes, isValid: false }));
  return fc.oneof(
    { weight: 2, arbitrary: valid.map((bytes) => ({ bytes, isValid: true })) },
    { weight: 2, arbitrary: wrong(any) },
    { weight: mend === undefined ? 8 : 3, arbitrary: wrong(damaged(valid)) },
    ...mend === undefined
      ? []
      : [{ weight: 6, arbitrary: wrong(fc.oneof(damaged(valid), any).map(mend)) }],
  );
}

/** What is wrong with what `target` does with an input. */
async function problemOf(target: FuzzTarget, input: Input): Promise<Error | undefined> {
  const { decode, errors, timeMaxMs = TIME_MAX_MS } = target;
  // A decoder may keep views of its input: each gets bytes of its own.
  const bytes = input.bytes.slice();
  const meter = new MemoryMeter();
  const startMs = performance.now();
  let problem: Error | undefined;
  try {
    await meter.watch(() => decode(bytes));
  } catch (error) {
    const isDocumented = errors.some((Class) => error instanceof Class);
    if (!isDocumented || input.isValid) {
      const kind = isDocumented ? "refuses what is right" : "throws what it does not document";
      problem = new Error(`it ${kind}: ${describe(error)}`, { cause: error });
    }
  }
  const { memoryMaxBytes = (size) => MEMORY_LEAST_BYTES + MEMORY_FACTOR * size } = target;
  const tookMs = performance.now() - startMs;
  const allowedBytes = memoryMaxBytes(bytes.length);
  if (meter.askedBytes > allowedBytes) {
    problem ??= new Error(
      `it asks for ${meter.askedBytes} bytes of memory for an input of ${bytes.length}; ` +
        `${allowedBytes} are allowed`,
    );
  }
  if (tookMs > timeMaxMs) {
    problem ??= new Error(`it takes ${Math.round(tookMs)} ms; ${timeMaxMs} are allowed`);
  }
  return problem;
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
