/**
 * The clients of a simulated cluster: each comes when the script says so, and does what the workload says.
 *
 * @module
 */
import {
  type Applied,
  type ApplyOptions,
  type Clock,
  type Fsm,
  InvalidConfigError,
  RaftError,
  TransportError,
} from "@coracle/core";
import { Prng } from "../prng.ts";
import type { EventOf } from "./faults.ts";
import type { Machine } from "./machine.ts";
import { nodeClient } from "./node_client.ts";
import type { ClientApi, NodeClient } from "./workload.ts";
import type { World } from "./world.ts";

/** See the module's description. */
export class Clients {
  /** Visits by how they ended. */
  readonly counts: Map<string, number> = new Map();
  readonly #world: World;
  readonly #clients: Client[];

  /** Nobody has come yet. */
  constructor(world: World) {
    this.#world = world;
    this.#clients = Array.from(
      { length: world.scenario.clients },
      (_, at) => new Client(world, at),
    );
  }

  /** How many have come and are not done. */
  get busy(): number {
    return this.#clients.filter(({ isBusy }) => isBusy).length;
  }

  /** A client comes. If it has not done yet what it came for last time, it does not come again. */
  visit({ client: at, seed }: EventOf<"visit">): void {
    const client = this.#clients[at % this.#clients.length]!;
    if (client.isBusy) return;
    client.isBusy = true;
    client.random = new Prng(seed);
    const done = (outcome: string): void => {
      client.isBusy = false;
      this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
    };
    // A workload may throw before it returns its promise.
    new Promise<void>((resolve) => resolve(this.#world.workload.client(client, new Prng(seed))))
      .then(() => done("done"), (error) => {
        // A call that cannot be is the workload's mistake, and its clients would do nothing.
        const isExpected = error instanceof RaftError && !(error instanceof InvalidConfigError);
        if (isExpected) done(error.code);
        else this.#world.fail(error);
      });
  }
}

/** One client. */
class Client implements ClientApi<Fsm, unknown> {
  isBusy = false;
  random = new Prng(0);
  readonly clock: Clock;
  readonly heartbeatTimeoutMs: number;
  readonly #world: World;
  readonly #handles = new WeakMap<object, NodeClient<Fsm, unknown>>();

  constructor(world: World, readonly client: number) {
    this.#world = world;
    this.clock = world.clock;
    this.heartbeatTimeoutMs = world.scenario.config.heartbeatTimeoutMs;
  }

  nodes(): readonly NodeClient<Fsm, unknown>[] {
    return this.#world.machines.filter(({ isServing }) => isServing).map((one) =>
      this.#handle(one)
    );
  }

  pick(): NodeClient<Fsm, unknown> {
    const nodes = this.nodes();
    if (nodes.length === 0) throw new TransportError("no node runs");
    const leaders = nodes.filter(({ isLeader }) => isLeader);
    return leaders.length > 0 && this.random.chance(0.8)
      ? this.random.pick(leaders)
      : this.random.pick(nodes);
  }

  // deno-lint-ignore require-await -- so that a failure rejects
  async apply(command: Uint8Array, options: ApplyOptions = {}): Promise<Applied<unknown>> {
    return this.pick().apply(command, options);
  }

  sleep(durationMs: number): Promise<void> {
    return new Promise((resolve) => this.#world.clock.setTimer(durationMs, resolve));
  }

  abortAfter(durationMs: number): AbortSignal {
    const controller = new AbortController();
    this.#world.clock.setTimer(durationMs, () => controller.abort());
    return controller.signal;
  }

  note(line: string): void {
    this.#world.note(`client ${this.client}: ${line}`);
  }

  #handle(machine: Machine): NodeClient<Fsm, unknown> {
    const process = machine.process!;
    let handle = this.#handles.get(process);
    if (handle === undefined) {
      this.#handles.set(process, handle = nodeClient(this.#world, machine, process));
    }
    return handle;
  }
}
