/**
 * Clients that add and read words while faults go on, and remember all that they saw.
 *
 * Words get better as time goes on: each new one is among the three best. So every read shows which writes came last, and
 * a write that is lost, or seen too early or too late, is seen by the next reader.
 *
 * @module
 */
import { delay } from "@std/async";
import { Prng } from "@coracle/testing";
import {
  History,
  type SessionOperation,
  type WordsInput,
  type WordsOutput,
} from "@coracle/testing/linearizability";
import { type CallFailure, NodeClient } from "../../support/node_client.ts";
import type { WordsTold } from "../../support/log_checks.ts";

/** What clients do. */
export interface ClientsOptions {
  /** Where the nodes are. */
  readonly endpoints: readonly string[];
  /** How many clients. */
  readonly clients: number;
  /** Whether they also read at level "lease". */
  readonly leaseReads: boolean;
  readonly seed: number;
}

/** A read at any level, with the index that its answer named. */
export interface WordsSeen {
  readonly level: "linearizable" | "lease" | "local";
  readonly index: number;
  readonly words: readonly string[];
}

/** Short: a client that waits for a node which does not answer sees nothing. */
const CALL_TIMEOUT_MS = 1000;
const THINK_MAX_MS = 20;
const PAUSE_AFTER_FAILURE_MS = 40;
const BEST = 10 ** 9;

/** See the module's description. */
export class Clients implements WordsTold {
  /** Everything that is to be linearizable. */
  readonly history: History<WordsInput, WordsOutput> = new History(() => performance.now());
  /** Writes, linearizable and lease reads as those of one client: what is linearizable keeps a session's promises to all. */
  readonly sessions: SessionOperation[] = [];
  /** All reads. */
  readonly reads: WordsSeen[] = [];
  readonly acknowledged = new Map<string, number>();
  readonly notWritten = new Set<string>();
  readonly unknown = new Map<string, CallFailure>();
  readonly #options: ClientsOptions;
  readonly #ended: Promise<unknown>;
  #isEnding = false;
  #words = 0;

  /** They begin at once. */
  constructor(options: ClientsOptions) {
    this.#options = options;
    const clients = Array.from({ length: options.clients }, (_, at) => this.#run(at));
    this.#ended = Promise.all(clients);
  }

  /** How many words were acknowledged. */
  get progress(): number {
    return this.acknowledged.size;
  }

  /** The highest index that was acknowledged. */
  get lastIndex(): number {
    return this.acknowledged.values().reduce((a, b) => Math.max(a, b), 0);
  }

  /** Lets all finish what they do. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#ended;
  }

  async #run(client: number): Promise<void> {
    const { endpoints, leaseReads, seed } = this.#options;
    const prng = new Prng(seed * 1000 + client);
    await using connections = new AsyncDisposableStack();
    const nodes = endpoints.map((address) => connections.use(new NodeClient(address)));
    let leader = prng.int(0, nodes.length - 1);
    while (!this.#isEnding) {
      const node = prng.chance(0.8) ? nodes[leader]! : prng.pick(nodes);
      const failure = prng.chance(0.6)
        ? await this.#add(client, node)
        : await this.#read(client, node, level(prng, leaseReads));
      if (failure !== undefined) {
        const hint = endpoints.indexOf(failure.leader ?? "");
        leader = hint >= 0 ? hint : prng.int(0, nodes.length - 1);
        await delay(PAUSE_AFTER_FAILURE_MS);
      }
      await delay(prng.between(0, THINK_MAX_MS));
    }
  }

  async #add(client: number, node: NodeClient): Promise<CallFailure | undefined> {
    this.#words += 1;
    const word = `舟${BEST - this.#words}`;
    const callAt = performance.now();
    const call = this.history.called(client, { type: "add", word });
    const result = await node.addWord(word, CALL_TIMEOUT_MS);
    const write = { type: "write", client: "all", value: word, callAt } as const;
    if (result.ok) {
      call.returned(undefined);
      this.acknowledged.set(word, result.value);
      this.sessions.push({ ...write, index: result.value, returnAt: performance.now() });
      return undefined;
    }
    const failed = wasNotWritten(result);
    call.ended(failed ? "failed" : "unknown");
    this.sessions.push({ ...write, index: undefined, returnAt: Infinity, failed });
    if (failed) this.notWritten.add(word);
    else this.unknown.set(word, result);
    return result;
  }

  async #read(
    client: number,
    node: NodeClient,
    level: WordsSeen["level"],
  ): Promise<CallFailure | undefined> {
    const callAt = performance.now();
    const call = level === "local" ? undefined : this.history.called(client, { type: "best" });
    const result = await node.words(level, CALL_TIMEOUT_MS);
    if (!result.ok) {
      call?.ended("failed");
      return result;
    }
    const { readAtIndex: index, bestWords } = result.value;
    const words = [...bestWords, "", "", ""].slice(0, 3);
    call?.returned(words);
    this.reads.push({ level, index, words });
    if (level !== "local") {
      const values = words.filter((word) => word !== "");
      const returnAt = performance.now();
      this.sessions.push({ type: "read", client: "all", values, index, callAt, returnAt });
    }
    return undefined;
  }
}

function level(prng: Prng, leaseReads: boolean): WordsSeen["level"] {
  const [drawn, lease] = [prng.next(), leaseReads ? 0.3 : 0];
  return drawn < 0.2 ? "local" : drawn < 0.2 + lease ? "lease" : "linearizable";
}

/** Whether the write cannot have reached a log: a node said so, or there was no connection to send it on. */
function wasNotWritten({ outcome, details }: CallFailure): boolean {
  return outcome === "not-written" || outcome === "failed" ||
    details.startsWith("No connection established");
}
