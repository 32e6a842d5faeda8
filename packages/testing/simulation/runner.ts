/**
 * Runs seeds of Coracle's own workload, and turns what goes wrong into one message: what does not hold, in what world, the
 * shortest script that still shows it, and the commands with which it can be seen again.
 *
 * @module
 */
import type { Fsm } from "@coracle/core";
import { CALM_PARTS, type CalmPart } from "./calm.ts";
import type { PlantedMistake } from "./plant.ts";
import { RegisterWorkload } from "./registers/register_workload.ts";
import { scenarioText } from "./scenario.ts";
import { eventText, type ScriptEvent } from "./script.ts";
import { shrink } from "./shrink.ts";
import { Simulation, type SimulationResult } from "./simulation.ts";
import type { Workload } from "./workload.ts";

/** How many lines of the trace a failure shows. */
const TRACE_LINES = 40;

/** How a seed is run. */
export interface RunOptions {
  /** The events that happen, by their place in the seed's script; all by default. */
  readonly events?: readonly number[] | undefined;
  /** What is harmless in this world; nothing by default. */
  readonly calm?: readonly CalmPart[] | undefined;
  /** A mistake, and its name for the command line. */
  readonly plant?: PlantedMistake | undefined;
  /** Is told everything that happens, a line at a time. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** Thrown when a seed shows that something is wrong. */
export class SimulationFailure extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "SimulationFailure";

  /** `reason`: what does not hold, in words. */
  constructor(
    /** The seed that shows it. */
    readonly seed: number,
    /** How it was run. */
    readonly options: RunOptions,
    /** What does not hold, in words. */
    readonly reason: string,
    cause: unknown,
  ) {
    super(`seed ${seed}: ${reason}\nreplay: ${commandText(seed, options)}`, { cause });
  }
}

/** The simulation of a seed. */
export function simulationOf(seed: number, options: RunOptions = {}): Simulation {
  const { events, calm, plant, trace } = options;
  return new Simulation({
    seed,
    workload: new RegisterWorkload(seed) as unknown as Workload<Fsm, unknown>,
    events,
    calm,
    plant,
    trace,
  });
}

/** Runs a seed. Rejects with a {@linkcode SimulationFailure}. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<SimulationResult> {
  try {
    return await simulationOf(seed, options).run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SimulationFailure(seed, options, reason, error);
  }
}

/** Makes a failure as short as it can within `limitMs`, and describes it. */
export async function explain(failure: SimulationFailure, limitMs: number): Promise<string> {
  const { seed, options, reason } = failure;
  const deadlineMs = performance.now() + limitMs;
  const isOver = (): boolean => performance.now() > deadlineMs;
  const fails = async (changes: Partial<RunOptions>): Promise<boolean> => {
    const other = await failureOf(seed, { ...options, ...changes, trace: undefined });
    return other !== undefined && kindOf(other.reason) === kindOf(reason);
  };
  const all = options.events ?? simulationOf(seed, options).script.map((_, at) => at);
  const events = await shrink(all, (fewer) => fails({ events: fewer }), isOver);
  // What is left may not need a bad network, bad disks or bad clocks.
  const bad = await shrink(
    CALM_PARTS,
    (parts) => fails({ events, calm: CALM_PARTS.filter((part) => !parts.includes(part)) }),
    isOver,
  );
  const shorter: RunOptions = {
    ...options,
    events,
    calm: CALM_PARTS.filter((part) => !bad.includes(part)),
  };
  const lines: string[] = [];
  const trace = (line: string): void => {
    lines.push(line);
    if (lines.length >= 2 * TRACE_LINES) lines.splice(0, TRACE_LINES);
  };
  const last = await failureOf(seed, { ...shorter, trace }) ?? failure;
  const { scenario, script } = simulationOf(seed, shorter);
  return [
    failure.message,
    "",
    `shorter: ${last.reason}`,
    `replay: ${commandText(seed, shorter)} --trace`,
    "",
    scenarioText(scenario),
    ...(script as ScriptEvent[]).map((event) => `  ${eventText(event)}`),
    "",
    ...lines.slice(-TRACE_LINES),
  ].join("\n");
}

/** The command that runs a seed in this way. */
export function commandText(seed: number, { events, calm = [], plant }: RunOptions): string {
  return [
    `deno task sim --seed=${seed}`,
    ...events === undefined ? [] : [`--events=${rangesText(events)}`],
    ...calm.length === 0 ? [] : [`--calm=${calm.join(",")}`],
    ...plant === undefined ? [] : [`--plant=${plant.name}`],
  ].join(" ");
}

/** Numbers in order, with ranges: `1,4-6`. */
export function rangesText(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(
    ",",
  );
}

/** The inverse of {@linkcode rangesText}; `undefined` for a text that is no such list. */
export function parseRanges(text: string): number[] | undefined {
  const numbers: number[] = [];
  for (const part of text === "" ? [] : text.split(",")) {
    const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (first === undefined || Number(last) - Number(first) > 1e6) return undefined;
    for (let number = Number(first); number <= Number(last); number += 1) numbers.push(number);
  }
  return numbers;
}

async function failureOf(
  seed: number,
  options: RunOptions,
): Promise<SimulationFailure | undefined> {
  try {
    await runSeed(seed, options);
    return undefined;
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
}

/** Which sentence does not hold, of whatever node: what is before the first colon, or the first words. */
function kindOf(reason: string): string {
  const sentence = reason.replace(/^n\d+(@\d+)?:? /, "");
  const colon = sentence.indexOf(":");
  return sentence.slice(0, colon > 0 && colon < 40 ? colon : 25);
}
