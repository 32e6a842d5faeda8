/**
 * Reads the repository's deno.json files.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const ROOT = new URL("..", import.meta.url);

/** The content of a configuration file; the path is from the root. Comments fill lines of their own. */
export async function readConfig(path: string): Promise<Record<string, unknown>> {
  const text = await Deno.readTextFile(fileURLToPath(new URL(path, ROOT)));
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, ""));
}
