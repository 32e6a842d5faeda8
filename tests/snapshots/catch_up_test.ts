/**
 * A follower that was away for long comes back, on real processes: by snapshot and log, while writes go on.
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { leaderOf, RaftProcess } from "../support/raft_process.ts";
import { Writers } from "../support/writers.ts";

const ENTRIES = 200_000;

Deno.test("a follower that was down for 200,000 entries catches up by snapshot and log", async () => {
  const directory = await Deno.makeTempDir({ prefix: "coracle-catchup-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const start = (id: string, address = "127.0.0.1:0") =>
    RaftProcess.start({
      id,
      directory: `${directory}/${id}`,
      address,
      segmentSizeBytes: 1024 * 1024,
      config: { snapshotIntervalMs: 500, snapshotThreshold: 5_000, trailingLogs: 10_000 },
    });
  const nodes: RaftProcess[] = [];
  for (const id of ["n1", "n2", "n3"]) nodes.push(stack.use(await start(id)));
  const servers = nodes.map(({ id, address }) => ({ id, address, suffrage: "voter" as const }));
  await nodes[0]!.ask({ type: "bootstrap", configuration: { servers } });
  const leader = await leaderOf(() => nodes);
  const at = nodes.findIndex((node) => node !== leader);
  const { id, address } = nodes[at]!;
  await nodes[at]!.kill();
  await leader.ask({ type: "sequence", count: ENTRIES, size: 32, conc: 256 });
  await eventually("the log to be compacted", async () => (await leader.status()).firstIndex > 1);

  const writers = new Writers(4, () => [leader]);
  const follower = stack.use(await start(id, address));
  nodes[at] = follower;
  await eventually("the follower to be within reach", async () => {
    const [there, here] = [await leader.status(), await follower.status()];
    return here.appliedIndex > ENTRIES && there.commitIndex - here.appliedIndex < 1_000;
  });
  const accounts = await writers.stop();
  assertEquals(accounts.flatMap(({ unknown }) => unknown), []);
  assertGreater(writers.written, 0);

  const status = await follower.status();
  assertGreater(status.lastSnapshotIndex, 0, "it came by snapshot");
  assertGreater(status.lastIndex, status.lastSnapshotIndex, "and by log");
  const { digest, term } = await leader.status();
  await eventually("both to be equal", async () => (await follower.status()).digest === digest);
  assertEquals((await follower.status()).term, term);
});
