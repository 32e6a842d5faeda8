/**
 * Shows that what looks for mistakes finds them: `deno task planted [--core=N] [--nodes=N] [--only=NAME,…]`.
 *
 * Each known mistake is made, one at a time, and looked for in three ways: by the golden script that is meant for it, by the
 * simulation of pure cores (`--core` seeds at most, 2,000 by default) and by the simulation of whole nodes (`--nodes` seeds at
 * most, 60 by default). The table says which script, and after how many seeds. One that nothing finds makes the exit code 1: it
 * is a hole in the proof.
 *
 * @module
 */
import {
  runSeed as runCoreSeed,
  SimulationFailure as CoreFailure,
} from "../core_simulation/runner.ts";
import { recordedScripts } from "../golden/recorded.ts";
import { runScript } from "../golden/script.ts";
import type { PlantedMistake } from "../simulation/plant.ts";
import { ALL_MISTAKES } from "../simulation/planted_mistakes.ts";
import { runSeed, SimulationFailure } from "../simulation/runner.ts";
import { PLANTED_BUGS } from "./mod.ts";

/** What the command line asks for. */
interface Request {
  readonly coreSeeds: number;
  readonly nodeSeeds: number;
  readonly mistakes: readonly PlantedMistake[];
}

/** Reads the arguments. Throws an `Error` that says what is wrong and what is allowed. */
export function readRequest(args: readonly string[]): Request {
  const given = new Map<string, string>();
  for (const arg of args) {
    const [, name, value] = /^--(core|nodes|only)=(.+)$/.exec(arg) ?? [];
    if (name === undefined) {
      throw new Error(`${arg} is not known; allowed are --core=N --nodes=N --only=NAME,NAME`);
    }
    given.set(name, value!);
  }
  const number = (name: string, otherwise: number): number => {
    const text = given.get(name) ?? `${otherwise}`;
    if (/^\d{1,7}$/.test(text)) return Number(text);
    throw new Error(`--${name} is "${text}"; a whole number below 10,000,000 is allowed`);
  };
  const names = given.get("only")?.split(",") ?? ALL_MISTAKES.map(({ name }) => name);
  const mistakes = names.map((name) => {
    const mistake = ALL_MISTAKES.find((one) => one.name === name);
    if (mistake !== undefined) return mistake;
    const allowed = ALL_MISTAKES.map((one) => one.name).join(", ");
    throw new Error(`--only names "${name}"; allowed are ${allowed}`);
  });
  return { coreSeeds: number("core", 2000), nodeSeeds: number("nodes", 60), mistakes };
}

/** How one mistake was found. */
interface Finding {
  readonly script: string | undefined;
  readonly coreSeeds: number | undefined;
  readonly nodeSeeds: number | undefined;
}

/** Looks for one mistake in every way. */
export async function look(
  mistake: PlantedMistake,
  { coreSeeds, nodeSeeds }: Pick<Request, "coreSeeds" | "nodeSeeds">,
): Promise<Finding> {
  const bug = PLANTED_BUGS.find(({ name }) => name === mistake.name);
  const script = bug?.script !== undefined && isShownBy(bug.script, bug.step)
    ? bug.script
    : undefined;
  let inCores: number | undefined;
  // What a script is meant for does not occur among pure cores, or hardly ever.
  if (bug !== undefined && bug.script === undefined) {
    for (let seed = 1; seed <= coreSeeds && inCores === undefined; seed += 1) {
      try {
        runCoreSeed(seed, bug);
      } catch (error) {
        if (!(error instanceof CoreFailure)) throw error;
        inCores = seed;
      }
    }
  }
  let inNodes: number | undefined;
  for (let seed = 1; seed <= nodeSeeds && inNodes === undefined; seed += 1) {
    try {
      await runSeed(seed, { plant: mistake });
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      inNodes = seed;
    }
  }
  return { script, coreSeeds: inCores, nodeSeeds: inNodes };
}

function isShownBy(name: string, step: Parameters<typeof runScript>[2]): boolean {
  const { text } = recordedScripts().find((one) => one.name === name)!;
  try {
    return runScript(name, text, step) !== text;
  } catch {
    return true;
  }
}

/** Looks for what `args` ask for and prints the table; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let request: Request;
  try {
    request = readRequest(args);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  const widest = Math.max(...request.mistakes.map(({ name }) => name.length));
  const missed: string[] = [];
  const counts = { script: 0, coreSeeds: 0, nodeSeeds: 0 };
  console.log(`${"mistake".padEnd(widest)}  cores  nodes  script`);
  for (const mistake of request.mistakes) {
    const finding = await look(mistake, request);
    const { script, coreSeeds, nodeSeeds } = finding;
    const seeds = (count: number | undefined) => `${count ?? "-"}`.padStart(5);
    console.log(
      `${mistake.name.padEnd(widest)}  ${seeds(coreSeeds)}  ${seeds(nodeSeeds)}  ${script ?? "-"}`,
    );
    if (Object.values(finding).every((one) => one === undefined)) missed.push(mistake.name);
    for (const way of Object.keys(counts) as (keyof typeof counts)[]) {
      if (finding[way] !== undefined) counts[way] += 1;
    }
  }
  console.log(
    `${request.mistakes.length} mistakes: ${counts.coreSeeds} found among pure cores, ` +
      `${counts.nodeSeeds} among whole nodes, ${counts.script} by a script, ${missed.length} not found`,
  );
  if (missed.length > 0) console.error(`not found: ${missed.join(", ")}`);
  return missed.length > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
