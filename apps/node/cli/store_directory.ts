/**
 * Checks that a directory that a command is given is a node's, or can become one, before anything is opened: a store would be made in it.
 *
 * @module
 */
import { StorageError } from "@coracle/core";
import { directoryProblem, namedPath, pathProblem } from "../config/path_problem.ts";
import { CommandError, EXIT, wrongOption } from "./exit.ts";

/** Throws {@linkcode CommandError} unless `dir` is a directory. */
export function requireDirectory(dir: string): void {
  const found = isMissing(dir) ? "does not exist" : "is a file";
  if (found === "is a file" && Deno.statSync(dir).isDirectory) return;
  throw new CommandError(EXIT.failed, `${dir} ${found}; allowed is a node's directory`);
}

/** Throws {@linkcode CommandError} that names `flag` unless `path` is a directory, or nothing yet. */
export function requirePlaceForDirectory(flag: string, path: string): void {
  const problem = directoryProblem(path);
  if (problem === undefined) return;
  throw wrongOption(flag, path, "a directory, or what can become one", problem);
}

/** Throws {@linkcode CommandError} unless `dir` is a directory with a log in it. */
export function requireStore(dir: string): void {
  requireDirectory(dir);
  if (isMissing(`${dir}/log`)) throw noStore(dir);
}

/** What the system has against a path; there is no point in starting again, as there may be when there is no room or the disk has failed. */
const PATH_CODES = "EACCES EPERM EROFS ENOTDIR EISDIR EEXIST ELOOP ENAMETOOLONG".split(" ");

/**
 * The error for a store in `dir` that cannot be opened for what the system has against a path; it names that path. `undefined` if `error`
 * says something else. `flag`: what `dir` was given by, if not as an argument.
 */
export function storeProblem(dir: string, error: unknown, flag?: string): CommandError | undefined {
  const cause = error instanceof StorageError ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const path = namedPath(cause);
  if (path === undefined || !PATH_CODES.includes(code)) return undefined;
  const problem = (code === "ENOTDIR" && directoryProblem(path)) || pathProblem(cause);
  if (flag === undefined) {
    return new CommandError(
      EXIT.usage,
      `${path} cannot be used: ${problem}; allowed is a node's directory that this user may change`,
      { cause: error },
    );
  }
  return wrongOption(
    flag,
    dir,
    "a directory that this user may change, or what can become one",
    path === dir ? problem : `${path}: ${problem}`,
  );
}

/** The error for a directory that is not a node's. */
export function noStore(dir: string): CommandError {
  return new CommandError(EXIT.failed, `${dir} holds no store of a node`);
}

/** What is said beside damage while a node has `dir` open, which writes there meanwhile; nothing if none has. */
export async function openMeanwhile(dir: string): Promise<string | undefined> {
  if (isMissing(`${dir}/lock`)) return undefined;
  using file = await Deno.open(`${dir}/lock`);
  // The node's lock is exclusive. This one is given back at once, and asked for only where damage was found: it would keep a node from starting.
  if (await file.tryLock(false)) return undefined;
  return `a node has ${dir} open: what it is writing may look like damage; stop it, and look again`;
}

/** Whether there is nothing at `path`. Throws {@linkcode CommandError} if that cannot be found out. */
export function isMissing(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return true;
    }
    const problem = pathProblem(error);
    if (problem === undefined) throw error;
    throw new CommandError(EXIT.usage, `${path} cannot be looked at: ${problem}`, {
      cause: error,
    });
  }
}
