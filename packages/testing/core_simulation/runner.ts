/**
 * Runs seeds, and turns what goes wrong into one message with which it can be seen again.
 *
 * @module
 */
import type { StepFunction } from "@coracle/core/consensus";
import type { PlantedBug } from "../planted_bugs/mod.ts";
import { scenarioText } from "./scenario.ts";
import { Simulation, type SimulationResult } from "./simulation.ts";

/** How many lines of the trace a failure shows. */
const TRACE_LINES = 60;

/** Thrown when a seed breaks an invariant or does not recover. Its message holds the last lines of the trace and the command that shows it again. */
export class SimulationFailure extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "SimulationFailure";

  /** `reason`: what does not hold, in words. */
  constructor(
    /** The seed that shows it. */
    readonly seed: number,
    /** In what kind of world, in words. */
    readonly world: string,
    /** How many steps were taken. */
    readonly steps: number,
    /** What does not hold, in words. */
    readonly reason: string,
    /** What happened last, a line each. */
    readonly trace: readonly string[],
    /** The command that shows it again. */
    readonly command: string,
    cause: unknown,
  ) {
    super(
      `seed ${seed}, step ${steps}: ${reason}\n${world}\n\n${
        trace.join("\n")
      }\n\nreplay: ${command}`,
      { cause },
    );
  }
}

/** Runs one seed, with a bug in it if one is given. Throws {@linkcode SimulationFailure}. */
export function runSeed(seed: number, bug?: PlantedBug): SimulationResult {
  const step = bug?.step;
  const simulation = new Simulation(stepOption(seed, step));
  try {
    return simulation.run();
  } catch (error) {
    const command = `deno task sim --seed=${seed}` + (bug ? ` --plant=${bug.name}` : "");
    const reason = error instanceof Error ? error.message : String(error);
    const trace = traceOf(seed, step);
    const world = scenarioText(simulation.scenario);
    throw new SimulationFailure(seed, world, simulation.steps, reason, trace, command, error);
  }
}

/** Runs a seed that fails once more, now with a trace, and returns the last lines. */
function traceOf(seed: number, step: StepFunction | undefined): string[] {
  const lines: string[] = [];
  const trace = (line: string): void => {
    lines.push(line);
    if (lines.length >= 2 * TRACE_LINES) lines.splice(0, TRACE_LINES);
  };
  try {
    new Simulation({ ...stepOption(seed, step), trace }).run();
  } catch {
    // It fails as before: that is what the trace is for.
  }
  return lines.slice(-TRACE_LINES);
}

function stepOption(seed: number, step: StepFunction | undefined) {
  return step === undefined ? { seed } : { seed, step };
}
