/**
 * A cluster of `raft_node.ts` processes, as a test holds it.
 *
 * @module
 */
import { TextLineStream } from "@std/streams";
import { eventually } from "./eventually.ts";
import type { NodeSetup, NodeStatus, Order, OrderError } from "./raft_orders.ts";

/** An order failed; `code` and `outcome` are those of the node's `RaftError`. */
export class OrderFailed extends Error {
  constructor(readonly failure: OrderError, order: Order) {
    super(`${order.type}: ${failure.code} (${failure.outcome}): ${failure.text}`);
  }
}

interface Answer {
  readonly ready?: string;
  readonly stopped?: string;
  readonly number?: number;
  readonly value?: unknown;
  readonly error?: OrderError;
}

/** One process. */
export class RaftProcess implements AsyncDisposable {
  /** Where it listens. */
  address = "";
  /** Whether its node has stopped by itself, and why. */
  stopped: string | undefined;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #open = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (e: unknown) => void; order: Order }
  >();
  readonly #reading: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  #next = 0;
  #isGone = false;

  private constructor(readonly setup: NodeSetup) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-q",
        "-A",
        "--no-check",
        `${import.meta.dirname}/raft_node.ts`,
        JSON.stringify(setup),
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Starts a process and waits until its node runs. */
  static async start(setup: NodeSetup): Promise<RaftProcess> {
    const process = new RaftProcess(setup);
    await process.#ready.promise;
    return process;
  }

  /** The node's name. */
  get id(): string {
    return this.setup.id;
  }

  /** The process's number. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Whether the process runs. */
  get isRunning(): boolean {
    return !this.#isGone;
  }

  /** Gives an order. Rejects with {@linkcode OrderFailed}. */
  async ask<Value>(order: Order): Promise<Value> {
    const number = ++this.#next;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#open.set(number, { resolve, reject, order });
    if (this.#isGone) this.#lose();
    else {
      const line = new TextEncoder().encode(JSON.stringify({ number, order }) + "\n");
      await this.#input.write(line).catch(() => this.#lose());
    }
    return await promise as Value;
  }

  /** The node at this moment. */
  status(): Promise<NodeStatus> {
    return this.ask<NodeStatus>({ type: "status" });
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    if (!this.#isGone) this.#process.kill("SIGKILL");
    await this.#end();
  }

  /** Lets the node stop. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#input.abort().catch(() => {});
    await this.#process.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    const lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) this.#take(JSON.parse(line) as Answer);
    this.#isGone = true;
    this.#ready.reject(new Error(`node ${this.id} ended before it was ready`));
    this.#ready.promise.catch(() => {});
    this.#lose();
  }

  #take({ ready, stopped, number, value, error }: Answer): void {
    if (ready !== undefined) {
      this.address = ready;
      this.#ready.resolve();
    }
    if (stopped !== undefined) this.stopped = stopped;
    if (number === undefined) return;
    const { resolve, reject, order } = this.#open.get(number)!;
    this.#open.delete(number);
    if (error === undefined) resolve(value);
    else reject(new OrderFailed(error, order));
  }

  #lose(): void {
    const error: OrderError = { code: "gone", outcome: "unknown", text: "the process has ended" };
    for (const { reject, order } of this.#open.values()) reject(new OrderFailed(error, order));
    this.#open.clear();
  }
}

/** The leader of `nodes`, once they agree on one that has committed something of its own term. */
export function leaderOf(nodes: () => readonly RaftProcess[]): Promise<RaftProcess> {
  return eventually("a leader", async () => {
    for (const node of nodes()) {
      if (!node.isRunning) continue;
      const status = await node.status().catch(() => undefined);
      if (status?.state === "leader" && status.commitIndex === status.lastIndex) return node;
    }
    return undefined;
  });
}
