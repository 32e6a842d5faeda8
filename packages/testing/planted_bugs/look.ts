/**
 * Looks for one known mistake in every way there is: the golden script that is meant for it, pure cores, whole nodes.
 *
 * @module
 */
import {
  runSeed as runCoreSeed,
  SimulationFailure as CoreFailure,
} from "../core_simulation/runner.ts";
import { recordedScripts } from "../golden/recorded.ts";
import { runScript } from "../golden/script.ts";
import { Prng } from "../prng.ts";
import type { PlantedMistake } from "../simulation/plant.ts";
import { runSeed, SimulationFailure } from "../simulation/runner.ts";
import { drawScenario } from "../simulation/scenario.ts";
import { PLANTED_BUGS } from "./mod.ts";

/** How many seeds are tried at most. */
export interface Limits {
  /** Of pure cores. */
  readonly coreSeeds: number;
  /** Of whole nodes. */
  readonly nodeSeeds: number;
}

/** How one mistake was found; `undefined` where it was not. */
export interface Finding {
  /** The script that shows it. */
  readonly script: string | undefined;
  /** How many seeds of pure cores it took. */
  readonly coreSeeds: number | undefined;
  /** How many seeds of whole nodes it took, of those whose world is of the mistake's kind. */
  readonly nodeSeeds: number | undefined;
  /** The last of them. */
  readonly nodeSeed: number | undefined;
}

/** Looks for one mistake in every way. */
export async function look(mistake: PlantedMistake, limits: Limits): Promise<Finding> {
  const bug = PLANTED_BUGS.find(({ name }) => name === mistake.name);
  const script = bug?.script !== undefined && isShownBy(bug.script, bug.step)
    ? bug.script
    : undefined;
  let inCores: number | undefined;
  // What a script is meant for does not occur among pure cores, or hardly ever.
  if (bug !== undefined && bug.script === undefined) {
    for (let seed = 1; seed <= limits.coreSeeds && inCores === undefined; seed += 1) {
      try {
        runCoreSeed(seed, bug);
      } catch (error) {
        if (!(error instanceof CoreFailure)) throw error;
        inCores = seed;
      }
    }
  }
  return { script, coreSeeds: inCores, ...await lookInNodes(mistake, limits.nodeSeeds) };
}

async function lookInNodes(
  mistake: PlantedMistake,
  seedsMax: number,
): Promise<Pick<Finding, "nodeSeeds" | "nodeSeed">> {
  const { world = "any" } = mistake;
  let seeds = 0;
  for (let seed = 1; seeds < seedsMax; seed += 1) {
    if (world !== "any" && drawScenario(new Prng(seed)).kind !== world) continue;
    seeds += 1;
    try {
      await runSeed(seed, { plant: mistake });
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      return { nodeSeeds: seeds, nodeSeed: seed };
    }
  }
  return { nodeSeeds: undefined, nodeSeed: undefined };
}

function isShownBy(name: string, step: Parameters<typeof runScript>[2]): boolean {
  const { text } = recordedScripts().find((one) => one.name === name)!;
  try {
    return runScript(name, text, step) !== text;
  } catch {
    return true;
  }
}
