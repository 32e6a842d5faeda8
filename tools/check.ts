/**
 * Everything that can be said of the sources without running them: `deno task check`.
 *
 * All steps run, also after one fails, so that one run shows everything that is wrong.
 *
 * @module
 */

import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { readConfig } from "./config.ts";

interface Step {
  name: string;
  /** Arguments for deno. */
  args: string[];
  /** Folder to run in, from the root. */
  folder?: string;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A package that is published: its folder, and its entries, from the root. */
interface Package {
  folder: string;
  entries: string[];
}

/** The packages of the workspace, as the deno.json files say. */
async function packages(): Promise<Package[]> {
  const { workspace } = await readConfig(join(ROOT, "deno.json")) as { workspace: string[] };
  return await Promise.all(workspace.map(async (member) => {
    const folder = normalize(member);
    const { exports } = await readConfig(join(ROOT, folder, "deno.json")) as {
      exports: string | Record<string, string>;
    };
    const entries = typeof exports === "string" ? [exports] : Object.values(exports);
    return { folder, entries: entries.map((entry) => join(folder, entry)) };
  }));
}

/** Pages of documentation. For `deno check` a folder does not stand for them. */
async function pagesWithExamples(published: readonly Package[]): Promise<string[]> {
  const pages: string[] = [];
  for (const folder of [".", "docs", "docs/guides", ...published.map((one) => one.folder)]) {
    for await (const { name } of Deno.readDir(join(ROOT, folder))) {
      if (name.endsWith(".md")) pages.push(join(folder, name));
    }
  }
  return pages.sort();
}

async function steps(): Promise<Step[]> {
  const published = await packages();
  return [
    { name: "format", args: ["fmt", "--check"] },
    { name: "lint", args: ["task", "--quiet", "lint"] },
    {
      name: "types, also of examples in documentation",
      args: ["check", "--quiet", "--doc", ".", ...await pagesWithExamples(published)],
    },
    {
      name: "edges between packages",
      args: ["run", "--quiet", "--allow-run", "--allow-read", "--allow-write", "tools/edges.ts"],
    },
    {
      // All at once: a type of core that store-fs names is public only where core is seen as well.
      name: "documentation of all packages",
      args: ["doc", "--quiet", "--lint", ...published.flatMap(({ entries }) => entries)],
    },
    // --allow-dirty: what is being worked on is checked as well. --no-check: types were checked above.
    ...published.map(({ folder }): Step => ({
      name: `publishing of ${folder}`,
      args: ["publish", "--quiet", "--dry-run", "--allow-dirty", "--no-check"],
      folder,
    })),
  ];
}

/** Runs a step; what it printed is shown only if it fails. */
async function run({ name, args, folder = "." }: Step): Promise<boolean> {
  const start = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: join(ROOT, folder),
    env: Deno.stderr.isTerminal() && !Deno.noColor ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${success ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (!success) {
    for (const output of [stdout, stderr]) console.error(new TextDecoder().decode(output));
  }
  return success;
}

if (import.meta.main) {
  const failed: string[] = [];
  for (const step of await steps()) {
    if (!await run(step)) failed.push(step.name);
  }
  if (failed.length > 0) {
    console.error(`check failed: ${failed.join(", ")}`);
    Deno.exit(1);
  }
}
