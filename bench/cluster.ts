/**
 * A benchmark's cluster: real processes, real disks, loopback TCP.
 *
 * @module
 */
import { TextLineStream } from "@std/streams";
import type { Order } from "./node.ts";

/** One process of the cluster. */
export class BenchNode implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;

  /** Starts a process with its data in `directory`. */
  constructor(readonly id: string, directory: string) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.dirname + "/node.ts", `--id=${id}`, `--dir=${directory}`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#answers = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** The process's id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Gives an order and returns the answer. */
  async ask<Answer>(order: Order): Promise<Answer> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(order) + "\n"));
    const { done, value } = await this.#answers.read();
    if (done) throw new Error(`node ${this.id} ended while it was asked to ${order.type}`);
    return JSON.parse(value) as Answer;
  }

  /** Ends the process and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#answers.cancel();
    await this.#process.status;
  }
}

/** Starts `count` nodes on `directory`, waits for a leader, and gives it to `use`. */
export async function withCluster<Result>(
  count: number,
  directory: string,
  use: (leader: BenchNode, nodes: readonly BenchNode[]) => Promise<Result>,
): Promise<Result> {
  await using stack = new AsyncDisposableStack();
  const nodes = Array.from({ length: count }, (_, at) => {
    const id = `n${at + 1}`;
    return stack.use(new BenchNode(id, `${directory}/${id}`));
  });
  const peers = await Promise.all(nodes.map(async (node) => ({
    id: node.id,
    address: await node.ask<string>({ type: "address" }),
  })));
  await Promise.all(nodes.map((node) => node.ask({ type: "start", peers })));
  for (;;) {
    for (const node of nodes) {
      if (await node.ask<boolean>({ type: "isLeader" })) return await use(node, nodes);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
