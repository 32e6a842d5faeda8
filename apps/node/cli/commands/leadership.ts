/**
 * `transfer` and `step-down` on the command line.
 *
 * @module
 */
import type { Command } from "commander";
import { addClusterCommand, type ClusterFlags, clusterOptions, type Done } from "./command.ts";
import { checkId } from "./members.ts";

/** Adds the command `transfer`. */
export function addTransfer(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "transfer [id]",
    description:
      "Hands leadership to a voter: the one that is named, or the best one, by priority and then by how far its log is.",
    examples: [
      ["transfer", "to whichever is best"],
      ["transfer n2", "to n2"],
    ],
  }).action(async (id: string | undefined, flags: ClusterFlags) => {
    if (id !== undefined) checkId(id);
    const options = { ...clusterOptions(flags), id };
    const { transfer } = await import("../leadership.ts");
    done(await transfer(options));
  });
}

/** Adds the command `step-down`. */
export function addStepDown(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "step-down",
    description:
      "Lets the leader lead no longer, whoever leads next: it may be the same again. Prefer transfer.",
    examples: [["step-down", "for a leader that cannot hand over"]],
  }).action(async (flags: ClusterFlags) => {
    const options = clusterOptions(flags);
    const { stepDown } = await import("../leadership.ts");
    done(await stepDown(options));
  });
}
