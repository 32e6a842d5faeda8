/**
 * The golden scripts of the consensus: where they lie and how they are brought up to date.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** A script as it is recorded. */
export interface Recorded {
  /** Its file's name without the ending. */
  readonly name: string;
  /** Its file. */
  readonly path: string;
  /** Its commands and what they printed when it was recorded. */
  readonly text: string;
}

/** The folder of the scripts. */
export const FOLDER: string = fileURLToPath(
  new URL("../../core/consensus/golden", import.meta.url),
);

/** All scripts, by name. */
export function recordedScripts(): Recorded[] {
  const names = [...Deno.readDirSync(FOLDER)].map((entry) => entry.name)
    .filter((name) => name.endsWith(".txt")).sort();
  return names.map((file) => {
    const path = `${FOLDER}/${file}`;
    return { name: file.slice(0, -4), path, text: Deno.readTextFileSync(path) };
  });
}
