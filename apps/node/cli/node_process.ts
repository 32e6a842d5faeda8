/**
 * A node as a process of its own: how it is started, with the permissions that it needs and no more.
 *
 * @module
 */
import { GRPC_ENV } from "./permissions.ts";

/** What a node's process is started with. */
export interface NodeProcessOptions {
  /** Its directory. The one above it must exist. */
  readonly dataDir: string;
  /** Everything that follows `start` on the command line, but for the directory. */
  readonly flags: readonly string[];
}

const MAIN = new URL("../main.ts", import.meta.url).href;
const LOCALHOST = "127.0.0.1";

/**
 * The command that runs a node whose addresses are all on this machine. It stops when its standard input ends, so
 * that it never outlives who started it.
 */
export function nodeCommand({ dataDir, flags }: NodeProcessOptions): Deno.Command {
  const above = dataDir.replace(/\/[^/]*$/, "");
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      `--allow-net=${LOCALHOST}`,
      `--allow-read=${above}`,
      `--allow-write=${dataDir}`,
      `--allow-env=${GRPC_ENV.join(",")}`,
      MAIN,
      "start",
      "--stop-with-stdin",
      `--data-dir=${dataDir}`,
      ...flags,
    ],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  });
}
