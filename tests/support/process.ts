/**
 * Programs that tests run, with everything that they print.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";

/** The repository. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** How a program ended, and what it printed. */
export interface Exit {
  /** Its exit code; 128 and the signal's number if a signal ended it. */
  readonly code: number;
  /** The signal that ended it, if one did. */
  readonly signal: Deno.Signal | null;
  /** All of standard output. */
  readonly stdout: string;
  /** All of standard error. */
  readonly stderr: string;
}

/** What a program is started with. */
export interface ProcessOptions {
  /** What it reads; without it, standard input is open and silent until the program ends. */
  readonly input?: string | Uint8Array;
  /** Where it is run; the repository without it. */
  readonly cwd?: string;
  /** Environment variables, beside this program's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it leads a process group of its own, as a command does that is typed at a terminal. */
  readonly ownGroup?: boolean;
}

/** A program that runs. */
export class RunningProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #ownGroup: boolean;
  #hasEnded = false;
  /** What it has printed on standard output. */
  stdout = "";
  /** What it has printed on standard error. */
  stderr = "";
  /** Resolves when it has ended and everything is read that it printed. */
  readonly exited: Promise<Exit>;

  /** Starts `command` with `args`. */
  constructor(command: string, args: readonly string[], options: ProcessOptions = {}) {
    this.#ownGroup = options.ownGroup ?? false;
    this.#process = new Deno.Command(command, {
      args: [...args],
      cwd: options.cwd ?? ROOT,
      env: { ...options.env, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: this.#ownGroup,
    }).spawn();
    this.exited = this.#follow(options.input);
  }

  /** Starts `deno` with `args`. */
  static deno(args: readonly string[], options?: ProcessOptions): RunningProcess {
    return new RunningProcess(Deno.execPath(), args, options);
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Whether it has ended. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Sends a signal: to the whole group, if it leads one, as a terminal does. */
  signal(signal: Deno.Signal): void {
    if (this.#hasEnded) return;
    if (this.#ownGroup) Deno.kill(-this.pid, signal);
    else this.#process.kill(signal);
  }

  /** Waits until `pattern` is found in standard output. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    return await eventually(
      `process ${this.pid} prints ${pattern}`,
      () => pattern.exec(this.stdout) ?? undefined,
      { describe: () => `but only\n${this.stdout}${this.stderr}` },
    );
  }

  /** Ends it, if it has not ended, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  async #follow(input: string | Uint8Array | undefined): Promise<Exit> {
    const { stdin, stdout, stderr, status } = this.#process;
    const [{ code, signal }] = await Promise.all([
      status.then(async (ended) => {
        this.#hasEnded = true;
        if (input === undefined) await stdin.close().catch(() => {});
        return ended;
      }),
      collect(stdout, (text) => this.stdout += text),
      collect(stderr, (text) => this.stderr += text),
      // One that ends before it has read everything needs no more.
      input === undefined
        ? undefined
        : new Blob([bytesOf(input)]).stream().pipeTo(stdin).catch(() => {}),
    ]);
    return { code, signal, stdout: this.stdout, stderr: this.stderr };
  }
}

/** Runs `deno` with `args` to its end. */
export async function runDeno(args: readonly string[], options?: ProcessOptions): Promise<Exit> {
  return await RunningProcess.deno(args, options).exited;
}

/** Where tests put what they make. */
const TEMPORARY = Deno.env.get("TMPDIR") ?? "/tmp";

/**
 * The arguments with which `deno` runs a command of the node's program, as the documentation says; but what a test makes is in
 * another place than what a person tries out, and nodes may be on hosts of their own.
 */
export function nodeArgs(...args: readonly string[]): string[] {
  const places = ["--allow-read", `--allow-write=${TEMPORARY}`, "--allow-net"];
  return ["run", "--quiet", "--no-prompt", "-P", ...places, "apps/node", ...args];
}

async function collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void) {
  const decoder = new TextDecoder();
  for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
}

function bytesOf(input: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return typeof input === "string" ? new TextEncoder().encode(input) : input.slice();
}
