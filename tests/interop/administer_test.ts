/**
 * A program in Go calls every method of every service of our nodes, and checks the answers against hashicorp/raft's
 * interfaces. Skipped where there is no Go.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { clusterTest } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { goProblem, runGo } from "../support/go.ts";

const reason = await goProblem();
if (reason !== undefined) console.log(`administer in Go is skipped: ${reason}`);

function namesAfter(word: string, output: string): string[] {
  const lines = output.matchAll(RegExp(`^${word} (\\S+)$`, "gm"));
  return [...new Set([...lines].map(([, name]) => name!))].toSorted();
}

clusterTest(
  "a program in Go administers a cluster, with every method there is",
  async (cluster) => {
    const members = [...cluster.nodes];
    await cluster.leader();
    const spare = cluster.join();
    const place = ({ id, grpc, raft }: typeof spare) => `${id}=${grpc}=${raft}`;
    await using administer = await runGo(
      "administer",
      `-nodes=${members.map(place).join(",")}`,
      `-spare=${place(spare)}`,
    );
    const { code, stdout, stderr } = await administer.exited;
    assertEquals([code, stderr], [0, ""], stdout);
    // What the nodes say themselves that they have.
    assertEquals(namesAfter("ok", stdout), namesAfter("method", stdout));

    // Removed, and told to stop: both have ended as they should.
    const [stopped] = namesAfter("stopped", stdout);
    for (const node of [spare, members.find(({ id }) => id === stopped)!]) {
      await eventually(`${node.id} has ended`, () => !node.isRunning);
      assertEquals(await node.exitCode(), 0, node.log);
    }
  },
  { ignore: reason !== undefined },
);
