/**
 * Programs that a laboratory is set up with: each must succeed.
 *
 * @module
 */

/** Runs `command` with `args`; `input` is what it reads. Resolves to what it printed. Throws with what it said if it fails. */
export async function must(
  command: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) await new Blob([input]).stream().pipeTo(child.stdin);
  const { success, code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  const said = text.decode(stderr).trim();
  throw new Error(`${command} ${args.join(" ")} fails with ${code}: ${said}\n${input ?? ""}`);
}
