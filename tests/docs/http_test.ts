/**
 * docs/http.md: its commands run as they stand there, on ports of their own.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { type Cluster, clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { ROOT, RunningProcess } from "../support/process.ts";

const page = await Deno.readTextFile(join(ROOT, "docs/http.md"));
/** The page's commands, a line each. */
const commands = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, script]) =>
  script!.split("\n").filter((line) => line !== "")
);

/** What a command of the page prints, at the nodes of `cluster`. */
async function run(cluster: Cluster, command: string): Promise<string> {
  const here = command.replaceAll(
    /localhost:808(\d)/g,
    (_, at) => cluster.nodes[Number(at)]!.http!,
  );
  const curl = here.replace(/^curl /, "curl --silent --show-error --fail-with-body --location ");
  const shell = new RunningProcess("/bin/sh", ["-c", curl], { cwd: cluster.directory });
  const { code, stdout, stderr } = await shell.exited;
  assertEquals(code, 0, `${curl}\n${stdout}${stderr}`);
  return stdout;
}

clusterTest("each command of docs/http.md runs, in its order", async (cluster) => {
  await eventually("all nodes are ready", async () => {
    const ready = cluster.nodes.map(async ({ http }) =>
      (await fetch(`http://${http}/ready`)).json().then((answer) => answer.leader)
    );
    const leaders = await Promise.all(ready).catch(() => []);
    return leaders.length > 0 && leaders.every((one) => one !== undefined && one === leaders[0]);
  });
  assertEquals(commands.length, 4);
  const [add, words, backup, restore] = commands as [string, string, string, string];
  assertEquals(JSON.parse(await run(cluster, add)).words.length, 2);
  assertEquals(JSON.parse(await run(cluster, words)).bestWords.slice(0, 2), ["paddle", "oar"]);
  await run(cluster, backup);
  const { size } = await Deno.stat(join(cluster.directory, "words.backup"));
  assert(size > 0);
  assertEquals(JSON.parse(await run(cluster, restore)).sizeBytes > 0, true);
  assertMatch(await run(cluster, words), /paddle/);
}, { http: true });
