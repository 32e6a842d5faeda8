/**
 * Nothing is left of a laboratory, however it ends.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { eventually } from "../../support/eventually.ts";
import { RunningProcess } from "../../support/process.ts";
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

/** How many processes on this machine have `mark` in their command line. */
function processesWith(mark: string): number {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => {
    try {
      return /^\d+$/.test(name) && Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(mark);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  }).length;
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

function endsWithoutTrace(how: string, end: (process: RunningProcess) => void): void {
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
    assert(processesWith(`sleep 1000000 # ${mark}`) > 0);
    end(process);
    await eventually("its directory is gone", () => !isThere(directory!));
    await eventually("its processes are gone", () => processesWith(mark) === 0);
    const mounts = Deno.readTextFileSync("/proc/self/mounts");
    assertEquals(mounts.includes(directory!), false);
  });
}

endsWithoutTrace("after Ctrl-C", (process) => process.signal("SIGINT"));
endsWithoutTrace("after a request to stop", (process) => process.signal("SIGTERM"));
endsWithoutTrace("when its program is killed", (process) => killInside(process));

/** Kills the program itself, which runs below a shell and `unshare`. */
function killInside({ pid }: RunningProcess): void {
  const childOf = (parent: number): number =>
    Number(Deno.readTextFileSync(`/proc/${parent}/task/${parent}/children`).trim().split(" ")[0]);
  Deno.kill(childOf(childOf(pid)), "SIGKILL");
}
