/**
 * The operator's pages: their commands run, against real nodes; the metrics that they name exist, and so does what they link to.
 *
 * @module
 */
import { DEFAULT_CONFIG, RAFT_METRICS } from "@coracle/core";
import { STORE_METRICS } from "@coracle/store-fs";
import { TRANSPORT_METRICS } from "@coracle/transport-tcp";
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { type Cluster, type ClusterNode, clusterTest } from "../support/cluster.ts";
import { ROOT } from "../support/process.ts";
import { readBlocks, runScript } from "./commands.ts";

const OPERATIONS = "docs/operations.md";
const read = async (path: string) => await Deno.readTextFile(join(ROOT, path));

clusterTest("each command of docs/operations.md runs, in its order", async (cluster) => {
  await cluster.leader();
  for (const { script, situation, shownBecause } of readBlocks(OPERATIONS)) {
    if (shownBecause === undefined) await inSituation(cluster, situation, script);
  }
}, { http: true });

async function inSituation(cluster: Cluster, situation: string, script: string): Promise<void> {
  const run = async (more: Readonly<Record<string, string>> = {}): Promise<void> => {
    const running = cluster.nodes.filter((node) => node.isRunning);
    await runScript(script, cluster.directory, {
      ENDPOINTS: running.map(({ grpc }) => grpc).join(","),
      HTTP: `http://${cluster.nodes[0]!.http}`,
      ...more,
    });
  };
  const [n1, n2, n3] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  switch (situation) {
    case "":
      return await run();
    case "joining":
      return await run({ N4: cluster.join().raft });
    case "lost-minority": {
      const removed = cluster.nodes.find(({ id }) => id === "n4")!;
      assertEquals(await removed.exitCode(), 0, "a removed node stops by itself");
      await n3.kill();
      await cluster.leader();
      return await run({ N5: cluster.join().raft });
    }
    case "stopped":
      await n2.stop();
      await run({ DATA: n2.directory });
      n2.start();
      await n2.hasApplied(1);
      return;
    case "lost-majority": {
      await Promise.all(cluster.nodes.filter((node) => node.isRunning).map((node) => node.kill()));
      await run({ DATA: n1.directory, ADDRESS: n1.raft });
      n1.start(["--cluster-id=recovered"]);
      assertEquals(await cluster.leader(), n1);
      return;
    }
    default:
      throw new Error(`nobody brings about ${situation}`);
  }
}

Deno.test("each metric that docs/operations.md names exists", async () => {
  const known = { ...RAFT_METRICS, ...TRANSPORT_METRICS, ...STORE_METRICS };
  const text = await read(OPERATIONS);
  const rows = text.split("\n").filter((line) =>
    /^\| [a-z -]+ \| `/.test(line.replaceAll(/ +/g, " "))
  );
  const named = rows.flatMap((row) =>
    [...row.split("|")[2]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
  )
    .filter((name) => !["/ready", "status"].includes(name));
  assert(named.length >= 15, `only ${named.length} are found`);
  assertEquals(named.filter((name) => !Object.hasOwn(known, name)), []);
});

Deno.test("each setting that the table of timeouts names exists, with its default", async () => {
  const defaults = { ...DEFAULT_CONFIG } as Record<string, unknown>;
  const [, section] = (await read(OPERATIONS)).split("\n## Timeouts\n");
  const rows = [...section!.matchAll(/^\| `(\w+Ms)` +\| (\d+) /gm)];
  assertEquals(rows.length, 5);
  for (const [, field, value] of rows) assertEquals(defaults[field!], Number(value), field);
});

for (const page of [OPERATIONS, "docs/troubleshooting.md"]) {
  Deno.test(`what ${page} links to is there`, async () => {
    for (const [, target] of (await read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      const [path, anchor] = target!.split("#");
      const file = path === "" ? page : join(dirname(page), path!);
      const { isFile } = await Deno.stat(join(ROOT, file));
      if (anchor === undefined || !isFile) continue;
      const anchors = [...(await read(file)).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
        title!.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")
      );
      assert(anchors.includes(anchor), `${target}: ${file} has no such heading`);
    }
  });
}
