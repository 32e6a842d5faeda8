/**
 * What the system has against a path that somebody has given, or against what was done there, in words.
 *
 * @module
 */

/**
 * What is wrong with a path, from what the system said when it was opened or made, or from what Deno said that does not permit it: a
 * permission for a path is none for where a link there leads, nor for what is in /dev, /proc and /sys. `undefined` if `error` is a bug.
 */
export function pathProblem(error: unknown): string | undefined {
  if (error instanceof Deno.errors.NotFound) return "it does not exist";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  if (error instanceof Deno.errors.NotADirectory) return "it leads through a file";
  if (error instanceof Deno.errors.AlreadyExists) return "it is a file";
  if (error instanceof Deno.errors.PermissionDenied) return "this user may not";
  if (error instanceof Deno.errors.NotCapable) return notCapableText(error.message);
  return systemText(error)?.replace(/: .*/s, "").toLowerCase();
}

function notCapableText(message: string): string {
  const flag = /--allow-\w+/.exec(message)?.[0];
  return `this process may not${flag === undefined ? "" : ` without ${flag}`}`;
}

const ERROR_NUMBER = / \(os error \d+\)/;

/** What the system says is wrong, without the number that it has for that; `undefined` if it was not the system that said `error`. */
export function systemText(error: unknown): string | undefined {
  if (!(error instanceof Error && ERROR_NUMBER.test(error.message))) return undefined;
  return error.message.replace(ERROR_NUMBER, "");
}

/** The path that the system names in `error`, if it names one. */
export function namedPath(error: unknown): string | undefined {
  return /: \w+ '(.*?)'(?: -> '.*')?$/s.exec(systemText(error) ?? "")?.[1];
}

/** What is wrong with `path` where a directory is wanted that is made if it is missing; `undefined` if nothing is yet. */
export function directoryProblem(path: string): string | undefined {
  try {
    return Deno.statSync(path).isDirectory ? undefined : "it is a file";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return isLink(path) ? "it is a link that leads nowhere" : undefined;
    }
    const problem = pathProblem(error);
    if (problem === undefined) throw error;
    return problem;
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}
