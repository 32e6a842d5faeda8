/**
 * Real faults for as long as one likes: `deno task faults [--minutes=M] [--seed=S]`.
 *
 * Rounds of a minute each, each with a new cluster in a laboratory of its own, until the time is over. A round that fails
 * ends the run. The same seed makes the same cluster and chooses faults in the same way; what then happens is up to the machine.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { endWhenAsked, insideLaboratory, laboratoryCommand } from "../lab/laboratory.ts";
import { examineMachine } from "../lab/machine.ts";
import { runRound } from "./round.ts";

const ROUND_MS = 60_000;
const SEEDS = 2 ** 32;

/** The number in an option such as `--minutes=10`. Throws for anything else. */
function option(args: readonly string[], name: string): number | undefined {
  const text = args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== "" && value >= 0 && value < SEEDS) return value;
  throw new Error(
    `--${name} is ${JSON.stringify(text)}; allowed is a number from 0 to ${SEEDS - 1}`,
  );
}

/** Runs a round in a laboratory of its own; resolves to whether all was well. */
async function roundApart(seed: number): Promise<boolean> {
  const self = fileURLToPath(import.meta.url);
  const { command, args, env } = laboratoryCommand(examineMachine(), [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-check",
    "--allow-all",
    self,
    `--seed=${seed}`,
  ]);
  const child = new Deno.Command(command, { args, env, stdin: "piped" }).spawn();
  const { success } = await child.status;
  await child.stdin.close();
  return success;
}

async function main(args: readonly string[]): Promise<void> {
  const unknown = args.find((arg) => !/^--(minutes|seed)=/.test(arg));
  if (unknown !== undefined) {
    throw new Error(`${unknown} is not known; allowed are --minutes=M --seed=S`);
  }
  const given = option(args, "seed");
  const untilMs = performance.now() + (option(args, "minutes") ?? 1) * 60_000;
  for (const [means, reason] of Object.entries(examineMachine().missing)) {
    console.log(`no faults that need ${means}: ${reason}`);
  }
  let rounds = 0;
  do {
    rounds += 1;
    const seed = given ?? Math.floor(Math.random() * SEEDS);
    console.log(`round ${rounds}, seed ${seed}`);
    if (await roundApart(seed)) continue;
    console.log(`round ${rounds} failed; again: deno task faults --seed=${seed}`);
    Deno.exit(1);
  } while (given === undefined && performance.now() < untilMs);
  console.log(`${rounds} rounds, all well`);
}

if (import.meta.main) {
  const laboratory = insideLaboratory();
  if (laboratory === undefined) await main(Deno.args);
  else {
    void endWhenAsked();
    console.log(await runRound(laboratory, option(Deno.args, "seed")!, ROUND_MS));
    Deno.exit(0);
  }
}
