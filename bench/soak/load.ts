/**
 * Clients that send words at an even rate, whatever the nodes do: who waits for an answer does not send less meanwhile. So a
 * time that a node stands still is seen by as many words as it would be in a service.
 *
 * @module
 */
import { delay } from "@std/async";
import { type CallFailure, NodeClient } from "../../tests/support/node_client.ts";
import type { Book } from "./book.ts";
import { wordOf } from "./words.ts";

/** What is sent. */
export interface LoadOptions {
  /** Where the nodes are. */
  readonly endpoints: readonly string[];
  /** How many clients. */
  readonly clients: number;
  /** Words a second of all clients together. */
  readonly rate: number;
  /** Told of each word that is acknowledged: when it was to be sent, and how long that was ago, in milliseconds. */
  readonly answered: (dueMs: number, tookMs: number) => void;
}

/** A node that has answered nothing for so long, though it was asked, is connected to anew. */
const SILENT_MS = 10_000;
/** Most words of one client that wait for an answer; what would be sent beyond is not, and is counted. */
const WAITING_MAX = 500;

/** See the module's description. */
export class SoakLoad {
  /** Words that were not sent, since too many waited. */
  heldBack = 0;
  /** Connections that were given up, since the node did not answer. */
  givenUp = 0;
  readonly #options: LoadOptions;
  readonly #book: Book;
  readonly #ended: Promise<unknown>;
  #isEnding = false;

  /** They begin at once. */
  constructor(options: LoadOptions, book: Book) {
    this.#options = options;
    this.#book = book;
    const beginsMs = performance.now();
    const intervalMs = 1000 * options.clients / options.rate;
    this.#ended = Promise.all(
      Array.from(
        { length: options.clients },
        (_, at) => this.#client(at, beginsMs + at * intervalMs / options.clients, intervalMs),
      ),
    );
  }

  /** Sends no more, and waits for what is on its way. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#ended;
  }

  async #client(client: number, beginsMs: number, intervalMs: number): Promise<void> {
    const { endpoints } = this.#options;
    await using connections = new AsyncDisposableStack();
    const nodes = endpoints.map((address) => connections.use(new Patient(address)));
    const waiting = new Set<Promise<void>>();
    let at = client % nodes.length;
    for (let dueMs = beginsMs; !this.#isEnding; dueMs += intervalMs) {
      const earlyMs = dueMs - performance.now();
      if (earlyMs > 0) await delay(earlyMs);
      if (waiting.size >= WAITING_MAX) {
        this.heldBack += 1;
        continue;
      }
      const asked = at;
      const node = nodes[asked]!;
      const call = this.#add(node.client, dueMs).then((failure) => {
        waiting.delete(call);
        if (failure?.status !== "DEADLINE_EXCEEDED") node.answered();
        else if (node.giveUp()) this.givenUp += 1;
        // Others that were on their way to the same node may have said it before.
        if (failure === undefined || at !== asked) return;
        const leader = endpoints.indexOf(failure.leader ?? "");
        at = leader >= 0 ? leader : (asked + 1) % nodes.length;
      });
      waiting.add(call);
    }
    await Promise.all(waiting);
  }

  async #add(node: NodeClient, dueMs: number): Promise<CallFailure | undefined> {
    const number = this.#book.send();
    const result = await node.addWord(wordOf(number));
    if (result.ok) {
      this.#book.acknowledge(number, result.value);
      this.#options.answered(dueMs, performance.now() - dueMs);
      return undefined;
    }
    if (wasNotWritten(result)) this.#book.refuse(number);
    else this.#book.loseSightOf(number);
    return result;
  }
}

/**
 * A connection to a node, which is made anew when nothing has come back for long. On a machine that stands still for half a minute, the HTTP/2 client of
 * Deno 2.9.6 may lose a connection and never notice; a program that means to run for long does something about that.
 */
class Patient implements AsyncDisposable {
  client: NodeClient;
  readonly #givenUp: Promise<void>[] = [];
  #answeredMs = performance.now();

  constructor(readonly address: string) {
    this.client = new NodeClient(address);
  }

  answered(): void {
    this.#answeredMs = performance.now();
  }

  /** Returns whether it was time. */
  giveUp(): boolean {
    if (performance.now() - this.#answeredMs < SILENT_MS) return false;
    this.#givenUp.push(this.client[Symbol.asyncDispose]());
    this.client = new NodeClient(this.address);
    this.answered();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#givenUp, this.client[Symbol.asyncDispose]()]);
  }
}

/** Whether a node has said that it has not written the word, or there was no connection to send it on. */
function wasNotWritten({ outcome, details }: CallFailure): boolean {
  return outcome === "not-written" || details.startsWith("No connection established");
}
