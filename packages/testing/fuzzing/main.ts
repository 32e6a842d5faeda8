/**
 * Fuzzes every decoder of the repository for a while: `deno task fuzz [--minutes=M] [--target=WORDS] [--seed=S]`.
 *
 * Targets are what `_testing/fuzz_targets.ts` of the packages exports. Each runs in a process of its own that can be ended:
 * an input that does not come back is shown, too. Prints how many inputs each has had; exits with 1 if one failed.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { corpusLine } from "./corpus.ts";
import type { FuzzTarget } from "./target.ts";
import type { WorkerOrder, WorkerReport } from "./worker.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const TARGETS_FILE = join("_testing", "fuzz_targets.ts");

/** An input that takes so long does not come back. */
const HANG_MS = 20_000;

/** The largest input that can be shown. */
const INPUT_MAX_BYTES = 64 * 1024;

/** A target, and the file that exports it. */
interface Found {
  readonly file: string;
  readonly at: number;
  readonly name: string;
}

/** The targets whose name, or whose file, contains `words`. */
async function findTargets(words: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const file of filesBelow(ROOT).filter((path) => path.endsWith(TARGETS_FILE)).sort()) {
    const { FUZZ_TARGETS } = await import(pathToFileURL(file).href) as {
      FUZZ_TARGETS: readonly FuzzTarget[];
    };
    for (const [at, { name }] of FUZZ_TARGETS.entries()) found.push({ file, at, name });
  }
  return found.filter(({ file, name }) => `${relative(ROOT, file)} ${name}`.includes(words));
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (!isDirectory) return [path];
    return name.startsWith(".") || name === "node_modules" ? [] : filesBelow(path);
  });
}

/** Runs one target for `timeMs`. Resolves to what became of it. */
function run({ file, at }: Found, timeMs: number, seed: number | undefined): Promise<WorkerReport> {
  const input = new SharedArrayBuffer(8 + INPUT_MAX_BYTES);
  const order: WorkerOrder = {
    file: pathToFileURL(file).href,
    at,
    timeMs,
    input,
    ...seed !== undefined && { seed },
  };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve } = Promise.withResolvers<WorkerReport>();
  const [progress, size] = [new Int32Array(input, 0, 1), new Int32Array(input, 4, 1)];
  let last = -1;
  let sinceMs = performance.now();
  const watch = setInterval(() => {
    if (progress[0] !== last) sinceMs = performance.now();
    last = progress[0]!;
    if (performance.now() - sinceMs < HANG_MS) return;
    const bytes = new Uint8Array(input, 8, Math.min(size[0]!, INPUT_MAX_BYTES)).slice();
    const line = corpusLine(bytes, "does not come back");
    resolve({ count: last, failure: `an input takes more than ${HANG_MS} ms\n${line}` });
  }, 500);
  worker.onmessage = ({ data }) => resolve(data as WorkerReport);
  worker.onerror = (event) => {
    event.preventDefault();
    resolve({ count: last, failure: event.message });
  };
  worker.postMessage(order);
  return promise.finally(() => {
    clearInterval(watch);
    worker.terminate();
  });
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: "1" },
      target: { type: "string", default: "" },
      seed: { type: "string" },
    },
  });
  const minutes = Number(values.minutes);
  const targets = minutes > 0 ? await findTargets(values.target) : [];
  if (targets.length === 0) {
    console.error(
      `--minutes=${values.minutes} --target=${values.target}: allowed are minutes above 0, and ` +
        `words in the name of a target`,
    );
    return 2;
  }
  const timeMs = 60_000 * minutes / targets.length;
  const seed = values.seed === undefined ? undefined : Number(values.seed);
  let failures = 0;
  let total = 0;
  for (const target of targets) {
    const name = `${relative(ROOT, target.file).replace(`/${TARGETS_FILE}`, "")}: ${target.name}`;
    const { count, failure } = await run(target, timeMs, seed);
    total += count;
    console.log(`${failure === undefined ? "ok    " : "FAILED"} ${name}, ${count} inputs`);
    if (failure === undefined) continue;
    failures += 1;
    console.log(failure);
  }
  console.log(`${targets.length} targets, ${total} inputs, ${failures} failed`);
  return failures === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
