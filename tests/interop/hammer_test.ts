/**
 * Clients written in Go work against our nodes as they are: a program on grpc-go that finds the leader by health,
 * over a comma list of addresses, and retries what may be retried. Skipped where there is no Go.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { readNodeLog } from "../support/node_log.ts";
import { RunningProcess } from "../support/process.ts";

const MODULE = join(import.meta.dirname!, "hammer");
const WORDS = 2000;

/** Runs a command of `go` in the module. */
function go(command: string, ...args: readonly string[]): RunningProcess {
  return new RunningProcess("go", [command, "-C", MODULE, ...args]);
}

/** Why the test cannot be run here; `undefined` if it can. */
async function missing(): Promise<string | undefined> {
  try {
    const { code, stderr } = await go("list", "-deps", ".").exited;
    return code === 0 ? undefined : `its modules cannot be downloaded: ${stderr.trim()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no go on this machine";
    throw error;
  }
}

const reason = await missing();
if (reason !== undefined) console.log(`hammer in Go is skipped: ${reason}`);

clusterTest(
  "a load client in Go adds its words, also while the leader is killed",
  async (cluster) => {
    const built = await go("build", "-o", "/dev/null", ".").exited;
    assertEquals(built.code, 0, built.stderr);

    const addresses = cluster.endpoints.map((address) => address.replace("127.0.0.1", "localhost"));
    await using hammer = go(
      "run",
      ".",
      `-target=multi:///${addresses.join(",")}`,
      `-words=${WORDS}`,
    );
    const added = () => [...hammer.stdout.matchAll(/^added (\d+) (\S+)$/gm)];
    await eventually("a quarter of the words are added", () => added().length >= WORDS / 4);
    const leader = await cluster.leader();
    await leader.kill();
    assertEquals(hammer.hasEnded, false, "it was to be killed on the way");
    leader.start();
    const { code, stdout, stderr } = await hammer.exited;
    assertEquals(
      [code, stderr],
      [0, ""],
      stdout.split("\n").filter((line) => /^failed/.test(line)).join("\n"),
    );

    const words = new Map(added().map(([, index, word]) => [word!, Number(index)]));
    assertEquals(words.size, WORDS);
    await cluster.haveApplied(Math.max(...words.values()));
    await cluster.stopAll();
    for (const { directory } of cluster.nodes) {
      const { entries } = await readNodeLog(directory);
      for (const [word, index] of words) {
        assertEquals(entries.get(index)?.data, word, `${directory} has lost entry ${index}`);
      }
    }
  },
  { ignore: reason !== undefined },
);
