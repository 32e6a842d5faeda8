/**
 * The suite for state machines passes one that is right, and finds each planted mistake, by the check whose promise is broken.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Entry, Fsm, IndexedConfiguration } from "@coracle/core";
import fc from "fast-check";
import { fsmConformance, type FsmConformanceOptions } from "./fsm.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Keeps the sum of each name. A command is a name and a number, "a 3"; the answer is the name's rank and sum. */
class Sums implements Fsm {
  sums = new Map<string, number>();

  apply(entry: Entry): unknown {
    const [name = "", number = ""] = decoder.decode(entry.data).split(" ");
    if (!/^\d+$/.test(number)) return "malformed";
    const sum = (this.sums.get(name) ?? 0) + Number(number);
    this.sums.set(name, sum);
    return { sum, rank: [...this.sums.values()].filter((other) => other > sum).length };
  }

  applyBatch(entries: readonly Entry[]): Promise<unknown[]> {
    return Promise.resolve(entries.map((entry) => this.apply(entry)));
  }

  snapshot(): Iterable<Uint8Array> {
    const names = [...this.sums].sort(([one], [other]) => one < other ? -1 : 1);
    return [
      encoder.encode(JSON.stringify(names).slice(0, 2)),
      encoder.encode(
        JSON.stringify(names).slice(2),
      ),
    ];
  }

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    this.sums = new Map(JSON.parse(decoder.decode(await bytesOf(data))));
  }
}

async function bytesOf(data: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: BlobPart[] = [];
  for await (const chunk of data) chunks.push(Uint8Array.from(chunk));
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

const command = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(fc.constantFrom("a", "b", "é", "z"), fc.nat(9)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("a", ""), fc.constant("x")) },
).map(([name, number]) => encoder.encode(`${name} ${number}`));

/** Runs the check called `name` of the machines that `create` makes. */
function run<Machine extends Fsm>(
  name: string,
  create: () => Machine,
  options: Partial<FsmConformanceOptions<Machine>> = {},
): Promise<void> {
  const checks = fsmConformance({ create, command, ...options });
  const check = checks.find((one) => one.name === name);
  assert(check !== undefined, `${name} is none of ${checks.map((one) => one.name).join(", ")}`);
  return check.run();
}

for (const { name, run } of fsmConformance({ create: () => new Sums(), command })) {
  Deno.test(`fsm conformance, a map of sums: ${name}`, run);
}

/** Commands as a function makes them, answers as promises, states compared by a digest, nothing to snapshot. */
class Plain implements Fsm<number> {
  static open = 0;
  sum = 0;

  constructor() {
    Plain.open += 1;
  }

  apply({ data }: Entry): Promise<number> {
    return Promise.resolve().then(() => this.sum += data.length);
  }
}

Deno.test("a state machine without snapshots and batches has fewer checks; all that were made are released", async () => {
  const checks = fsmConformance({
    create: () => new Plain(),
    command: (random) => new Uint8Array(random.int(0, 3)),
    digest: ({ sum }) => sum,
    release: () => void (Plain.open -= 1),
  });
  assertEquals(checks.map(({ name }) => name), [
    "the same commands lead to the same answers and state on any machine",
    "what one state machine is given is nothing to another",
    "a command's bytes are only read, and what is kept of them is copied",
  ]);
  for (const { run } of checks) await run();
  assertEquals(Plain.open, 0);
});

const ANYWHERE = "the same commands lead to the same answers and state on any machine";
const APART = "what one state machine is given is nothing to another";
const BYTES = "a command's bytes are only read, and what is kept of them is copied";
const BATCHES = "applyBatch does what apply does, one by one";
const RESTORED = "one that was restored from a snapshot goes on as one that was not";
const REPLACED = "restore replaces everything";
const MOMENTARY = "a snapshot is of its moment, whatever is applied while it is read";
const ABANDONED = "a snapshot that is not read to its end changes nothing";

let shared = 0;

/** Each mistake, and the check that must find it. */
const MISTAKES: readonly (readonly [mistake: string, check: string, create: () => Fsm])[] = [
  ["B80: an answer with Math.random", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return Math.random() < 0.2 ? "lucky" : super.apply(entry);
      }
    }()],
  ["B80: ids from crypto.randomUUID", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return [super.apply(entry), crypto.randomUUID()];
      }
    }()],
  ["B80: bytes from crypto.getRandomValues", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return [super.apply(entry), crypto.getRandomValues(new Uint8Array(1))[0]! > 200];
      }
    }()],
  ["B80: a date from Date.now", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return [super.apply(entry), Math.floor(Date.now() / 3_600_000)];
      }
    }()],
  ["B80: a date from new Date", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return [super.apply(entry), new Date().getUTCDate()];
      }
    }()],
  ["B80: the hour of the machine's time zone", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return [super.apply(entry), new Date(entry.appendedAtMs).getHours()];
      }
    }()],
  ["B80: a time that is read in the machine's time zone", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return [super.apply(entry), new Date(2000, 0, entry.index).getTime()];
      }
    }()],
  ["B80: uptime from performance.now", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return [super.apply(entry), Math.floor(performance.now() / 3_600_000)];
      }
    }()],
  ["B80: an order from localeCompare", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        super.apply(entry);
        return [...this.sums.keys()].sort((one, other) => one.localeCompare(other));
      }
    }()],
  ["B80: an order from Intl.Collator", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        super.apply(entry);
        return [...this.sums.keys()].sort(new Intl.Collator().compare);
      }
    }()],
  ["B80: a number as the machine's locale writes it", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return [super.apply(entry), (entry.index / 8).toLocaleString()];
      }
    }()],
  [
    "B80: a state that the machine decides, and no answer tells",
    ANYWHERE,
    () =>
      new class extends Sums {
        override apply(entry: Entry): unknown {
          if (Math.random() < 0.1) this.sums.set("bonus", 1);
          return super.apply(entry) === "malformed";
        }
      }(),
  ],
  ["state outside of the state machine", APART, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        return [super.apply(entry), shared += 1];
      }
    }()],
  ["B82: keys that are views of the command", BYTES, () =>
    new class extends Sums {
      readonly #seen: Uint8Array[] = [];

      override apply(entry: Entry): unknown {
        this.#seen.push(entry.data);
        return [super.apply(entry), this.#seen.map((data) => data[0]!)];
      }
    }()],
  ["a command that is sorted in place", BYTES, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        const answer = super.apply(entry);
        entry.data.sort();
        return answer;
      }
    }()],
  ["an error for a command that is wrong", ANYWHERE, () =>
    new class extends Sums {
      override apply(entry: Entry): unknown {
        const answer = super.apply(entry);
        if (answer === "malformed") throw new Error("malformed");
        return answer;
      }
    }()],
  ["a batch whose answers come in another order", BATCHES, () =>
    new class extends Sums {
      override applyBatch(entries: readonly Entry[]): Promise<unknown[]> {
        return super.applyBatch(entries).then((answers) => answers.reverse());
      }
    }()],
  ["a batch that answers only what is well-formed", BATCHES, () =>
    new class extends Sums {
      override applyBatch(entries: readonly Entry[]): Promise<unknown[]> {
        return super.applyBatch(entries).then((answers) =>
          answers.filter((answer) => answer !== "malformed")
        );
      }
    }()],
  [
    "B82: a batch that keeps views of its commands, where one by one they are copied",
    BATCHES,
    () =>
      new class extends Sums {
        #last: Uint8Array = new Uint8Array();

        override apply(entry: Entry): unknown {
          const before = [...this.#last];
          this.#last = entry.data.slice();
          return [super.apply(entry), before];
        }

        override applyBatch(entries: readonly Entry[]): Promise<unknown[]> {
          const answers = entries.map((entry) => this.apply(entry));
          this.#last = entries.at(-1)!.data;
          return Promise.resolve(answers);
        }
      }(),
  ],
  ["a batch whose commands are sorted in place", BATCHES, () =>
    new class extends Sums {
      override applyBatch(entries: readonly Entry[]): Promise<unknown[]> {
        const answers = super.applyBatch(entries);
        return answers.then((all) => (entries.forEach(({ data }) => data.sort()), all));
      }
    }()],
  ["a counter that is not in the snapshot", RESTORED, () =>
    new class extends Sums {
      #count = 0;

      override apply(entry: Entry): unknown {
        return [super.apply(entry), this.#count += 1];
      }
    }()],
  [
    "B80: answers in the order of a map, which a snapshot does not keep",
    RESTORED,
    () =>
      new class extends Sums {
        override apply(entry: Entry): unknown {
          super.apply(entry);
          return [...this.sums.keys()];
        }
      }(),
  ],
  ["members that are not in the snapshot", RESTORED, () =>
    new class extends Sums {
      #members = 0;

      storeConfiguration({ configuration }: IndexedConfiguration): void {
        this.#members = configuration.servers.length;
      }

      override apply(entry: Entry): unknown {
        return [super.apply(entry), this.#members];
      }
    }()],
  ["an error for a change of the members", ANYWHERE, () =>
    new class extends Sums {
      storeConfiguration({ index }: IndexedConfiguration): void {
        if (index > 8) throw new Error("no more changes");
      }
    }()],
  ["a restore that reads the first piece only", RESTORED, () =>
    new class extends Sums {
      override async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
        for await (const chunk of data) {
          return void (this.sums = new Map(JSON.parse(decoder.decode(chunk))));
        }
      }
    }()],
  ["a restore that adds to what is there", REPLACED, () =>
    new class extends Sums {
      override async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
        const before = this.sums;
        await super.restore(data);
        this.sums = new Map([...before, ...this.sums]);
      }
    }()],
  ["a snapshot that is made while it is read", MOMENTARY, () =>
    new class extends Sums {
      override *snapshot(): Generator<Uint8Array> {
        yield* super.snapshot();
      }
    }()],
  [
    "a lock that only a snapshot that is read to its end gives back",
    ABANDONED,
    () =>
      new class extends Sums {
        #isLocked = false;

        override apply(entry: Entry): unknown {
          return this.#isLocked ? "locked" : super.apply(entry);
        }

        override snapshot(): Iterable<Uint8Array> {
          const chunks = [...super.snapshot()];
          const release = () => this.#isLocked = false;
          this.#isLocked = true;
          return function* () {
            yield* chunks;
            release();
          }();
        }
      }(),
  ],
];

for (const [mistake, check, create] of MISTAKES) {
  Deno.test(`fsm conformance finds ${mistake}`, async () => {
    await assertRejects(() => run(check, create), Error, "commands:\n  1  ");
  });
}

Deno.test("only one of snapshot and restore is one too few", async () => {
  const half = { apply: () => 1, snapshot: () => [] };
  for (const { run } of fsmConformance({ create: () => half, command })) {
    await assertRejects(run, Error, "of snapshot and restore there must be both or none");
  }
});

Deno.test("a failure says which command, the shortest list of commands, and the seed, which leads to the same again", async () => {
  const create = () =>
    new class extends Sums {
      #count = 0;

      override apply(entry: Entry): unknown {
        const answer = super.apply(entry);
        return answer === "malformed" ? answer : [answer, this.#count += 1];
      }
    }();
  const error = await assertRejects(() => run(RESTORED, create, { seed: 7 }), Error);
  const { message } = error;
  assertStringIncludes(message, "at command 2, one that was restored from a snapshot answers");
  assertStringIncludes(message, '\ncommands:\n  1  "a 0"\n  2  "a 0"   <- here\nseed: 7 (');
  const again = await assertRejects(() => run(RESTORED, create, { seed: 7 }), Error);
  assertEquals(again.message, message);
});

Deno.test("commands are shown as their author wants it, bytes that are no text as digits", async () => {
  const throws: Fsm = { apply: () => assert(false) };
  const show = async (options: Partial<FsmConformanceOptions<Fsm>>) =>
    (await assertRejects(() => run(ANYWHERE, () => throws, options), Error)).message;
  const data = Uint8Array.of(0xff, 0x0a);
  assertStringIncludes(await show({ command: () => data }), "  1  2 bytes ff0a   <- here");
  const whole = { data, extensions: encoder.encode("x"), appendedAtMs: 5 };
  const shown = '  1  2 bytes ff0a with extensions "x" at 5';
  assertStringIncludes(await show({ command: () => whole }), shown);
  const describe = () => "a command";
  assertStringIncludes(await show({ command: () => data, describe }), "  1  a command   <- here");
});

Deno.test("the machine's own clock, dice and locale are back after a check, also after one that fails", async () => {
  const globals = () => [
    Date,
    Math.random,
    performance.now,
    crypto.getRandomValues,
    crypto.randomUUID,
    Intl.Collator,
    ...["getHours", "toString", "toLocaleTimeString"].map((key) =>
      Reflect.get(Date.prototype, key)
    ),
    ...["localeCompare", "toLocaleUpperCase"].map((key) => Reflect.get(String.prototype, key)),
    // deno-lint-ignore no-explicit-any -- the value as it is
    (Number.prototype as any).toLocaleString,
  ];
  const before = globals();
  await run(ANYWHERE, () => new Sums());
  await assertRejects(() => run(ANYWHERE, () => ({ apply: () => Math.random() })));
  assertEquals(globals().map((value, at) => value === before[at]), before.map(() => true));
  assert(!Object.hasOwn(performance, "now") && !Object.hasOwn(crypto, "randomUUID"));
});

Deno.test("a machine elsewhere still makes dates, and compares in a locale that is asked for, as any other", async () => {
  await run(ANYWHERE, () => ({
    apply: ({ appendedAtMs }: Entry) => [
      new Date(appendedAtMs).toISOString(),
      new Date(appendedAtMs),
      "a".localeCompare("b", "en"),
      new Intl.Collator("en").compare("a", "b"),
      (1234.5).toLocaleString("en"),
    ],
  }));
});
