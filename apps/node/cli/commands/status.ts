/**
 * `status`, `snapshot` and `log-level` on the command line.
 *
 * @module
 */
import { Argument, type Command } from "commander";
import { LOG_LEVELS, type LogLevel } from "../../config/schema.ts";
import { addClusterCommand, type ClusterFlags, clusterOptions, type Done } from "./command.ts";

/** Adds the command `status`. */
export function addStatus(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "status",
    description:
      "Prints what every node says of itself: those in --endpoints, and the members that they name. Fails if none leads.",
    examples: [
      ["status", "on a cluster on this machine"],
      ["status --watch", "again every second, until Ctrl-C"],
      ["status --json --endpoints 10.0.0.1:50051", "everything, for programs"],
    ],
  })
    .option("--watch", "Print it again every second, until Ctrl-C.")
    .action(async (flags: ClusterFlags & { readonly watch?: boolean }) => {
      const options = { ...clusterOptions(flags), watch: flags.watch ?? false };
      const { status } = await import("../status.ts");
      done(await status(options));
    });
}

interface EachNodeFlags extends ClusterFlags {
  readonly only?: boolean;
}

const ONLY = ["--only", "Leave out members that are not in --endpoints."] as const;

/** Adds the command `snapshot`. */
export function addSnapshot(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "snapshot",
    description: "Makes a snapshot on every node, and compacts its log. Nodes do so by themselves.",
    examples: [
      ["snapshot", "on all nodes"],
      ["snapshot --only --endpoints 10.0.0.2:50051", "on one"],
    ],
  })
    .option(...ONLY)
    .action(async (flags: EachNodeFlags) => {
      const options = { ...clusterOptions(flags), only: flags.only ?? false };
      const { snapshot } = await import("../each_node.ts");
      done(await snapshot(options));
    });
}

/** Adds the command `log-level`. */
export function addLogLevel(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "log-level",
    description: "Prints which messages the nodes log, or changes it until they are started again.",
    examples: [
      ["log-level", "what it is"],
      ["log-level debug", "everything, on all nodes"],
      ["log-level debug --only --endpoints 10.0.0.2:50051", "on one"],
    ],
  })
    .addArgument(
      new Argument("[level]", "The least important messages that are logged.").choices(LOG_LEVELS),
    )
    .option(...ONLY)
    .action(async (level: LogLevel | undefined, flags: EachNodeFlags) => {
      const options = { ...clusterOptions(flags), only: flags.only ?? false, level };
      const { logLevel } = await import("../each_node.ts");
      done(await logLevel(options));
    });
}
