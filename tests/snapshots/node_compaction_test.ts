/**
 * The node that people run keeps its log short by itself, and has everything when it starts again.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { nodeArgs, runDeno, RunningProcess } from "../support/process.ts";

const WORDS = 3000;

Deno.test("a node makes snapshots, and drops what they contain", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-compaction-" });
  const [raftPort, grpcPort] = freePorts(2);
  const grpc = `127.0.0.1:${grpcPort}`;
  const start = () =>
    RunningProcess.deno(nodeArgs(
      "start",
      "--stop-with-stdin",
      `--data-dir=${dir}/data`,
      `--raft-listen=127.0.0.1:${raftPort}`,
      `--grpc-listen=${grpc}`,
      "--snapshot-threshold=100",
      "--snapshot-interval-ms=20",
      "--snapshot-retain=1",
      "--trailing-logs=20",
      "--segment-size-bytes=4096",
    ));
  // deno-lint-ignore no-explicit-any -- as printed
  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await runDeno(
      nodeArgs(...args, `--endpoints=${grpc}`, "--json"),
    );
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const stop = async (node: RunningProcess) => {
    node.signal("SIGTERM");
    assertEquals((await node.exited).code, 0, node.stderr);
  };
  try {
    {
      await using node = start();
      await eventually("the node leads", () => / is leader in term /.test(node.stderr));
      await json("add", "a word that stays");
      await json("bench", `--calls=${WORDS}`);
      await eventually("a snapshot contains nearly all", async () => {
        const { nodes: [status] } = await json("status");
        return status.lastSnapshotIndex > WORDS - 100;
      });
      await stop(node);
    }
    const { stdout } = await runDeno(nodeArgs("inspect", `${dir}/data`, "--json"));
    const { firstIndex, lastIndex, snapshots } = JSON.parse(stdout);
    assert(firstIndex > WORDS / 2, `the log begins with entry ${firstIndex}`);
    assert(lastIndex > WORDS);
    assertEquals(snapshots.length, 1);

    await using node = start();
    await eventually("the node leads again", () => / is leader in term /.test(node.stderr));
    assertEquals((await json("words")).bestWords[0], "a word that stays");
    await stop(node);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
