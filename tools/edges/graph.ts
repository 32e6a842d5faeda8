/**
 * The import graph of the repository's own files, as `deno info --json` gives it.
 *
 * @module
 */

import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** One import of one file. */
export interface Import {
  /** Importing file, from the root, with slashes. */
  from: string;
  /** What the file says. */
  specifier: string;
  /** Where that leads: a file from the root, with slashes, or a specifier such as `npm:zod@4.6.7`. */
  target: string;
  /** Whether only types are imported. */
  typeOnly: boolean;
}

/** What is used of the output of `deno info --json`. */
interface Info {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      specifier: string;
      code?: { specifier?: string; error?: string };
      type?: { specifier?: string; error?: string };
    }[];
  }[];
}

/** All imports of the given files, in order. Paths are from `root`, where the deno.json lies. */
export async function importsOf(root: string, files: string[]): Promise<Import[]> {
  // `deno info` takes one file; one that imports all others costs one process instead of hundreds.
  const all = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const lines = files.map((file) => `import "${pathToFileURL(join(root, file)).href}";\n`);
    await Deno.writeTextFile(all, lines.join(""));
    const info = await denoInfo(root, all);
    const wanted = new Set(files);
    return info.modules.flatMap(({ specifier, error, dependencies = [] }) => {
      const from = fromRoot(root, specifier);
      if (!wanted.has(from)) return [];
      if (error !== undefined) throw new Error(`${from}: ${error}`);
      return dependencies.map((dependency) => toImport(root, from, dependency));
    });
  } finally {
    await Deno.remove(all);
  }
}

type Dependency = NonNullable<Info["modules"][number]["dependencies"]>[number];

function toImport(root: string, from: string, { specifier, code, type }: Dependency): Import {
  const error = code?.error ?? type?.error;
  if (error !== undefined) throw new Error(`${from}: ${error}`);
  const target = code?.specifier ?? type?.specifier ?? specifier;
  return { from, specifier, target: fromRoot(root, target), typeOnly: code === undefined };
}

async function denoInfo(root: string, file: string): Promise<Info> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--config", join(root, "deno.json"), file],
    cwd: root,
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`deno info failed: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function fromRoot(root: string, specifier: string): string {
  if (!specifier.startsWith("file:")) return specifier;
  return relative(root, fileURLToPath(specifier)).replaceAll(sep, "/");
}

/** All source files below a folder of `root`; paths are from `root`, with slashes. */
export async function filesBelow(root: string, folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...await filesBelow(root, path));
    else if (/\.[cm]?[jt]sx?$/.test(entry.name)) files.push(path);
  }
  return files;
}
