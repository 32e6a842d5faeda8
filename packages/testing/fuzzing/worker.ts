/**
 * Fuzzes one target, in a thread that can be ended from outside.
 *
 * @module
 */
import { fuzz, tryKept } from "./fuzz.ts";
import type { FuzzTarget } from "./target.ts";

/** What a worker is to do. */
export interface WorkerOrder {
  /** The address of the module that exports the targets. */
  readonly file: string;
  /** Which of them. */
  readonly at: number;
  /** For how long, in milliseconds. */
  readonly timeMs: number;
  /** See {@linkcode FuzzOptions.seed}. */
  readonly seed?: number;
  /** Where the worker says what it does: how many inputs it has had, the size of the present one, and its bytes. */
  readonly input: SharedArrayBuffer;
}

/** What became of it. */
export interface WorkerReport {
  /** How many inputs were tried. */
  readonly count: number;
  /** What failed, in words; `undefined` if nothing did. */
  readonly failure: string | undefined;
}

async function work({ file, at, timeMs, seed, input }: WorkerOrder): Promise<WorkerReport> {
  const { FUZZ_TARGETS } = await import(file) as { FUZZ_TARGETS: readonly FuzzTarget[] };
  const target = FUZZ_TARGETS[at]!;
  const [progress, size] = [new Int32Array(input, 0, 1), new Int32Array(input, 4, 1)];
  const place = new Uint8Array(input, 8);
  const before = (bytes: Uint8Array) => {
    place.set(bytes.subarray(0, place.length));
    size[0] = bytes.length;
    progress[0]! += 1;
  };
  try {
    await tryKept(target, before);
    const runs = Number.MAX_SAFE_INTEGER;
    const count = await fuzz(target, { runs, timeMs, before, ...seed !== undefined && { seed } });
    return { count, failure: undefined };
  } catch (error) {
    const { message, cause } = error as Error;
    return { count: progress[0]!, failure: `${message}\n${(cause as Error | undefined)?.stack}` };
  }
}

/** The global scope of a worker, of which the compiler's settings do not know. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<WorkerOrder>) => void;
  postMessage(report: WorkerReport): void;
};

scope.onmessage = ({ data }) => void work(data).then((report) => scope.postMessage(report));
