/**
 * Tests of real faults: each in namespaces of its own where there are some, else on the machine as it is.
 *
 * The test is registered twice. Outside it starts `deno test` again, inside of new namespaces, for itself alone; there it does
 * what it is for. Outside of everything is a shell that waits for the end, however that comes, and removes the directory.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { RunningProcess } from "../../support/process.ts";
import { enterCommand, examineMachine, type Machine, type Means } from "./machine.ts";

/** Where a test of faults takes place. */
export interface Laboratory {
  /** A directory on the machine's disk, empty at first, removed in the end. */
  readonly directory: string;
  /** What there is. */
  readonly machine: Machine;
}

const ENVIRONMENT = "CORACLE_LABORATORY";
const REPORTED = "| ";

/** Looked at once a process. */
let machine: Machine | undefined;
let watched: Promise<never> | undefined;

/** The laboratory in which this process is, if it is in one. */
export function insideLaboratory(): Laboratory | undefined {
  const text = Deno.env.get(ENVIRONMENT);
  return text === undefined ? undefined : JSON.parse(text) as Laboratory;
}

/**
 * The command that runs `command` in a laboratory of its own. The program in it
 * should call {@linkcode endWhenAsked}. However it ends, nothing is left.
 */
export function laboratoryCommand(
  machine: Machine,
  command: readonly string[],
): { readonly command: string; readonly args: string[]; readonly env: Record<string, string> } {
  const directory = Deno.makeTempDirSync({ prefix: "coracle-faults-" });
  // Without the tools to set up a network, the machine's own is better than none.
  const withNetwork = machine.missing.network === undefined;
  const enter = machine.hasNamespaces ? enterCommand({ withNetwork }) : [];
  // A trap that does nothing: a signal from the terminal ends the program, not the shell, and is passed on as it is.
  const script = `trap : INT TERM HUP; "$@"; code=$?; rm -rf -- '${directory}'; exit $code`;
  return {
    command: "sh",
    args: ["-c", script, "sh", ...enter, ...command],
    env: { [ENVIRONMENT]: JSON.stringify({ directory, machine } satisfies Laboratory) },
  };
}

/**
 * Ends this process when its standard input ends, since whoever has started the laboratory is gone then, and when it is asked
 * to: the first process in a namespace ends by no signal that it does not listen for.
 */
export async function endWhenAsked(): Promise<never> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => Deno.exit(1));
  }
  const buffer = new Uint8Array(64);
  while (await Deno.stdin.read(buffer) !== null);
  Deno.exit(1);
}

/** Reports lines from inside of a laboratory that whoever runs the tests should read. */
export function report(text: string): void {
  for (const line of text.split("\n")) console.log(REPORTED + line);
}

/** Registers a test that needs `needs`. `url`: of its file. Where something is missing it is skipped, and says why. */
export function laboratoryTest(
  url: string,
  name: string,
  needs: readonly Means[],
  body: (laboratory: Laboratory) => Promise<void>,
): void {
  const laboratory = insideLaboratory();
  if (laboratory !== undefined) {
    watched ??= endWhenAsked();
    Deno.test(name, () => body(laboratory));
    return;
  }
  machine ??= examineMachine();
  const { missing } = machine;
  const reasons = needs.flatMap((means) => missing[means] === undefined ? [] : [missing[means]]);
  if (reasons.length > 0) console.log(`skipped: ${name}: ${reasons.join("; ")}`);
  const outside = machine;
  Deno.test({ name, ignore: reasons.length > 0 }, () => runInside(outside, url, name));
}

async function runInside(machine: Machine, url: string, name: string): Promise<void> {
  const filter = `--filter=/^${RegExp.escape(name)}$/`;
  const flags = ["--no-check", "--no-prompt", "--allow-all", filter];
  const { command, args, env } = laboratoryCommand(machine, [
    Deno.execPath(),
    "test",
    ...flags,
    fileURLToPath(url),
  ]);
  await using process = new RunningProcess(command, args, { env });
  const { code, stdout, stderr } = await process.exited;
  for (const line of stdout.split("\n")) {
    if (line.startsWith(REPORTED)) console.log(line.slice(REPORTED.length));
  }
  if (code !== 0) throw new Error(`failed in its laboratory\n${stdout}${stderr}`);
}
