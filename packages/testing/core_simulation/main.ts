/**
 * Runs simulations: `deno task sim [--seeds=N] [--minutes=M] [--from=S] [--seed=S] [--plant=BUG] [--trace]`.
 *
 * - `--seeds=N`: the seeds from `--from` (1 by default) on; 1,000 by default.
 * - `--minutes=M`: seeds until so much time has passed, from a first one that the clock gives unless `--from` does.
 * - `--seed=S`: this one.
 * - `--plant=BUG`: with a known mistake in the consensus; a name that does not exist lists them.
 * - `--trace`: with `--seed`, everything that happens.
 *
 * Prints seeds, steps, virtual time and faults. A seed that fails is printed with the last lines of its trace and the
 * command that shows it again; then the exit code is 1.
 *
 * @module
 */
import { Flags } from "../flags.ts";
import { type FaultCounts, noFaults } from "./faults.ts";
import { PLANTED_BUGS, type PlantedBug } from "../planted_bugs/mod.ts";
import { runSeed, SimulationFailure } from "./runner.ts";
import { Simulation } from "./simulation.ts";

/** What the command line asks for. */
interface Request {
  /** The first seed. */
  readonly from: number;
  /** How many, at most. */
  readonly seeds: number;
  /** How long, at most. */
  readonly durationMs: number;
  /** With which mistake. */
  readonly bug: PlantedBug | undefined;
  /** Whether to print everything that happens. */
  readonly isTraced: boolean;
}

/** How often a long run says how far it is. */
const PROGRESS_INTERVAL_MS = 10_000;

/** Reads the arguments. Throws an `Error` that says what is wrong and what is allowed. */
export function readRequest(args: readonly string[]): Request {
  const given = new Flags(
    args,
    "--seeds=N --minutes=M --from=S --seed=S --plant=BUG --trace",
  );
  const plant = given.text("plant");
  const bug = PLANTED_BUGS.find(({ name }) => name === plant);
  if (plant !== undefined && bug === undefined) {
    const list = PLANTED_BUGS.map(({ name, description }) => `\n  ${name}: ${description}`);
    throw new Error(`--plant is "${plant}"; allowed is one of${list.join("")}`);
  }
  const seed = given.has("seed") ? given.number("seed", 0) : undefined;
  const isTimed = given.has("minutes");
  const isTraced = given.has("trace");
  if (isTraced && seed === undefined) throw new Error("--trace needs --seed=S");
  return {
    from: seed ?? given.number("from", isTimed ? Date.now() * 1000 : 1),
    seeds: seed !== undefined ? 1 : isTimed ? Infinity : given.number("seeds", 1000),
    durationMs: isTimed ? given.number("minutes", 0) * 60_000 : Infinity,
    bug,
    isTraced,
  };
}

/** Runs what `args` ask for; returns the exit code. */
export function main(args: readonly string[]): number {
  let request: Request;
  try {
    request = readRequest(args);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  const { from, seeds, bug } = request;
  if (request.isTraced) printTrace(from, bug);
  const totals = new Totals();
  try {
    const startMs = performance.now();
    let saidMs = startMs;
    for (let count = 0; count < seeds; count += 1) {
      const nowMs = performance.now();
      if (nowMs - startMs >= request.durationMs) break;
      if (nowMs - saidMs >= PROGRESS_INTERVAL_MS) {
        saidMs = nowMs;
        console.log(`${totals.seeds} seeds, ${totals.steps} steps, next is seed ${from + count}`);
      }
      totals.add(runSeed(from + count, bug));
    }
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    totals.print();
    console.error(error.message);
    return 1;
  }
  totals.print();
  return 0;
}

function printTrace(seed: number, bug: PlantedBug | undefined): void {
  const trace = (line: string): void => console.log(line);
  const simulation = new Simulation(bug ? { seed, trace, step: bug.step } : { seed, trace });
  console.log(JSON.stringify(simulation.scenario, undefined, 2));
  try {
    simulation.run();
  } catch (error) {
    console.log(`${error}`);
  }
}

/** What all seeds together were. */
class Totals {
  seeds = 0;
  steps = 0;
  readonly #startMs = performance.now();
  #virtualMs = 0;
  #committed = 0;
  #terms = 0;
  #recovery = 0;
  readonly #faults: FaultCounts = noFaults();

  add(result: ReturnType<typeof runSeed>): void {
    this.seeds += 1;
    this.steps += result.steps;
    this.#virtualMs += result.virtualMs;
    this.#committed += result.committed;
    this.#terms += result.terms;
    this.#recovery = Math.max(this.#recovery, result.recoveryElectionTimeouts);
    for (const kind of Object.keys(this.#faults) as (keyof FaultCounts)[]) {
      this.#faults[kind] += result.faults[kind];
    }
  }

  print(): void {
    const seconds = (performance.now() - this.#startMs) / 1000;
    const perSecond = Math.round(this.steps / Math.max(seconds, 0.001));
    const faults = Object.entries(this.#faults).map(([kind, count]) => `${kind} ${count}`);
    console.log(
      `${this.seeds} seeds, ${this.steps} steps in ${
        seconds.toFixed(1)
      } s (${perSecond} a second), ` +
        `${(this.#virtualMs / 3_600_000).toFixed(2)} virtual hours`,
    );
    console.log(`${this.#terms} terms, ${this.#committed} entries committed`);
    console.log(`faults: ${faults.join(", ")}`);
    console.log(`longest recovery: ${this.#recovery.toFixed(2)} election timeouts`);
  }
}

if (import.meta.main) Deno.exit(main(Deno.args));
