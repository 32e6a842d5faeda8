/**
 * What the commands have in common: examples in their help, and for those that talk to a cluster, how they get there.
 *
 * @module
 */
import type { Command } from "commander";
import {
  addClientOptions,
  type ClientFlags,
  clientNeeds,
  type ClientOptions,
  clientOptions,
} from "../client_options.ts";
import type { ExitCode } from "../exit.ts";
import { exampleLines } from "../help.ts";
import { requirePermissions } from "../permissions.ts";

/** Called with the exit code of the command that ran. */
export type Done = (code: ExitCode) => void;

/** How the program is called in examples. */
export const PROGRAM = "deno run -P apps/node";

/** The option of all commands that print something for programs. */
export const JSON_OPTION = ["--json", "Print JSON; errors as well, on standard error."] as const;

/** What a command is for. */
export interface CommandText {
  /** Its name, with its arguments as commander wants them. */
  readonly usage: string;
  /** What it does, in a sentence. */
  readonly description: string;
  /** What follows the program's name, and what it does; one or more. */
  readonly examples: readonly (readonly [args: string, meaning: string])[];
  /** How the program is called in them, if not as {@linkcode PROGRAM}. */
  readonly program?: string;
}

/** Adds a command below `parent`. */
export function addCommand(
  parent: Command,
  { usage, description, examples, program = PROGRAM }: CommandText,
): Command {
  const lines = exampleLines(
    examples.map(([args, meaning]) => [`${program} ${args}`, meaning] as const),
  );
  return parent.command(usage)
    .description(description)
    .addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** The flags of a command that talks to a cluster. */
export interface ClusterFlags extends ClientFlags {
  /** Whether to print JSON. */
  readonly json?: boolean;
}

/** Adds a command below `parent` that talks to a cluster. */
export function addClusterCommand(parent: Command, text: CommandText): Command {
  return addClientOptions(addCommand(parent, text)).option(...JSON_OPTION);
}

/** The options of a command that talks to a cluster, once it is known that it may. Throws a `CommandError`. */
export function clusterOptions(flags: ClusterFlags): ClientOptions & { readonly json: boolean } {
  const options = clientOptions(flags);
  requirePermissions(PROGRAM, clientNeeds(options));
  return { ...options, json: flags.json ?? false };
}
