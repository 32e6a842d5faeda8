/**
 * `inspect` on the command line.
 *
 * @module
 */
import type { Command } from "commander";
import { readNeed, requirePermissions } from "../permissions.ts";
import { addCommand, type Done, JSON_OPTION, PROGRAM } from "./command.ts";

/** Adds the command. */
export function addInspect(program: Command, done: Done): void {
  addCommand(program, {
    usage: "inspect <dir>",
    description: "Prints what a node's directory holds. Changes nothing; the node must be stopped.",
    examples: [
      ["inspect ./coracle-data", "term and vote, log, snapshots"],
      ["inspect ./coracle-data --entries", "and every entry of the log"],
    ],
  })
    .option(...JSON_OPTION)
    .option("--entries", "Also print every entry of the log.")
    .option("--verify", "Also read the snapshots through.")
    .action(async (dir: string, flags: InspectFlags) => {
      const { json = false, entries = false, verify = false } = flags;
      requirePermissions(`${PROGRAM} inspect`, [readNeed(dir)]);
      const { inspect } = await import("../inspect.ts");
      done(await inspect({ dir, json, entries, verify }));
    });
}

interface InspectFlags {
  readonly json?: boolean;
  readonly entries?: boolean;
  readonly verify?: boolean;
}
