/**
 * Reads the repository's deno.json files.
 *
 * @module
 */

/** The content of a configuration file. Comments in it fill lines of their own. */
export async function readConfig(path: string): Promise<Record<string, unknown>> {
  const text = await Deno.readTextFile(path);
  return JSON.parse(text.replace(/^\s*\/\/.*$/gm, ""));
}
