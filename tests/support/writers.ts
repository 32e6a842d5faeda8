/**
 * Clients that write without pause, and know what has become of every write.
 *
 * @module
 */
import { delay } from "@std/async";
import { OrderFailed, type RaftProcess } from "./raft_process.ts";

/** What became of one client's writes, by their serial numbers. */
export interface Account {
  /** The client's name. */
  readonly client: string;
  /** Acknowledged. */
  readonly written: number[];
  /** Failed, and may have been written all the same. */
  readonly unknown: { readonly serial: number; readonly error: string }[];
  /** How often a write was refused and tried again. */
  refused: number;
}

/** See the module's description. */
export class Writers {
  readonly accounts: Account[];
  readonly #nodes: () => readonly RaftProcess[];
  readonly #done: Promise<unknown>;
  #stopped = false;

  /** `count` clients begin to write to whichever of `nodes` leads. */
  constructor(count: number, nodes: () => readonly RaftProcess[]) {
    this.#nodes = nodes;
    this.accounts = Array.from({ length: count }, (_, at) => ({
      client: `c${at + 1}`,
      written: [],
      unknown: [],
      refused: 0,
    }));
    this.#done = Promise.all(this.accounts.map((account) => this.#run(account)));
  }

  /** Writes that were acknowledged so far. */
  get written(): number {
    return this.accounts.reduce((sum, account) => sum + account.written.length, 0);
  }

  /** Stops the clients and waits for their last writes. */
  async stop(): Promise<readonly Account[]> {
    this.#stopped = true;
    await this.#done;
    return this.accounts;
  }

  async #run(account: Account): Promise<void> {
    let at = 0;
    for (let serial = 1; !this.#stopped; serial += 1) {
      for (;;) {
        const nodes = this.#nodes().filter((node) => node.isRunning);
        try {
          await nodes[at % nodes.length]!.ask({
            type: "apply",
            command: `${account.client}:${serial}`,
          });
          account.written.push(serial);
          break;
        } catch (error) {
          if (!(error instanceof OrderFailed)) throw error;
          const { outcome } = error.failure;
          if (outcome !== "not-written") {
            account.unknown.push({ serial, error: error.message });
            break;
          }
          account.refused += 1;
          at += 1;
          // Without a leader all nodes refuse: the load must not keep the machine from electing one.
          await delay(5);
        }
      }
    }
  }
}
