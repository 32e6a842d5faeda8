/**
 * The options of a benchmark, as `--name=value`.
 *
 * @module
 */

/** The value of `--name=`, or `fallback`. */
export function option(name: string, fallback: string): string {
  return Deno.args.find((argument) => argument.startsWith(`--${name}=`))
    ?.slice(name.length + 3) ?? fallback;
}

/** Whether `--name` is given. */
export function flag(name: string): boolean {
  return Deno.args.includes(`--${name}`);
}

/** The value of `--name=` as a list of positive whole numbers. Exits with 2 if it is not one. */
export function numbers(name: string, fallback: string): number[] {
  const given = option(name, fallback);
  const list = given.split(",").map(Number);
  if (list.every((one) => Number.isInteger(one) && one > 0)) return list;
  console.error(`--${name}=${given}: allowed are positive whole numbers, separated by commas`);
  Deno.exit(2);
}

/** Ends with 2 if an option is given that is not among `known`. */
export function refuseUnknownOptions(known: readonly string[]): void {
  for (const argument of Deno.args) {
    const name = argument.replace(/^--/, "").split("=")[0]!;
    if (argument.startsWith("--") && known.includes(name)) continue;
    console.error(`${argument}: allowed are ${known.map((one) => `--${one}`).join(", ")}`);
    Deno.exit(2);
  }
}
