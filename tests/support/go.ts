/**
 * Programs in Go, of the module in tests/interop/go. Where there is no Go, or its modules cannot be had, tests are skipped with the
 * reason.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { ROOT, RunningProcess } from "./process.ts";

const MODULE = join(ROOT, "tests", "interop", "go");

/** Runs a command of `go` in the module. */
function go(command: string, ...args: readonly string[]): RunningProcess {
  return new RunningProcess("go", [command, "-C", MODULE, ...args]);
}

/** Why programs in Go cannot be run here; `undefined` if they can. */
export async function goProblem(): Promise<string | undefined> {
  try {
    const { code, stderr } = await go("list", "-deps", "./...").exited;
    return code === 0 ? undefined : `its modules cannot be downloaded: ${stderr.trim()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no go on this machine";
    throw error;
  }
}

/** Builds the program `name`, and starts it with `args`. */
export async function runGo(name: string, ...args: readonly string[]): Promise<RunningProcess> {
  const built = await go("build", "-o", "/dev/null", `./${name}`).exited;
  assertEquals(built.code, 0, built.stderr);
  return go("run", `./${name}`, ...args);
}
