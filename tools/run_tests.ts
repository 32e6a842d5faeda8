/**
 * Runs the tests: `deno task test [--config=FILE] [options of deno test] [paths]`.
 *
 * Tests run in groups, each with the permissions that it needs and no more: what needs none thereby
 * shows that it touches nothing. Examples in documentation are tests too. The last line is `N passed, N failed`; the exit code is that of
 * the first group that fails.
 *
 * @module
 */

import { dirname, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { narrowed, type TestGroup } from "./test_groups.ts";
import { type Counts, countsOf, formatCounts, sum } from "./test_summary.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What a test of files, sockets or processes needs; it writes below the temporary folder only. `run`: the programs that it may start. */
function systemFlags(run = `--allow-run=${Deno.execPath()}`): string[] {
  const temporary = Deno.makeTempDirSync();
  Deno.removeSync(temporary);
  return [
    "--allow-read",
    `--allow-write=${dirname(temporary)}`,
    "--allow-net=127.0.0.1,localhost,0.0.0.0,[::1]",
    "--allow-env",
    "--allow-sys",
    run,
  ];
}

function groups(): TestGroup[] {
  return [
    {
      name: "without any permission",
      paths: ["packages/core", "packages/fsm-words"],
      flags: ["--doc", "--parallel"],
    },
    {
      name: "with files, sockets and processes on this machine",
      paths: [
        "packages/testing",
        "packages/store-fs",
        "packages/transport-tcp",
        "apps/node",
        "docs",
        "README.md",
        "tools",
      ],
      flags: ["--doc", "--parallel", ...systemFlags()],
    },
    {
      // One after the other: a cluster whose elections compete for the processor proves less.
      name: "whole clusters",
      paths: ["tests"],
      except: ["tests/page"],
      // Any program: Deno lets a signal go to a whole process group, as a terminal's Ctrl-C does, only then.
      flags: systemFlags("--allow-run"),
    },
    {
      // Deno gives what the system knows of processes (/proc) only to who may do anything; measurements are made so, too.
      name: "of measurements, in short",
      paths: ["bench"],
      flags: ["--allow-all"],
    },
    {
      // The library that drives the browser asks for files that Deno gives only to who may do anything.
      name: "in a browser",
      paths: ["tests/page"],
      flags: ["--allow-all"],
    },
  ];
}

/** Runs one group, shows its output as it comes, and counts. */
async function run(group: TestGroup, options: string[]): Promise<{ counts: Counts; code: number }> {
  const except = (group.except ?? []).map((path) => `--ignore=${path}`);
  const args = ["test", "--no-prompt", "--permit-no-files", ...group.flags, ...except, ...options];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args, ...group.paths],
    cwd: ROOT,
    // The output passes through here, so `deno test` cannot see the terminal itself.
    env: Deno.stdout.isTerminal() && !Deno.noColor ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" },
    stdout: "piped",
  }).spawn();
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await writeAll(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  const { success, code } = await child.status;
  return { counts: countsOf(output, success), code };
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await Deno.stdout.write(rest));
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(resolve(ROOT, path));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Runs all groups that have something to run; returns the exit code. */
async function main(args: string[]): Promise<number> {
  const options = args.filter((arg) => arg.startsWith("-"));
  const wanted = args.filter((arg) => !arg.startsWith("-"))
    .map((path) => relative(ROOT, resolve(path)).replaceAll(sep, "/"));
  let total: Counts = { passed: 0, failed: 0, skipped: 0 };
  let exitCode = 0;
  for (const whole of groups()) {
    const group = narrowed(whole, wanted.length > 0 ? wanted : whole.paths.filter(exists));
    if (group.paths.length === 0) continue;
    console.log(`Tests ${group.name}: ${group.paths.join(" ")}`);
    const { counts, code } = await run(group, options);
    total = sum(total, counts);
    exitCode ||= code;
  }
  console.log(formatCounts(total));
  return exitCode;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
