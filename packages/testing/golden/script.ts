/**
 * The form of a golden script: commands to a cluster of pure cores, each followed by what was recorded
 * when it ran.
 *
 * ```text
 * # What this script shows, in words.
 * > cluster 3
 *
 * > tick n1
 * n1@1 tick
 *   is candidate: heard no leader
 * ```
 *
 * Comments and empty lines stay where they are; what a command printed follows it. Running a script again gives the
 * same text; a difference is a change of behaviour, to be looked at and then recorded with `deno task golden --update`.
 *
 * @module
 */
import type { StepFunction } from "@coracle/core/consensus";
import { ScriptCluster } from "./cluster.ts";
import { runCommand } from "./commands.ts";

/** Thrown when a script cannot be run: names the script and the line. */
export class ScriptError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "ScriptError";
}

/** Runs the script `text` from the start and returns it with what its commands print now. `step`: what decides, if not the consensus as it is. */
export function runScript(name: string, text: string, step?: StepFunction): string {
  const cluster = new ScriptCluster(step);
  const lines: string[] = [];
  for (const [at, line] of text.trimEnd().split("\n").entries()) {
    if (line === "" || line.startsWith("#")) lines.push(line);
    if (!line.startsWith("> ")) continue;
    lines.push(line);
    try {
      runCommand(cluster, line.slice(2));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ScriptError(`${name}, line ${at + 1}, ${line}: ${message}`, { cause: error });
    }
    lines.push(...cluster.takeOutput());
  }
  return lines.join("\n") + "\n";
}

/** The first comment of a script: what it shows. */
export function titleOf(text: string): string {
  return /^# (.*)/.exec(text)?.[1] ?? "(a script without a comment)";
}

/** The first line in which two texts differ, for a message; `undefined` if they are equal. */
export function firstDifference(recorded: string, now: string): string | undefined {
  if (recorded === now) return undefined;
  const [before, after] = [recorded.split("\n"), now.split("\n")];
  let at = 0;
  while (before[at] === after[at]) at += 1;
  return `line ${at + 1}\n  recorded: ${before[at] ?? "(end)"}\n  now:      ${
    after[at] ?? "(end)"
  }`;
}
