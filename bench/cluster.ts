/**
 * A benchmark's cluster: real processes, real disks, loopback TCP.
 *
 * @module
 */
import { TextLineStream } from "@std/streams";
import type { Order, Peer } from "./node.ts";

/** What can be measured: something that obeys the orders of node.ts. */
export interface Program {
  /** What it is called in tables. */
  readonly name: string;
  /** The command that runs the node `id` with its data in `directory`. */
  command(id: string, directory: string): readonly [path: string, ...args: string[]];
}

/** This project's own node. */
export const CORACLE: Program = {
  name: "coracle",
  command: (id, directory) => [
    Deno.execPath(),
    "run",
    "-A",
    "--no-check",
    // What docs/operations.md advises a node that has much to do: V8's young objects stay where the processor's cache is.
    "--v8-flags=--max-semi-space-size=8",
    import.meta.dirname + "/node.ts",
    `--id=${id}`,
    `--dir=${directory}`,
  ],
};

/** The same, inside mutual TLS, with the certificates in `directory` (tests/support/tls_files.ts). */
export function coracleInTls(directory: string): Program {
  return {
    name: "coracle, TLS",
    command: (id, data) => [...CORACLE.command(id, data), `--certificates=${directory}`],
  };
}

/** One process of a cluster. */
export class BenchNode implements AsyncDisposable {
  /** When it was started, by the clock of `performance.now()`. */
  readonly startedMs: number = performance.now();
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;

  /** Starts a process with its data in `directory`. */
  constructor(program: Program, readonly id: string, readonly directory: string) {
    const [path, ...args] = program.command(id, directory);
    this.#process = new Deno.Command(path, { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#answers = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** The process's id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Gives an order and returns the answer. Rejects if the node cannot obey: a call of a measurement failed, for example. */
  async ask<Answer>(order: Order): Promise<Answer> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(order) + "\n"));
    const { done, value } = await this.#answers.read();
    if (done) throw new Error(`node ${this.id} ended while it was asked to ${order.type}`);
    const answer = JSON.parse(value);
    if (answer?.error !== undefined) {
      throw new Error(`node ${this.id} cannot ${order.type}: ${answer.error}`);
    }
    return answer as Answer;
  }

  /** Ends the process at once, as if its machine had been unplugged. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#gone();
  }

  /** Ends the process and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#gone();
  }

  async #gone(): Promise<void> {
    await this.#input.abort().catch(() => {});
    await this.#answers.cancel();
    await this.#process.status;
  }
}

/** A cluster of one program. */
export class BenchCluster implements AsyncDisposable {
  /** The nodes that run. */
  readonly nodes: BenchNode[] = [];
  readonly #peers: Peer[] = [];

  /** `directory`: where the data of all nodes is. Nothing runs yet. */
  constructor(readonly program: Program, readonly directory: string) {}

  /** Starts `count` nodes and waits until one leads. */
  async start(count: number): Promise<BenchNode> {
    for (let at = 1; at <= count; at += 1) {
      const node = new BenchNode(this.program, `n${at}`, `${this.directory}/n${at}`);
      this.nodes.push(node);
      this.#peers.push({ id: node.id, address: await node.ask<string>({ type: "address" }) });
    }
    await Promise.all(
      this.nodes.map((node, at) =>
        node.ask({ type: "start", peers: this.#peers, bootstrap: at === 0 })
      ),
    );
    return await this.leader();
  }

  /** The node that leads, as soon as one does that has committed all of its log. */
  async leader(): Promise<BenchNode> {
    for (;;) {
      for (const node of this.nodes) {
        if (await node.ask<boolean>({ type: "isLeader" })) return node;
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Ends `node` at once. */
  async kill(node: BenchNode): Promise<void> {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    await node.kill();
  }

  /** Starts a node that was ended, on what it has on its disk and where it listened; says how many seconds its store took to open. */
  async restart({ id, directory }: BenchNode): Promise<{ node: BenchNode; openSeconds: number }> {
    const node = new BenchNode(this.program, id, directory);
    this.nodes.push(node);
    const { address } = this.#peers.find((peer) => peer.id === id)!;
    await node.ask({ type: "address", address });
    const openSeconds = await node.ask<number>({
      type: "start",
      peers: this.#peers,
      bootstrap: false,
    });
    return { node, openSeconds };
  }

  /** Starts one more node, which is no member yet. */
  async another(): Promise<{ node: BenchNode; address: string }> {
    const id = `n${this.#peers.length + 1}`;
    const node = new BenchNode(this.program, id, `${this.directory}/${id}`);
    this.nodes.push(node);
    const address = await node.ask<string>({ type: "address" });
    this.#peers.push({ id, address });
    await node.ask({ type: "start", peers: [], bootstrap: false });
    return { node, address };
  }

  /** Ends all nodes. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes.splice(0)) await node[Symbol.asyncDispose]();
  }
}

/** How often a measurement is made anew that something has disturbed. */
const TRIES = 3;

/**
 * Makes a measurement, and makes it anew if it fails: on a machine that has much else to do, a leader may lose touch with its
 * followers, and then what was measured is not what was to be. Rejects if it always fails.
 */
export async function undisturbed<Result>(measure: () => Promise<Result>): Promise<Result> {
  for (let tries = 1;; tries += 1) {
    try {
      return await measure();
    } catch (error) {
      if (tries === TRIES) throw error;
      console.error(`again, since ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** Starts `count` nodes of `program` in a temporary directory, waits for a leader, and gives them to `use`. */
export async function withCluster<Result>(
  program: Program,
  count: number,
  use: (leader: BenchNode, cluster: BenchCluster) => Promise<Result>,
): Promise<Result> {
  const directory = await Deno.makeTempDir({ prefix: "coracle-bench-" });
  try {
    await using cluster = new BenchCluster(program, directory);
    const leader = await cluster.start(count);
    return await use(leader, cluster);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
