/**
 * The members of a loaded cluster change in every way, on real processes: nothing that was acknowledged is lost, and no
 * write is left in doubt.
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { leaderOf, RaftProcess } from "../support/raft_process.ts";
import { Writers } from "../support/writers.ts";

Deno.test("members come and go and leadership moves under the writes of ten clients", async () => {
  const directory = await Deno.makeTempDir({ prefix: "coracle-churn-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const nodes: RaftProcess[] = [];
  const start = async (id: string) => {
    const node = await RaftProcess.start({
      id,
      directory: `${directory}/${id}`,
      address: "127.0.0.1:0",
      config: { snapshotIntervalMs: 500, snapshotThreshold: 500, trailingLogs: 100 },
    });
    stack.use(node);
    nodes.push(node);
    return node;
  };
  for (const id of ["n1", "n2", "n3"]) await start(id);
  const servers = nodes.map(({ id, address }) => ({ id, address, suffrage: "voter" as const }));
  await nodes[0]!.ask({ type: "bootstrap", configuration: { servers } });
  const members = () => nodes.filter((node) => node.isRunning && node.stopped === undefined);
  let leader = await leaderOf(members);
  const writers = new Writers(10, members);
  await eventually("writes", () => writers.written > 200);

  // A fourth and a fifth node join.
  for (const id of ["n4", "n5"]) {
    const node = await start(id);
    leader = await leaderOf(members);
    await leader.ask({ type: "addVoter", id, address: node.address });
  }
  // One voter is removed, and stops by itself.
  const goner = nodes.find((node) => node !== leader)!;
  await leader.ask({ type: "removeServer", id: goner.id });
  await stopGone(goner);
  // The leader removes itself.
  await leader.ask({ type: "removeServer", id: leader.id });
  await eventually("the removed leader to stop", () => leader.stopped !== undefined);
  // Leadership moves ten times.
  for (let move = 0; move < 10; move += 1) {
    leader = await leaderOf(members);
    const before = writers.written;
    await leader.ask({ type: "transfer" });
    await eventually("writes after the move", () => writers.written > before + 20);
  }

  const accounts = await writers.stop();
  assertGreater(writers.written, 500);
  assertEquals(accounts.flatMap(({ unknown }) => unknown), []);
  leader = await leaderOf(members);
  const { digest, configuration } = await leader.status();
  assertEquals(configuration.servers.length, 3);
  assertEquals(configuration.servers.every((server) => server.suffrage === "voter"), true);
  for (
    const node of members().filter((one) => configuration.servers.some((s) => s.id === one.id))
  ) {
    await eventually(
      `${node.id} to apply everything`,
      async () => (await node.status()).digest === digest,
    );
    for (const { client, written } of accounts) {
      const missing = await node.ask({ type: "missing", client, serials: written });
      assertEquals(missing, [], `acknowledged writes of ${client} that ${node.id} has not got`);
    }
  }
});

/** A removed follower may not hear of it if its leader goes first; then nobody misses it either. */
async function stopGone(node: RaftProcess): Promise<void> {
  await eventually("the removed voter to stop", () => node.stopped !== undefined);
}
