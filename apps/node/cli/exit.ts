/**
 * How a command ends: what it says on standard error, and the exit code.
 *
 * @module
 */

/** The exit codes of all commands. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unknown: 3,
} as const;

/** One of {@linkcode EXIT}. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** What the exit codes mean, for the help. */
export const EXIT_HELP = `
Exit codes:
  0  done
  1  failed: the message says why; what was asked for was not done
  2  wrong arguments, configuration or permissions; nothing was done
  3  unknown: what was asked for may or may not have been done`;

/** Something that was not done, or perhaps not. */
export interface Failure {
  /** A stable name of the reason: that of an error, as `docs/troubleshooting.md` has it, or one that only the command line has. */
  readonly code: string;
  /** Why, for people; it may have several lines. */
  readonly message: string;
  /** Whether what was asked for may have been done. */
  readonly outcome: "not-written" | "unknown";
}

/** What a {@linkcode CommandError} is made with. */
export interface CommandErrorOptions extends ErrorOptions {
  /** The stable name of the reason, if it is not that of the cause. */
  readonly code?: string;
}

/** Ends a command: each line of the message is shown, without a stack trace. */
export class CommandError extends Error implements Failure {
  /** The error's name, as it is printed. */
  override readonly name = "CommandError";
  /** The stable name of the reason; without a better one it follows from the exit code. */
  readonly code: string;

  /** `exitCode`: how the process ends; `message`: why, for people. */
  constructor(readonly exitCode: ExitCode, message: string, options?: CommandErrorOptions) {
    super(message, options);
    this.code = options?.code ?? codeOf(options?.cause) ?? CODES[exitCode];
  }

  /** What the exit code says. */
  get outcome(): Failure["outcome"] {
    return this.exitCode === EXIT.unknown ? "unknown" : "not-written";
  }
}

const CODES: Readonly<Record<ExitCode, string>> = {
  [EXIT.ok]: "ok",
  [EXIT.failed]: "failed",
  [EXIT.usage]: "usage",
  [EXIT.unknown]: "unknown",
};

/** The code of an error of Coracle's. The system's errors have codes too, which do not look so. */
function codeOf(cause: unknown): string | undefined {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "string" && /^[a-z-]+$/.test(code) ? code : undefined;
}

/** `text` as a whole number. Throws {@linkcode CommandError} that names `flag`. */
export function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw wrongOption(flag, text, `a whole number from ${least} to ${most}`);
}

/** The error for an option that is not what it may be; `problem` says what is wrong with it where one does not see it. */
export function wrongOption(
  flag: string,
  given: string,
  allowed: string,
  problem?: string,
): CommandError {
  const found = problem === undefined ? "" : ` (${problem})`;
  return new CommandError(
    EXIT.usage,
    `${flag} is ${JSON.stringify(given)}${found}; allowed is ${allowed}`,
  );
}

const encoder = new TextEncoder();

/** Says on standard error what has failed: for people as {@linkcode complain} does, for programs as an object on one line. */
export function report({ code, message, outcome }: Failure, json: boolean): void {
  if (json) writeLine(JSON.stringify({ error: { code, message, outcome } }));
  else complain(message);
}

/** Writes lines to standard error, each with the program's name. */
export function complain(message: string): void {
  for (const line of message.split("\n")) writeLine(`coracle: ${line}`);
}

/** What a file or a node has said does nothing to a terminal. In JSON, what stands for a control character is read as that. */
function writeLine(line: string): void {
  Deno.stderr.writeSync(encoder.encode(`${harmless(line)}\n`));
}

function harmless(line: string): string {
  return line.replaceAll(
    /\p{Cc}/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
