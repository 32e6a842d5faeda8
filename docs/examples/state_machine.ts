/**
 * A state machine that counts words, with snapshots.
 *
 * @module
 */
import { type Entry, type Fsm, toIndex, toTerm } from "@coracle/core";
import { assertEquals } from "@std/assert";

class WordCounts implements Fsm<number> {
  readonly #counts = new Map<string, number>();

  apply({ data }: Entry): number {
    const word = new TextDecoder().decode(data);
    const count = (this.#counts.get(word) ?? 0) + 1;
    this.#counts.set(word, count);
    return count;
  }

  snapshot(): Iterable<Uint8Array> {
    // Encoded now, and not while it is read: later commands must not change it.
    return [new TextEncoder().encode(JSON.stringify([...this.#counts]))];
  }

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    const counts = await new Response(ReadableStream.from(data)).json();
    this.#counts.clear();
    for (const [word, count] of counts as [string, number][]) this.#counts.set(word, count);
  }

  count(word: string): number {
    return this.#counts.get(word) ?? 0;
  }
}

const fsm = new WordCounts();
const encoder = new TextEncoder();
const applyAll = (...words: string[]) =>
  words.map((word, at) =>
    fsm.apply({
      index: toIndex(at + 1),
      term: toTerm(1),
      type: "command",
      data: encoder.encode(word),
      extensions: new Uint8Array(),
      appendedAtMs: 0,
    })
  );

assertEquals(applyAll("oar", "keel", "oar"), [1, 1, 2]);
const copy = new WordCounts();
await copy.restore(ReadableStream.from(fsm.snapshot()));
assertEquals([copy.count("oar"), copy.count("hull")], [2, 0]);
