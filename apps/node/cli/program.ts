/**
 * The command line: which commands there are, and what they need. What a command does is loaded only when it is
 * known that it may be done: gRPC's library, for one, wants permissions as soon as it is loaded.
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import { parseAddress } from "../config/address.ts";
import { completeSettings } from "../config/config.ts";
import { addFieldFlags, givenFields } from "../config/flags.ts";
import { loadSettings } from "../config/load.ts";
import { ConfigError } from "../config/problems.ts";
import { addClientOptions, type ClientFlags, clientOptions } from "./client_options.ts";
import { CommandError, complain, EXIT, EXIT_HELP, type ExitCode, wholeNumber } from "./exit.ts";
import {
  grpcEnvNeeds,
  netNeed,
  readNeed,
  requirePermissions,
  runNeed,
  storeNeeds,
  writeNeed,
} from "./permissions.ts";

/** Runs the command that `args` name, and returns the exit code. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = makeProgram((code) => exitCode = code);
  try {
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof ConfigError || error instanceof CommandError)) throw error;
    complain(error.message);
    return error instanceof CommandError ? error.exitCode : EXIT.usage;
  }
}

/** Called with the exit code of the command that ran. */
type Done = (code: ExitCode) => void;

function makeProgram(done: Done): Command {
  const program = new Command("coracle")
    .description("A node of a replicated words machine, and its tools.")
    .addHelpText("after", EXIT_HELP)
    .exitOverride()
    // Otherwise commander looks at the environment, which needs a permission.
    .configureOutput({ getOutHasColors: () => false, getErrHasColors: () => false });
  addStart(program, done);
  addCluster(program, done);
  addAdd(program, done);
  addWords(program, done);
  addInspect(program, done);
  for (const command of program.commands) command.addHelpText("after", EXIT_HELP);
  return program;
}

function addStart(program: Command, done: Done): void {
  const command = program.command("start")
    .description(
      "Starts a node. Without any option it is a cluster of one, on a store in ./coracle-data.",
    )
    .option("--config <file>", "JSON file with any of the fields below, in camelCase. Flags win.")
    .addOption(
      new Option("--stop-with-stdin", "Stop when standard input ends. What starts nodes uses it.")
        .hideHelp(),
    );
  addFieldFlags(command);
  command.action(async (flags: Record<string, unknown> & StartFlags) => {
    if (flags.config !== undefined) {
      requirePermissions("deno run -P apps/node start", [readNeed(flags.config)]);
    }
    const load = () => loadSettings(flags.config, givenFields(flags));
    const settings = load();
    const config = completeSettings(settings);
    requirePermissions("deno run -P apps/node start", [
      netNeed(config.raftListen),
      netNeed(config.grpcListen),
      ...config.peers.map((peer) => netNeed(parseAddress(peer.raft)!)),
      ...storeNeeds(config.dataDir),
      ...grpcEnvNeeds,
    ]);
    const { start } = await import("./start.ts");
    const stopWithStdin = flags.stopWithStdin ?? false;
    done(await start(settings, { stopWithStdin, reload: load }));
  });
}

interface StartFlags {
  readonly config?: string;
  readonly stopWithStdin?: boolean;
}

function addCluster(program: Command, done: Done): void {
  program.command("cluster")
    .description("Starts several nodes on this machine, as processes of their own. For trying out.")
    .option("--nodes <number>", "How many. Default: 3, or as many as the directory holds.")
    .option("--dir <dir>", "Where they keep their data.", "./coracle-cluster")
    .option("--grpc-port <number>", "Port for clients of the first node.", "50051")
    .option("--raft-port <number>", "Port of the first node for the others.", "7001")
    .action(async (flags: ClusterFlags) => {
      const options = {
        nodes: flags.nodes === undefined ? undefined : wholeNumber("--nodes", flags.nodes, 1, 99),
        dir: flags.dir,
        grpcPort: wholeNumber("--grpc-port", flags.grpcPort, 1, 65435),
        raftPort: wholeNumber("--raft-port", flags.raftPort, 1, 65435),
      };
      requirePermissions("deno task cluster", [
        readNeed(options.dir),
        writeNeed(options.dir),
        runNeed,
        { permission: { name: "net", host: "127.0.0.1" }, flag: "--allow-net=127.0.0.1" },
        ...grpcEnvNeeds,
      ]);
      const { cluster } = await import("./cluster.ts");
      done(await cluster(options));
    });
}

interface ClusterFlags {
  readonly nodes?: string;
  readonly dir: string;
  readonly grpcPort: string;
  readonly raftPort: string;
}

function addAdd(program: Command, done: Done): void {
  const command = program.command("add")
    .description("Adds words: those given, or else those on standard input, one a line.")
    .argument("[words...]", "The words.");
  addClientOptions(command)
    .option("--concurrency <number>", "How many words may be on their way at once.", "16")
    .action(async (words: string[], flags: ClientFlags & { readonly concurrency: string }) => {
      const options = clientOptions(flags);
      const concurrency = wholeNumber("--concurrency", flags.concurrency, 1, 1000);
      requirePermissions("deno run -P apps/node add", [
        ...options.endpoints.map(netNeed),
        ...grpcEnvNeeds,
      ]);
      const { add } = await import("./add.ts");
      done(await add({ ...options, words, concurrency }));
    });
}

function addWords(program: Command, done: Done): void {
  const command = program.command("words")
    .description("Prints the three best words, the best first.");
  addClientOptions(command)
    .addOption(
      new Option(
        "--level <level>",
        "How fresh: after all that was added before, or any node's own.",
      )
        .choices(["linearizable", "local"]).default("linearizable"),
    )
    .option("--json", "Print JSON, with the index up to which the log was read.")
    .action(async (flags: WordsFlags) => {
      const options = clientOptions(flags);
      requirePermissions("deno run -P apps/node words", [
        ...options.endpoints.map(netNeed),
        ...grpcEnvNeeds,
      ]);
      const { words } = await import("./words.ts");
      done(await words({ ...options, level: flags.level, json: flags.json ?? false }));
    });
}

interface WordsFlags extends ClientFlags {
  readonly level: "linearizable" | "local";
  readonly json?: boolean;
}

function addInspect(program: Command, done: Done): void {
  program.command("inspect")
    .description("Prints what a node's directory holds. Changes nothing; the node must be stopped.")
    .argument("<dir>", "The directory.")
    .option("--json", "Print JSON.")
    .option("--entries", "Also print every entry of the log.")
    .action(async (dir: string, flags: { readonly json?: boolean; readonly entries?: boolean }) => {
      requirePermissions("deno run -P apps/node inspect", [readNeed(dir)]);
      const { inspect } = await import("./inspect.ts");
      done(await inspect({ dir, json: flags.json ?? false, entries: flags.entries ?? false }));
    });
}
