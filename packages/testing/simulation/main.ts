/**
 * Runs simulations: `deno task sim [--seeds=N] [--minutes=M] [--seed=S] [--jobs=J] [--plant=BUG] [--trace] [--core]`.
 *
 * - `--seed=S`: this one; with `--seeds` or `--minutes`, the first one.
 * - `--seeds=N`: so many seeds; 1,000 by default.
 * - `--minutes=M`: seeds until so much time has passed, from a first one that the clock gives unless `--seed` does.
 * - `--jobs=J`: so many at once; by default as many as this machine has cores.
 * - `--plant=BUG`: with a known mistake; a name that does not exist lists them.
 * - `--trace`: with one seed, everything that happens.
 * - `--events=LIST`, `--calm=PARTS`: with one seed, only these events of its script, and without a bad network, bad disks or
 *   bad clocks; what a failure prints when it has been made short.
 * - `--core`: pure cores without driver and store, which is faster and has options of its own.
 *
 * Prints seeds, steps, virtual time, faults by kind, and calls by kind and outcome. A seed that fails is made short and
 * printed with its script, the last lines of its trace and the command that shows it again; then the exit code is 1.
 *
 * @module
 */
import { main as coreMain } from "../core_simulation/main.ts";
import { Flags } from "../flags.ts";
import { CALM_PARTS, type CalmPart } from "./calm.ts";
import { explain, parseRanges, runSeed, SimulationFailure, simulationOf } from "./runner.ts";
import type { PlantedMistake } from "./plant.ts";
import { ALL_MISTAKES } from "./planted_mistakes.ts";
import { scenarioText } from "./scenario.ts";
import { Totals } from "./totals.ts";
import type { SeedAnswer, SeedRequest } from "./worker.ts";

/** What the command line asks for. */
export interface Request {
  /** The first seed. */
  readonly first: number;
  /** How many, at most. */
  readonly seeds: number;
  /** How long, at most. */
  readonly durationMs: number;
  /** How many at once. */
  readonly jobs: number;
  /** With which mistake. */
  readonly plant: PlantedMistake | undefined;
  /** Whether to print everything that happens. */
  readonly isTraced: boolean;
  /** Which events happen. */
  readonly events: readonly number[] | undefined;
  /** What is harmless. */
  readonly calm: readonly CalmPart[];
}

/** How often a long run says how far it is. */
const PROGRESS_INTERVAL_MS = 10_000;

/** How long a failure is made shorter. */
const SHRINK_LIMIT_MS = 60_000;

const ALLOWED =
  "--seed=S --seeds=N --minutes=M --jobs=J --plant=BUG --trace --events=LIST --calm=PARTS --core";

/** Reads the arguments. Throws an `Error` that says what is wrong and what is allowed. */
export function readRequest(args: readonly string[]): Request {
  const given = new Flags(args, ALLOWED);
  const isTimed = given.has("minutes");
  const isOne = given.has("seed") && !given.has("seeds") && !isTimed;
  for (const name of ["trace", "events", "calm"]) {
    if (given.has(name) && !isOne) throw new Error(`--${name} needs --seed=S, and no other seeds`);
  }
  const seeds = isOne ? 1 : given.number("seeds", isTimed ? Infinity : 1000, 1);
  return {
    first: given.number("seed", isTimed ? Date.now() * 1000 : 1),
    seeds,
    durationMs: isTimed ? given.number("minutes", 0) * 60_000 : Infinity,
    jobs: Math.min(seeds, given.number("jobs", navigator.hardwareConcurrency, 1)),
    plant: readPlant(given.text("plant")),
    isTraced: given.has("trace"),
    events: readEvents(given.text("events")),
    calm: readCalm(given.text("calm")),
  };
}

/** Runs what `args` ask for; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--core")) return coreMain(args.filter((arg) => arg !== "--core"));
  let request: Request;
  try {
    request = readRequest(args);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  const { first: seed, events, calm, plant } = request;
  if (request.isTraced) {
    const trace = (line: string): void => console.log(line);
    const simulation = simulationOf(seed, { events, calm, plant, trace });
    console.log(scenarioText(simulation.scenario));
    console.log(JSON.stringify(simulation.scenario, undefined, 2));
    await simulation.run().catch((error) => console.log(`${error}`));
  }
  const totals = new Totals();
  const startMs = performance.now();
  try {
    if (request.seeds === 1) totals.add(await runSeed(seed, { events, calm, plant }));
    else await runAll(request, totals, startMs);
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    for (const line of totals.lines((performance.now() - startMs) / 1000)) console.log(line);
    console.error(error.message);
    console.error("\nNow it is made shorter, which takes up to a minute.");
    console.error(`\n${await explain(error, SHRINK_LIMIT_MS)}`);
    return 1;
  }
  for (const line of totals.lines((performance.now() - startMs) / 1000)) console.log(line);
  return 0;
}

/** Runs all seeds, several at once. Rejects with the first failure. */
async function runAll(request: Request, totals: Totals, startMs: number): Promise<void> {
  const { first, seeds, plant } = request;
  let next = first;
  let saidMs = startMs;
  const take = (): number | undefined => {
    const nowMs = performance.now();
    if (next - first >= seeds || nowMs - startMs >= request.durationMs) return undefined;
    if (nowMs - saidMs >= PROGRESS_INTERVAL_MS) {
      saidMs = nowMs;
      console.log(`${totals.seeds} seeds, ${totals.steps} steps, next is seed ${next}`);
    }
    return next++;
  };
  const workers = Array.from(
    { length: request.jobs },
    () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }),
  );
  try {
    await Promise.all(workers.map((worker) => runWorker(worker, take, plant, totals)));
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

/** Has one worker run seeds until there are no more. */
function runWorker(
  worker: Worker,
  take: () => number | undefined,
  plant: PlantedMistake | undefined,
  totals: Totals,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const ask = (): void => {
      const seed = take();
      if (seed === undefined) return resolve();
      worker.postMessage({ seed, plant: plant?.name } satisfies SeedRequest);
    };
    worker.onmessage = ({ data }: MessageEvent<SeedAnswer>) => {
      if ("reason" in data) {
        return reject(new SimulationFailure(data.seed, { plant }, data.reason, undefined));
      }
      totals.add(data.result);
      ask();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`a worker has stopped: ${event.message}`));
    };
    ask();
  });
}

function readPlant(name: string | undefined): PlantedMistake | undefined {
  if (name === undefined) return undefined;
  const plant = ALL_MISTAKES.find((one) => one.name === name);
  if (plant !== undefined) return plant;
  const list = ALL_MISTAKES.map(({ name, description }) => `\n  ${name}: ${description}`);
  throw new Error(`--plant is "${name}"; allowed is one of${list.join("")}`);
}

function readEvents(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  const events = parseRanges(text);
  if (events !== undefined) return events;
  throw new Error(`--events is "${text}"; a list of numbers and ranges such as 1,4-6 is allowed`);
}

function readCalm(text: string | undefined): CalmPart[] {
  const parts = text === undefined ? [] : text.split(",");
  const unknown = parts.find((part) => !(CALM_PARTS as readonly string[]).includes(part));
  if (unknown === undefined) return parts as CalmPart[];
  throw new Error(`--calm has "${unknown}"; allowed are ${CALM_PARTS.join(", ")}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
