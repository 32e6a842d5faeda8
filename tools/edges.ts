/**
 * Checks that imports go only along the edges in tools/edges/rules.ts, and that files do not import each other in circles: `deno task edges`.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { readConfig } from "./config.ts";
import { filesBelow, type Import, importsOf } from "./edges/graph.ts";
import { ACYCLIC, FOR_TESTS, type Part, PARTS } from "./edges/rules.ts";

/** An import that goes along no edge, and why. */
export interface Violation {
  import: Import;
  reason: string;
}

/** Names and folders of the workspace's packages: a package may be imported by its name only. */
export type Packages = Map<string, string>;

/** The imports that go along no edge. */
export function violations(imports: Import[], packages: Packages): Violation[] {
  return imports.flatMap((edge) => {
    const reason = whyNot(edge, packages);
    return reason === undefined ? [] : [{ import: edge, reason }];
  });
}

/** Why an import is wrong; nothing if it is right. */
function whyNot(edge: Import, packages: Packages): string | undefined {
  const part = partOf(edge.from);
  if (part === undefined) {
    return `${edge.from} lies in no part of the repository; name its folder in tools/edges/rules.ts`;
  }
  const isTest = isForTests(edge.from);
  const name = packageName(edge.specifier);
  if (name.startsWith("node:")) return undefined;
  if (packages.has(name)) {
    const allowed = [...part.packages, ...(isTest ? FOR_TESTS.packages : [])];
    // A package's tests may use it as its users do.
    const own = isTest && inFolder(edge.from, packages.get(name) ?? "");
    return own || allowed.includes(name) ? undefined : mayImport(part, allowed);
  }
  if (!edge.specifier.startsWith(".")) {
    const allowed = [...part.external, ...(isTest ? FOR_TESTS.external : [])];
    return allowed.includes(name) ? undefined : mayImport(part, allowed);
  }
  return whyNotPath(edge, part, isTest, packages);
}

/** Why an import by path is wrong; nothing if it is right. */
function whyNotPath(
  edge: Import,
  part: Part,
  isTest: boolean,
  packages: Packages,
): string | undefined {
  const owner = ownerOf(edge.target, packages);
  if (owner !== ownerOf(edge.from, packages)) {
    return owner === undefined
      ? `${edge.target} belongs to no package`
      : `a file of another package: import "${owner}"`;
  }
  const target = partOf(edge.target);
  if (target === undefined) return `${edge.target} lies in no part of the repository`;
  if (target.folder === part.folder) return undefined;
  // A test may set the scene with anything of its own package.
  if (isTest && owner !== undefined) return undefined;
  if (part.parts?.includes(target.folder)) return undefined;
  if (part.types?.includes(target.folder)) {
    return edge.typeOnly ? undefined : `only types of ${target.folder} may be imported`;
  }
  return mayImport(part, [...(part.parts ?? []), ...(part.types ?? [])]);
}

/**
 * The imports that close a circle of files, among those that `ACYCLIC` names: nobody could read one of them first. Tests may import
 * what imports what they help with.
 */
export function circles(imports: Import[]): Violation[] {
  const files = new Map<string, Import[]>();
  for (const edge of imports) {
    if (!isAcyclic(edge.from) || !isAcyclic(edge.target)) continue;
    files.set(edge.from, [...files.get(edge.from) ?? [], edge]);
  }
  const found: Violation[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (done.has(file)) return;
    for (const edge of files.get(file) ?? []) {
      const begin = [...path, file].indexOf(edge.target);
      if (begin < 0) visit(edge.target, [...path, file]);
      else {
        const circle = [...path, file, edge.target].slice(begin).join(" → ");
        found.push({ import: edge, reason: `it closes a circle: ${circle}` });
      }
    }
    done.add(file);
  };
  for (const file of files.keys()) visit(file, []);
  return found;
}

function isAcyclic(file: string): boolean {
  return ACYCLIC.some((folder) => inFolder(file, folder)) && !isForTests(file);
}

function mayImport(part: Part, allowed: string[]): string {
  return allowed.length === 0
    ? `${part.folder} may import nothing of that kind`
    : `${part.folder} may import ${allowed.join(", ")}`;
}

function partOf(file: string): Part | undefined {
  return PARTS.filter(({ folder }) => inFolder(file, folder))
    .sort((a, b) => b.folder.length - a.folder.length)[0];
}

/** The name of the package that a file belongs to; nothing for tests, tools and other folders. */
function ownerOf(file: string, packages: Packages): string | undefined {
  return [...packages].find(([, folder]) => inFolder(file, folder))?.[0];
}

/** Whether a file is a test, a benchmark, or lies in a folder of helpers for them. */
function isForTests(file: string): boolean {
  return /_(test|bench)\.ts$/.test(file) || file.includes("/_testing/");
}

function inFolder(file: string, folder: string): boolean {
  return file.startsWith(`${folder}/`);
}

/** The package of a specifier, without registry, version and path inside the package. */
function packageName(specifier: string): string {
  if (specifier.startsWith("node:")) return specifier;
  const bare = specifier.replace(/^(npm|jsr):\/?/, "");
  return /^(@[^/]+\/)?[^/@]+/.exec(bare)?.[0] ?? bare;
}

/** The packages of the workspace at `root`. */
export async function workspacePackages(root: string): Promise<Packages> {
  const packages: Packages = new Map();
  for (const folder of new Set(PARTS.map(({ folder }) => folder))) {
    const manifest = `${root}/${folder}/deno.json`;
    if (!await exists(manifest)) continue;
    const { name } = await readConfig(manifest) as { name: string };
    packages.set(name, folder);
  }
  return packages;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The imports of the repository at `root` that go along no edge. */
export async function checkEdges(root: string): Promise<Violation[]> {
  const files: string[] = [];
  for (const top of new Set(PARTS.map(({ folder }) => folder.split("/")[0] ?? folder))) {
    if (await exists(`${root}/${top}`)) files.push(...await filesBelow(root, top));
  }
  const imports = await importsOf(root, files);
  const wrong = violations(imports, await workspacePackages(root));
  // A circle that a wrong import closes goes with it.
  return wrong.length > 0 ? wrong : circles(imports);
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const found = await checkEdges(root);
  for (const { import: { from, specifier }, reason } of found) {
    console.error(`${from}: import of "${specifier}": ${reason}`);
  }
  if (found.length > 0) Deno.exit(1);
}
