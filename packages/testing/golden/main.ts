/**
 * Runs the golden scripts: `deno task golden [--update] [NAME...]`.
 *
 * Without `--update` it says where the behaviour differs from what is recorded, and exits 1 if it does. With it, the
 * scripts are recorded anew; look at the difference before you commit it.
 *
 * @module
 */
import { recordedScripts } from "./recorded.ts";
import { firstDifference, runScript } from "./script.ts";

/** Runs the scripts that `args` name, or all; returns the exit code. */
export function main(args: readonly string[]): number {
  const isUpdate = args.includes("--update");
  const names = args.filter((arg) => !arg.startsWith("--"));
  const unknown = args.filter((arg) => arg.startsWith("--") && arg !== "--update");
  if (unknown.length > 0) {
    console.error(`no option ${unknown.join(" ")}; there is --update`);
    return 2;
  }
  const scripts = recordedScripts().filter(({ name }) =>
    names.length === 0 || names.includes(name)
  );
  if (scripts.length === 0) {
    console.error(`no script ${names.join(" ")}`);
    return 2;
  }
  let different = 0;
  for (const { name, path, text } of scripts) {
    const now = runScript(name, text);
    const difference = firstDifference(text, now);
    if (difference === undefined) continue;
    different += 1;
    if (isUpdate) Deno.writeTextFileSync(path, now);
    console.log(isUpdate ? `${name}: recorded` : `${name}: ${difference}`);
  }
  console.log(`${scripts.length} scripts, ${different} ${isUpdate ? "recorded" : "different"}`);
  return different > 0 && !isUpdate ? 1 : 0;
}

if (import.meta.main) Deno.exit(main(Deno.args));
