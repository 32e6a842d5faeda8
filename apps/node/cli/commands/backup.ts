/**
 * `backup`, `restore` and `verify` on the command line.
 *
 * @module
 */
import type { Command } from "commander";
import { CommandError, EXIT } from "../exit.ts";
import { readNeed, requirePermissions, writeNeed } from "../permissions.ts";
import {
  addClusterCommand,
  addCommand,
  type ClusterFlags,
  clusterOptions,
  type Done,
  JSON_OPTION,
  PROGRAM,
} from "./command.ts";

/** Adds the command `backup`. */
export function addBackup(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "backup <file>",
    description:
      "Writes all that the cluster holds to a file. It contains all that was acknowledged before; - is standard output.",
    examples: [
      ["backup words.backup", "from whichever node"],
      ["backup - | ssh elsewhere 'cat > words.backup'", "without a file here"],
      [
        "backup words.backup --local --endpoints 10.0.0.2:50051",
        "what one node has, also without a leader",
      ],
    ],
  })
    .option("--force", "Replace a file that is there already.")
    .option("--local", "Take what the first node has that answers; it may be old.")
    .action(
      async (
        file: string,
        flags: ClusterFlags & { readonly force?: boolean; readonly local?: boolean },
      ) => {
        const { force = false, local = false } = flags;
        if (file === "-" && Deno.stdout.isTerminal()) {
          throw new CommandError(
            EXIT.usage,
            "a backup is not for a terminal; allowed is a file, or | and a program",
          );
        }
        const options = { ...clusterOptions(flags), file, force, local };
        if (file !== "-") {
          const files = [file, `${file}.partial`];
          requirePermissions(PROGRAM, [...files.map(readNeed), ...files.map(writeNeed)]);
        }
        const { backup } = await import("../backup.ts");
        done(await backup(options));
      },
    );
}

/** Adds the command `restore`. */
export function addRestore(program: Command, done: Done): void {
  addClusterCommand(program, {
    usage: "restore <file>",
    description:
      "Replaces all that the cluster holds by what is in a backup, on all nodes at the same entry or on none.",
    examples: [
      ["restore words.backup", "asks before it does so"],
      ["restore words.backup --yes", "does not ask"],
    ],
  })
    .option("--yes", "Do not ask.")
    .action(async (file: string, flags: ClusterFlags & { readonly yes?: boolean }) => {
      const options = { ...clusterOptions(flags), file, yes: flags.yes ?? false };
      requirePermissions(PROGRAM, [readNeed(file)]);
      const { restore } = await import("../backup.ts");
      done(await restore(options));
    });
}

/** Adds the command `verify`. */
export function addVerify(program: Command, done: Done): void {
  addCommand(program, {
    usage: "verify <paths...>",
    description:
      "Checks every checksum of nodes' directories and of backup files. Changes nothing; nodes must be stopped.",
    examples: [
      ["verify ./coracle-data", "log and snapshots of a node"],
      ["verify words.backup yesterday.backup", "backups"],
    ],
  })
    .option(...JSON_OPTION)
    .action(async (paths: string[], flags: { readonly json?: boolean }) => {
      requirePermissions(PROGRAM, paths.map(readNeed));
      const { verify } = await import("../verify.ts");
      done(await verify({ paths, json: flags.json ?? false }));
    });
}
