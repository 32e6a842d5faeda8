/**
 * Clients that add words, and know of every word what they were told.
 *
 * No word is ever sent twice: what was refused or lost is tried again as another word. So each word has one
 * outcome, which the logs can be held to.
 *
 * @module
 */
import { delay } from "@std/async";
import { eventually } from "./eventually.ts";
import { type CallFailure, NodeClient } from "./node_client.ts";

/** The pause after a failure; it doubles with each, so that clients without a leader leave the processor to the nodes. */
const PAUSE_MIN_MS = 10;
const PAUSE_MAX_MS = 160;

/** What the clients were told of the words that they sent. */
export class WordLoad {
  /** The words that a node has acknowledged, each with its index in the log. */
  readonly acknowledged = new Map<string, number>();
  /** The words of which a node has said that they were not written. */
  readonly notWritten = new Set<string>();
  /** The words that may or may not have been written: nobody said so. */
  readonly unknown = new Map<string, CallFailure>();
  readonly #endpoints: readonly string[];
  readonly #name: string;
  readonly #ended: Promise<unknown>;
  #wanted = Infinity;

  /** `clients` begin to add words to the nodes at `endpoints`; all words begin with `name`. */
  constructor(
    { endpoints, clients, name }: {
      readonly endpoints: readonly string[];
      readonly clients: number;
      readonly name: string;
    },
  ) {
    this.#endpoints = endpoints;
    this.#name = name;
    this.#ended = Promise.all(Array.from({ length: clients }, (_, at) => this.#client(at)));
  }

  /** The highest index that was acknowledged. */
  get lastIndex(): number {
    return [...this.acknowledged.values()].reduce((a, b) => Math.max(a, b), 0);
  }

  /** Waits until `count` words in all are acknowledged. */
  async reaches(count: number): Promise<void> {
    await eventually(
      `${count} words are acknowledged`,
      () => this.acknowledged.size >= count,
      { describe: () => `but ${this.summary}` },
    );
  }

  /** Waits until `count` more words are acknowledged than by now. */
  async goesOn(count: number): Promise<void> {
    await this.reaches(this.acknowledged.size + count);
  }

  /** Ends as soon as `count` words are acknowledged in all, and waits for that. */
  async end(count = 0): Promise<void> {
    this.#wanted = count;
    await this.reaches(count);
    await this.#ended;
  }

  /** How many words ended how. */
  get summary(): string {
    const { acknowledged, notWritten, unknown } = this;
    const reasons = new Set([...unknown.values()].map(({ details }) => details));
    return `${acknowledged.size} acknowledged, ${notWritten.size} not written, ` +
      `${unknown.size} unknown (${[...reasons].join("; ")})`;
  }

  async #client(client: number): Promise<void> {
    await using connections = new AsyncDisposableStack();
    const nodes = this.#endpoints.map((address) => connections.use(new NodeClient(address)));
    let at = client % nodes.length;
    let pauseMs = PAUSE_MIN_MS;
    for (let number = 0; this.acknowledged.size < this.#wanted; number += 1) {
      const word = this.#word(client, number);
      const result = await nodes[at]!.addWord(word);
      if (result.ok) {
        this.acknowledged.set(word, result.value);
        pauseMs = PAUSE_MIN_MS;
        continue;
      }
      if (result.outcome === "not-written") this.notWritten.add(word);
      else this.unknown.set(word, result);
      const leader = this.#endpoints.indexOf(result.leader ?? "");
      at = leader >= 0 ? leader : (at + 1) % nodes.length;
      await delay(pauseMs);
      pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS);
    }
  }

  /** A word that no other is: of many lengths, and with characters that are long in UTF-8 and not in UTF-16. */
  #word(client: number, number: number): string {
    const ending = ["", "é", "舟", "🛶", "\u{ffff}"][number % 5]!;
    return `${this.#name}-${client}-${number}-${ending.repeat(number % 17)}`;
  }
}
