/**
 * How much of core and of the store its tests execute: `deno task coverage [--least=95]`.
 *
 * Runs the tests of these packages, and the golden scripts, which are tests of core's consensus. Prints, for each package, the share of
 * branches and of functions that were executed, and where the others are; fails if a test does, or if fewer branches are
 * executed than `--least` says, in percent. A function that was never called counts as no branch, so both are named.
 *
 * @module
 */

import { dirname, relative } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { type Coverage, parseLcov, percentOf, type Share } from "./coverage/lcov.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The packages that are measured. */
const PACKAGES = ["packages/core", "packages/store-fs"];

/** What is run, each with the permissions that it needs. */
function runs(temporary: string): { paths: string[]; flags: string[] }[] {
  const flags = ["--allow-read", `--allow-write=${temporary}`, "--allow-env", "--allow-sys"];
  return [
    { paths: ["packages/core"], flags: [] },
    {
      paths: ["packages/store-fs", "packages/testing/golden"],
      flags: [...flags, `--allow-run=${Deno.execPath()}`],
    },
  ];
}

/** Runs deno and returns what it wrote, or `undefined` if it failed, which it then has said itself. */
async function deno(args: string[], showsErrors: boolean): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text;
  if (showsErrors) console.error(text + new TextDecoder().decode(stderr));
  return undefined;
}

/** Whether `file` is part of the package in `folder`, and no test or help of one. */
function isOf(folder: string, file: string): boolean {
  const path = relative(ROOT, file);
  return path.startsWith(`${folder}/`) && !/_test\.ts$|\/_testing\//.test(path);
}

/** Prints what was executed of the package in `folder`, and what was not. */
async function print(folder: string, { branches, functions, gaps }: Coverage): Promise<void> {
  const share = (what: string, share: Share) =>
    `${percentOf(share).toFixed(2)} % of ${share.total} ${what}`;
  console.log(`${folder}: ${share("branches", branches)}, ${share("functions", functions)}`);
  for (const { kind, file, line } of gaps) {
    const source = (await Deno.readTextFile(file)).split("\n")[line - 1]?.trim() ?? "";
    console.log(`  ${relative(ROOT, file)}:${line}  ${kind}  ${source.slice(0, 90)}`);
  }
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { least: { type: "string", default: "95" } } });
  const least = Number(values.least);
  if (!(least >= 0 && least <= 100)) {
    console.error(`--least=${values.least}: allowed is a share in percent, from 0 to 100`);
    return 2;
  }
  const directory = await Deno.makeTempDir({ prefix: "coracle-coverage-" });
  try {
    for (const { paths, flags } of runs(dirname(directory))) {
      const options = ["test", "--no-prompt", "--parallel", `--coverage=${directory}`];
      const all = [...options, "--coverage-raw-data-only", ...flags, ...paths];
      if (await deno(all, true) === undefined) return 1;
    }
    const lcov = await deno(["coverage", "--lcov", directory], true);
    if (lcov === undefined) return 1;
    const few: string[] = [];
    for (const folder of PACKAGES) {
      const coverage = parseLcov(lcov, (file) => isOf(folder, file));
      await print(folder, coverage);
      if (percentOf(coverage.branches) < least) few.push(folder);
    }
    if (few.length === 0) return 0;
    console.error(`fewer than ${least} % of the branches of ${few.join(" and ")} are executed`);
    return 1;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
