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

/** Ends a command: each line of the message is shown, without a stack trace. */
export class CommandError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "CommandError";
  /** `exitCode`: how the process ends; `message`: why, for people. */
  constructor(readonly exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
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

/** Writes lines to standard error, each with the program's name. What a file or a node has said does nothing to a terminal. */
export function complain(message: string): void {
  for (const line of message.split("\n")) {
    Deno.stderr.writeSync(encoder.encode(`coracle: ${harmless(line)}\n`));
  }
}

function harmless(line: string): string {
  return line.replaceAll(
    /\p{Cc}/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
