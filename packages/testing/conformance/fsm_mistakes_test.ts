/**
 * The suite for state machines finds each planted mistake, by the check whose promise is broken.
 *
 * @module
 */
import { assertRejects } from "@std/assert";
import type { Entry, Fsm, IndexedConfiguration } from "@coracle/core";
import {
  ABANDONED,
  ANYWHERE,
  APART,
  BATCHES,
  BYTES,
  decoder,
  MOMENTARY,
  REPLACED,
  RESTORED,
  run,
  Sums,
} from "./_testing/sums.ts";

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
