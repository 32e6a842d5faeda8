/**
 * Shows that what looks for mistakes finds them: `deno task planted [--core=N] [--nodes=N] [--only=NAME,…]`.
 *
 * Each known mistake is made, one at a time, and looked for in three ways: by the golden script that is meant for it, by the
 * simulation of pure cores (`--core` seeds at most, 2,000 by default) and by the simulation of whole nodes (`--nodes` seeds at
 * most, 60 by default, of those whose world is of the kind in which it shows). The table says which script, after how many seeds, and which
 * was the last of them: `deno task sim --seed=S --plant=NAME` shows it again. One that nothing finds makes the exit code 1: it is a hole in
 * the proof.
 *
 * @module
 */
import { Flags } from "../flags.ts";
import type { PlantedMistake } from "../simulation/plant.ts";
import { ALL_MISTAKES } from "../simulation/planted_mistakes.ts";
import type { Finding, Limits } from "./look.ts";
import type { LookRequest } from "./worker.ts";

/** What the command line asks for. */
interface Request extends Limits {
  readonly mistakes: readonly PlantedMistake[];
}

/** Reads the arguments. Throws an `Error` that says what is wrong and what is allowed. */
export function readRequest(args: readonly string[]): Request {
  const given = new Flags(args, "--core=N --nodes=N --only=NAME,NAME");
  const names = given.text("only")?.split(",") ?? ALL_MISTAKES.map(({ name }) => name);
  const mistakes = names.map((name) => {
    const mistake = ALL_MISTAKES.find((one) => one.name === name);
    if (mistake !== undefined) return mistake;
    const allowed = ALL_MISTAKES.map((one) => one.name).join(", ");
    throw new Error(`--only names "${name}"; allowed are ${allowed}`);
  });
  return { coreSeeds: given.number("core", 2000), nodeSeeds: given.number("nodes", 60), mistakes };
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
  const { mistakes } = request;
  const widest = Math.max(...mistakes.map(({ name }) => name.length));
  const findings: (Finding | undefined)[] = [];
  let printed = 0;
  const found = (at: number, finding: Finding): void => {
    findings[at] = finding;
    for (; findings[printed] !== undefined; printed += 1) {
      console.log(row(mistakes[printed]!, findings[printed]!, widest));
    }
  };
  console.log(`${"mistake".padEnd(widest)}  cores  nodes  world      seed  script`);
  await lookForAll(request, found);
  const count = (way: keyof Finding): number =>
    findings.filter((finding) => finding?.[way] !== undefined).length;
  const missed = mistakes.filter((_, at) =>
    Object.values(findings[at]!).every((one) => one === undefined)
  ).map(({ name }) => name);
  console.log(
    `${mistakes.length} mistakes: ${count("coreSeeds")} found among pure cores, ` +
      `${count("nodeSeeds")} among whole nodes, ${
        count("script")
      } by a script, ${missed.length} not found`,
  );
  if (missed.length > 0) console.error(`not found: ${missed.join(", ")}`);
  return missed.length > 0 ? 1 : 0;
}

function row({ name, world = "any" }: PlantedMistake, finding: Finding, widest: number): string {
  const number = (value: number | undefined) => `${value ?? "-"}`.padStart(5);
  const { coreSeeds, nodeSeeds, nodeSeed, script = "-" } = finding;
  return `${name.padEnd(widest)}  ${number(coreSeeds)}  ${number(nodeSeeds)}  ${world.padEnd(9)} ` +
    `${number(nodeSeed)}  ${script}`;
}

/** Has as many workers as this machine has cores look for all mistakes. */
async function lookForAll(
  { mistakes, coreSeeds, nodeSeeds }: Request,
  found: (at: number, finding: Finding) => void,
): Promise<void> {
  let next = 0;
  const workers = Array.from(
    { length: Math.min(mistakes.length, navigator.hardwareConcurrency) },
    () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }),
  );
  const runWorker = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      let at = 0;
      const ask = (): void => {
        at = next++;
        if (at >= mistakes.length) return resolve();
        const { name } = mistakes[at]!;
        worker.postMessage({ name, coreSeeds, nodeSeeds } satisfies LookRequest);
      };
      worker.onmessage = ({ data }: MessageEvent<Finding>) => {
        found(at, data);
        ask();
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`a worker has stopped: ${event.message}`));
      };
      ask();
    });
  try {
    await Promise.all(workers.map(runWorker));
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
