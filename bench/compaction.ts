/**
 * Ten million commands of 128 bytes with automatic snapshots: memory and disk over time.
 * `deno task bench:compaction [--count=10000000] [--conc=256] [--size=128]`.
 *
 * @module
 */
import { leaderOf, RaftProcess } from "../tests/support/raft_process.ts";
import { numbers, refuseUnknownOptions } from "./options.ts";

const ROUNDS = 20;

refuseUnknownOptions(["count", "conc", "size"]);
const [count] = numbers("count", "10000000");
const [conc] = numbers("conc", "256");
const [size] = numbers("size", "128");
const directory = await Deno.makeTempDir({ prefix: "coracle-compaction-" });
await using stack = new AsyncDisposableStack();
stack.defer(() => Deno.remove(directory, { recursive: true }));
const nodes: RaftProcess[] = [];
for (const id of ["n1", "n2", "n3"]) {
  nodes.push(stack.use(
    await RaftProcess.start({
      id,
      directory: `${directory}/${id}`,
      address: "127.0.0.1:0",
      config: { snapshotIntervalMs: 2_000 },
    }),
  ));
}
const servers = nodes.map(({ id, address }) => ({ id, address, suffrage: "voter" as const }));
await nodes[0]!.ask({ type: "bootstrap", configuration: { servers } });
const leader = await leaderOf(() => nodes);
console.log(
  `  applied   applies/s   ${nodes.map(({ id }) => `${id} RSS MiB  disk MiB`).join("   ")}`,
);
for (let round = 1; round <= ROUNDS; round += 1) {
  const { seconds } = await leader.ask<{ seconds: number }>({
    type: "sequence",
    count: count! / ROUNDS,
    size: size!,
    conc: conc!,
  });
  const columns = await Promise.all(nodes.map(async (node) => {
    const { rssBytes } = await node.status();
    const diskBytes = await sizeOf(`${directory}/${node.id}`);
    return `${mib(rssBytes).padStart(10)}${mib(diskBytes).padStart(10)}`;
  }));
  const applied = String(round * count! / ROUNDS).padStart(9);
  const rate = String(Math.round(count! / ROUNDS / seconds)).padStart(12);
  console.log(`${applied}${rate}   ${columns.join("   ")}`);
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}

async function sizeOf(path: string): Promise<number> {
  let bytes = 0;
  for await (const entry of Deno.readDir(path)) {
    const child = `${path}/${entry.name}`;
    // A segment may be removed while it is looked at.
    if (entry.isDirectory) bytes += await sizeOf(child);
    else bytes += (await Deno.stat(child).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}
