/**
 * `deno task cluster` as a person uses it at a terminal: start, look, Ctrl-C, start again.
 *
 * @module
 */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { NodeClient } from "../support/node_client.ts";
import { freePorts } from "../support/ports.ts";
import { type Exit, runDeno, RunningProcess } from "../support/process.ts";

const NODE_LINE =
  /^ {2}(?<id>n\d) {2}process (?<pid>\d+) {2}clients (?<grpc>\S+) {2}(?<url>http:\S+) {2}members (?<raft>\S+) /gm;

/** One `deno task cluster`, on a directory and ports that are kept for the next one. */
class ClusterTask implements AsyncDisposable {
  readonly #process: RunningProcess;

  constructor(directory: string, [grpcPort, httpPort, raftPort]: readonly number[]) {
    const flags = [
      `--dir=${directory}`,
      `--grpc-port=${grpcPort}`,
      `--http-port=${httpPort}`,
      `--raft-port=${raftPort}`,
    ];
    this.#process = RunningProcess.deno(["task", "--quiet", "cluster", ...flags], {
      ownGroup: true,
    });
  }

  /** What it has printed of its nodes, once one of them leads; the latest of each. */
  async nodes(): Promise<
    { id: string; pid: number; grpc: string; url: string; raft: string }[]
  > {
    await this.#process.printed(/Ctrl-C stops all nodes/);
    const lines = [...this.#process.stdout.matchAll(NODE_LINE)].map(({ groups }) => groups!);
    const latest = new Map(lines.map((line) => [line["id"]!, line]));
    return [...latest.values()].map(({ id, pid, grpc, url, raft }) => ({
      id: id!,
      pid: Number(pid),
      grpc: grpc!,
      url: url!,
      raft: raft!,
    }));
  }

  /** Runs the command that it has printed for another terminal: the one of `deno run -P apps/node`. */
  async runSuggested(command: "add" | "words"): Promise<Exit> {
    const [, args] = await this.#process.printed(
      RegExp(`^ {2}deno (run -P apps/node ${command}.*)$`, "m"),
    );
    return await runDeno(args!.split(" "));
  }

  /** Waits until it has printed `pattern`. */
  async printed(pattern: RegExp): Promise<void> {
    await this.#process.printed(pattern);
  }

  /** Resolves when the command has ended by itself. */
  async ended(): Promise<Exit> {
    return await this.#process.exited;
  }

  /** Presses Ctrl-C: every process of the terminal hears of it. Resolves when the command has ended. */
  async interrupt(): Promise<Exit> {
    this.#process.signal("SIGINT");
    return await this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

Deno.test("a cluster is started, used, stopped with Ctrl-C, and goes on where it stopped", async () => {
  await using cleanup = new AsyncDisposableStack();
  const directory = Deno.makeTempDirSync({ prefix: "coracle-" });
  cleanup.defer(() => Deno.remove(directory, { recursive: true }));
  const ports = firstPorts();
  const [grpcPort, httpPort, raftPort] = ports;
  const startTask = () => cleanup.use(new ClusterTask(directory, ports));

  const task = startTask();
  const nodes = await task.nodes();
  assertEquals(
    nodes.map(({ id, grpc, url, raft }) => [id, grpc, url, raft]),
    [0, 1, 2].map((at) => [
      `n${at + 1}`,
      `127.0.0.1:${grpcPort + at}`,
      `http://127.0.0.1:${httpPort + at}`,
      `127.0.0.1:${raftPort + at}`,
    ]),
  );
  // What a node says is in its file at once, for whoever looks why something is as it is.
  for (const { id } of nodes) {
    const log = await Deno.readTextFile(`${directory}/${id}.log`);
    assertMatch(log, RegExp(`node ${id} listens for clients on `));
  }
  const added = await task.runSuggested("add");
  assertEquals(added.code, 0, added.stderr);
  assertMatch(added.stdout, /^coracle: index \d+\npaddle: index \d+\noar: index \d+\n$/);

  // Another one on the same ports would take these nodes for its own. It starts none, and leaves nothing behind.
  const elsewhere = `${directory}/elsewhere`;
  const second = await cleanup.use(new ClusterTask(elsewhere, ports)).ended();
  assertEquals([second.code, second.stdout], [1, ""]);
  assertMatch(second.stderr, RegExp(`127\\.0\\.0\\.1:${raftPort + 2} are in use.*each other`));
  await assertRejects(() => Deno.stat(elsewhere), Deno.errors.NotFound);

  const read = await fetch(`${nodes[2]!.url}/v1/words`);
  assertEquals((await read.json()).bestWords, ["coracle", "paddle", "oar"]);

  // One that is killed comes back by itself.
  Deno.kill(nodes[0]!.pid, "SIGKILL");
  await task.printed(/n1 \(process \d+\) was killed by SIGKILL; starting it again/);
  await using client = new NodeClient(nodes[0]!.grpc);
  await eventually("n1 is back", async () => (await client.words("local")).ok);

  const stopped = await task.interrupt();
  assertEquals([stopped.code, stopped.signal], [0, null], stopped.stderr);
  assertMatch(
    stopped.stdout,
    /all nodes have stopped; start again on the same directory to go on\n$/,
  );
  for (const { grpc, raft } of nodes) {
    await assertRefused(grpc);
    await assertRefused(raft);
  }

  const again = startTask();
  assertEquals((await again.nodes()).map(({ id }) => id), ["n1", "n2", "n3"]);
  const words = await again.runSuggested("words");
  assertEquals([words.code, words.stdout], [0, "coracle\npaddle\noar\n"], words.stderr);
  assertEquals((await again.interrupt()).code, 0);
});

Deno.test("Ctrl-C stops a cluster that has only begun to start", async () => {
  await using cleanup = new AsyncDisposableStack();
  const directory = Deno.makeTempDirSync({ prefix: "coracle-" });
  cleanup.defer(() => Deno.remove(directory, { recursive: true }));
  const ports = firstPorts();
  const [grpcPort] = ports;
  const task = cleanup.use(new ClusterTask(directory, ports));
  await task.printed(/^ {2}n3 /m);
  const stopped = await task.interrupt();
  assertEquals([stopped.code, stopped.signal], [0, null], stopped.stderr);
  assertMatch(stopped.stdout, /all nodes have stopped/);
  await assertRefused(`127.0.0.1:${grpcPort}`);
});

/** The first node's ports, each with room for those of two more. */
function firstPorts(): [number, number, number] {
  const [grpc, , , http, , , raft] = freePorts(9);
  return [grpc!, http!, raft!];
}

async function assertRefused(address: string): Promise<void> {
  const [hostname, port] = address.split(":");
  await assertRejects(
    () => Deno.connect({ hostname: hostname!, port: Number(port) }),
    Deno.errors.ConnectionRefused,
  );
}
