/**
 * Nothing is left of a laboratory, however it ends.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { eventually } from "../../support/eventually.ts";
import { RunningProcess } from "../../support/process.ts";
import { must } from "./commands.ts";
import { insideLaboratory, laboratoryCommand } from "./laboratory.ts";
import { examineMachine } from "./machine.ts";

const machine = insideLaboratory()?.machine ?? examineMachine();
const LABORATORY = new URL("./laboratory.ts", import.meta.url).href;

/** Leaves a file, a mount where there are any, and a process that would go on for ever; then does nothing. */
function inhabitant(mark: string): string {
  return `
    import { endWhenAsked, insideLaboratory } from "${LABORATORY}";
    const { directory, machine } = insideLaboratory();
    void endWhenAsked();
    Deno.mkdirSync(directory + "/mounted");
    if (machine.missing.mounts === undefined) {
      const args = ["-t", "tmpfs", "coracle", directory + "/mounted"];
      const { success } = new Deno.Command("mount", { args }).outputSync();
      if (!success) throw new Error("nothing is mounted");
    }
    Deno.writeTextFileSync(directory + "/mounted/file", "");
    new Deno.Command("sh", { args: ["-c", "sleep 1000000 # ${mark}"] }).spawn();
    console.log(directory);
  `;
}

/** The numbers of the processes on this machine that have `mark` in their command line. */
async function processesWith(mark: string): Promise<string[]> {
  // The mark is read, not given, since it would be in the command line of whoever looks for it.
  const script = "grep -slFf - /proc/[0-9]*/cmdline || true";
  const files = await must("sh", ["-c", script], mark);
  return [...files.matchAll(/\d+/g)].map(([pid]) => pid);
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function endsWithoutTrace(
  how: string,
  end: (process: RunningProcess, mark: string) => void | Promise<void>,
): void {
  // Without namespaces nobody ends processes that were left behind.
  Deno.test({ name: `nothing is left ${how}`, ignore: !machine.hasNamespaces }, async () => {
    const mark = `mark-${crypto.randomUUID()}`;
    const script = inhabitant(mark);
    const { command, args, env } = laboratoryCommand(machine, [
      Deno.execPath(),
      "eval",
      "--quiet",
      script,
    ]);
    await using process = new RunningProcess(command, args, { env, ownGroup: true });
    const [, directory] = await process.printed(/^(\/.*)\n/m);
    assert(isThere(directory!));
    assert((await processesWith(`sleep 1000000 # ${mark}`)).length > 0);
    await end(process, mark);
    await eventually("its directory is gone", () => !isThere(directory!));
    await eventually("its processes are gone", async () => {
      return (await processesWith(mark)).length === 0;
    });
    const mounts = await must("cat", ["/proc/self/mounts"]);
    assertEquals(mounts.includes(directory!), false);
  });
}

endsWithoutTrace("after Ctrl-C", (process) => process.signal("SIGINT"));
endsWithoutTrace("after a request to stop", (process) => process.signal("SIGTERM"));
endsWithoutTrace("when its program is killed", async (_process, mark) => {
  for (const pid of await processesWith(mark)) {
    // One that has ended by itself since they were listed needs no end.
    const name = await must("cat", [`/proc/${pid}/comm`]).catch(() => "");
    if (name.trim() === "deno") Deno.kill(Number(pid), "SIGKILL");
  }
});
