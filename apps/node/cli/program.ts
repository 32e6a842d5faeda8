/**
 * The command line: which commands there are, and how they end. What a command does is loaded only when it is
 * known that it may be done: gRPC's library, for one, wants permissions as soon as it is loaded.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { systemText } from "../config/path_problem.ts";
import { ConfigError } from "../config/problems.ts";
import { addBackup, addRestore, addVerify } from "./commands/backup.ts";
import { addBench } from "./commands/bench.ts";
import { addCertificates } from "./commands/certificates.ts";
import { addCluster } from "./commands/cluster.ts";
import type { Done } from "./commands/command.ts";
import { addCompletion } from "./commands/completion.ts";
import { addInspect } from "./commands/inspect.ts";
import { addStepDown, addTransfer } from "./commands/leadership.ts";
import { addMembers } from "./commands/members.ts";
import { addRecover } from "./commands/recover.ts";
import { addStart } from "./commands/start.ts";
import { addLogLevel, addSnapshot, addStatus } from "./commands/status.ts";
import { addAdd, addWords } from "./commands/words.ts";
import { CommandError, EXIT, EXIT_HELP, type ExitCode, report } from "./exit.ts";
import { HELP_LAYOUT } from "./help.ts";

/** Runs the command that `args` name, and returns the exit code. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const json = wantsJson(args);
  const program = makeProgram((code) => exitCode = code, { json });
  try {
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      // To people, commander has said it.
      if (json) report(new CommandError(EXIT.usage, error.message.replace(/^error: /, "")), json);
      return EXIT.usage;
    }
    const failure = commandErrorOf(error);
    report(failure, json);
    return failure.exitCode;
  }
}

/** What the world does wrong is said in a line; anything else is a bug, and keeps its stack trace. */
function commandErrorOf(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof ConfigError) return new CommandError(EXIT.usage, error.message);
  const said = systemText(error);
  if (said === undefined) throw error;
  return new CommandError(EXIT.failed, said, { cause: error });
}

/** Whether `--json` is among the options: what is wrong with the others is said as JSON, too. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).includes("--json");
}

/**
 * The program with all its commands. `done` is called with the exit code of the command that ran. With `json`, commander itself says
 * nothing of wrong arguments: whoever catches its error does.
 */
export function makeProgram(
  done: Done,
  { json = false }: { readonly json?: boolean } = {},
): Command {
  const program = new Command("coracle")
    .description("A node of a replicated words machine, and its tools.")
    .addHelpText("after", EXIT_HELP)
    .exitOverride()
    .configureHelp(HELP_LAYOUT)
    .helpOption("-h, --help", "Print this help.")
    // Otherwise commander looks at the environment, which needs a permission.
    .configureOutput({
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text, write) => json || write(text),
    });
  addStart(program, done);
  addCluster(program, done);
  addAdd(program, done);
  addWords(program, done);
  addMembers(program, done);
  addTransfer(program, done);
  addStepDown(program, done);
  addStatus(program, done);
  addSnapshot(program, done);
  addLogLevel(program, done);
  addBackup(program, done);
  addRestore(program, done);
  addInspect(program, done);
  addVerify(program, done);
  addRecover(program, done);
  addCertificates(program, done);
  addBench(program, done);
  addCompletion(program, done);
  for (const command of commandsBelow(program)) command.addHelpText("after", EXIT_HELP);
  return program;
}

/** All commands below `parent`, at any depth. */
export function* commandsBelow(parent: Command): Generator<Command> {
  for (const command of parent.commands) {
    yield command;
    yield* commandsBelow(command);
  }
}
