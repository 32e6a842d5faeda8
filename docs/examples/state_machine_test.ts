/**
 * A state machine that counts words, held to what it has to promise.
 *
 * @module
 */
import type { Entry, Fsm } from "@coracle/core";
import { fsmConformance } from "@coracle/testing/conformance";

class WordCounts implements Fsm<number> {
  readonly #counts = new Map<string, number>();

  apply({ data }: Entry): number {
    const word = new TextDecoder().decode(data);
    const count = (this.#counts.get(word) ?? 0) + 1;
    this.#counts.set(word, count);
    return count;
  }

  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify([...this.#counts]))];
  }

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    const counts = await new Response(ReadableStream.from(data)).json();
    this.#counts.clear();
    for (const [word, count] of counts as [string, number][]) this.#counts.set(word, count);
  }
}

const checks = fsmConformance({
  create: () => new WordCounts(),
  // Few words, so that they come again; and one that is no text.
  command: (random) =>
    random.chance(0.1)
      ? Uint8Array.of(0xff)
      : new TextEncoder().encode(random.pick(["", "oar", "keel", "größe"])),
});
for (const { name, run } of checks) Deno.test(`word counts: ${name}`, run);
