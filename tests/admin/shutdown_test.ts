/**
 * A node that is shut down by the service for administration stops as it should, and says so to who asked.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { type CallResult, NodeClient } from "../support/node_client.ts";
import { textFields } from "../support/protobuf.ts";

function value<T>(result: CallResult<T>): T {
  assert(result.ok, JSON.stringify(result));
  return result.value;
}

clusterTest("Shutdown answers, and the process ends well", async (cluster) => {
  const leader = await cluster.leader();
  // Before that, the two that are left might elect nobody ("What it costs", docs/divergences.md).
  await eventually(
    "every node knows all stores by name",
    () =>
      cluster.nodes.every(({ log }) => /works with configuration \d+: (.*"storeId"){3}/.test(log)),
  );
  await using client = new NodeClient(leader.grpc);
  const future = value(await client.call("/RaftAdmin/Shutdown", new Uint8Array(0)));
  const result = value(await client.call("/RaftAdmin/Await", future));
  assertEquals(textFields(result, 1), [], "no error");
  assertEquals(await client.call("/RaftAdmin/Forget", future), {
    ok: true,
    value: new Uint8Array(0),
  });
  assertEquals(await leader.exitCode(), 0, leader.log);
  assert(/ was told to stop, and has$/m.test(leader.log), leader.log);
  const next = await cluster.leader();
  assert(next !== leader);
  leader.start();
  await using nextClient = new NodeClient(next.grpc);
  await cluster.haveApplied(value(await nextClient.addWord("oar")));
});

clusterTest("a token that nobody asks for keeps no node from ending", async (cluster) => {
  const leader = await cluster.leader();
  await using client = new NodeClient(leader.grpc);
  value(await client.call("/RaftAdmin/Shutdown", new Uint8Array(0)));
  assertEquals(await leader.exitCode(), 0, leader.log);
}, { nodes: 1 });
