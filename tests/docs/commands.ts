/**
 * The commands of a page: its blocks of `sh`, each of which says whether it is run, in which situation, or why not.
 *
 * ````text
 * ```sh run                   is run
 * ```sh run stopped           is run in the situation of that name, which the test brings about
 * ```sh shown="the reason"    is only shown
 * ````
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { ROOT, RunningProcess } from "../support/process.ts";

/** A block of commands. */
export interface Block {
  /** What is run. */
  readonly script: string;
  /** The situation that it is run in; empty for none in particular. */
  readonly situation: string;
  /** Why it is not run, if it is not. */
  readonly shownBecause: string | undefined;
}

/** The blocks of the page at `path`, in order. Throws for one that says neither that it is run nor why not. */
export function readBlocks(path: string): Block[] {
  const page = Deno.readTextFileSync(join(ROOT, path));
  return [...page.matchAll(/^```(?:sh|bash|shell)(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, info = "", script = ""]) => {
      const groups = /^ (?:run(?: (?<situation>[a-z-]+))?|shown="(?<reason>[^"]+)")$/.exec(info)
        ?.groups;
      if (groups === undefined) {
        throw new Error(`${path}: a block says neither "run" nor shown="why not":\n${script}`);
      }
      const { situation = "", reason } = groups;
      return { script, situation, shownBecause: reason };
    },
  );
}

/** Runs `script` as a shell does, in `directory`, where `coracle` is this program. It must succeed. */
export async function runScript(
  script: string,
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const bin = join(directory, "bin");
  await Deno.mkdir(bin, { recursive: true });
  const config = join(ROOT, "deno.json");
  const main = join(ROOT, "apps/node/main.ts");
  await Deno.writeTextFile(
    join(bin, "coracle"),
    `#!/bin/sh\nexec '${Deno.execPath()}' run --quiet --no-prompt --config='${config}' -P=deployed '${main}' "$@"\n`,
    { mode: 0o755 },
  );
  const path = `${bin}:${Deno.env.get("PATH") ?? ""}`;
  const shell = new RunningProcess("/bin/sh", ["-eu", "-c", script], {
    cwd: directory,
    env: { ...env, PATH: path },
    input: "",
  });
  const { code, stdout, stderr } = await shell.exited;
  assertEquals(code, 0, `${script}\n${stdout}${stderr}`);
}
