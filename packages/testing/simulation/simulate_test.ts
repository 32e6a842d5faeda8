import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type Entry, type Fsm, InvalidConfigError } from "@coracle/core";
import { simulate, type SimulateOptions } from "./simulate.ts";

/** Adds up what it is given. */
class Sum implements Fsm<number> {
  total = 0;

  apply({ data }: Entry): number {
    return this.total += data[0]!;
  }

  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(`${this.total}`)];
  }

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of data) text += new TextDecoder().decode(chunk);
    this.total = Number(text);
  }
}

function sums(seed: number, others: Partial<SimulateOptions<Sum, number>> = {}) {
  return simulate<Sum, number>({
    seed,
    fsm: () => new Sum(),
    digest: ({ total }) => total,
    async client(api, random) {
      await api.apply(new Uint8Array([random.int(1, 9)]), { timeoutMs: 1000 });
    },
    ...others,
  });
}

Deno.test("a state machine of one's own survives everything", async () => {
  let applied = 0;
  for (let seed = 1; seed <= 20; seed += 1) {
    const { calls } = await sums(seed);
    applied += calls.get("apply")?.get("resolved") ?? 0;
  }
  assert(applied > 200);
});

Deno.test("a seed determines everything, traced or not", async () => {
  const lines: string[] = [];
  const again: string[] = [];
  const one = await sums(7);
  const other = await sums(7, { trace: (line) => lines.push(line) });
  await sums(7, { trace: (line) => again.push(line) });
  assertEquals(one, other);
  assertEquals(lines, again);
  assertNotEquals((await sums(8)).digest, one.digest);
});

Deno.test("a state machine that is not deterministic is found", async () => {
  let made = 0;
  class Drifting extends Sum {
    readonly #extra = (made += 1) % 2;
    override apply(entry: Entry): number {
      this.total += this.#extra;
      return super.apply(entry);
    }
  }
  await assertRejects(() => sums(3, { fsm: () => new Drifting() }), Error, "applied states: ");
});

Deno.test("an assertion in a client that fails ends the run", async () => {
  const client = (): Promise<void> => Promise.reject(new TypeError("not what was expected"));
  await assertRejects(() => sums(3, { client }), TypeError, "not what was expected");
});

Deno.test("calls that cannot be end the run: clients that do nothing prove nothing", async () => {
  const text = "text" as unknown as Uint8Array;
  await assertRejects(
    () => sums(3, { client: async (api) => void await api.apply(text) }),
    InvalidConfigError,
    "command is of type string",
  );
  await assertRejects(
    () =>
      sums(3, {
        client: async (api) => void await api.pick().read(() => Promise.resolve(1)),
      }),
    InvalidConfigError,
    "query is one that returns a promise",
  );
});

Deno.test("another library's promises are waited for", async () => {
  class Slow extends Sum {
    override apply(entry: Entry): number {
      const later = Promise.resolve().then(() => super.apply(entry));
      return { then: later.then.bind(later) } as unknown as number;
    }
  }
  for (let seed = 1; seed <= 20; seed += 1) await sums(seed, { fsm: () => new Slow() });
});

Deno.test("a seed that is no number is refused", async () => {
  for (const seed of [NaN, Infinity, undefined, "7"]) {
    await assertRejects(
      () => sums(seed as unknown as number),
      RangeError,
      `seed is ${seed}; allowed is a number`,
    );
  }
});
