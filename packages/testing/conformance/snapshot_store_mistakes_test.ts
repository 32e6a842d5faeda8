/**
 * The suite for snapshot stores finds each planted mistake, by the check whose promise is broken.
 *
 * @module
 */
import type {
  SnapshotMeta,
  SnapshotPoint,
  SnapshotSink,
  SnapshotSource,
  SnapshotStore,
} from "@coracle/core";
import { assert, AssertionError, assertRejects } from "@std/assert";
import { MemorySnapshotStore } from "../memory_snapshot_store.ts";
import { run, Wrong, WrongSink } from "./_testing/wrong_snapshot_stores.ts";

type Mistake = readonly [
  mistake: string,
  check: string,
  Class: new (store: MemorySnapshotStore) => SnapshotStore,
];

const MISTAKES: readonly Mistake[] = [
  [
    "an empty snapshot under every id",
    "a new store lists nothing",
    class extends Wrong {
      override async open(id: string): Promise<SnapshotSource> {
        if (this.store.list().some((meta) => meta.id === id)) return await super.open(id);
        const sink = await this.store.create();
        const { id: made } = await sink.commit({
          lastIncludedIndex: 1,
          lastIncludedTerm: 1,
          configuration: { index: 1, configuration: { servers: [] } },
        } as unknown as SnapshotPoint);
        return await super.open(made);
      }
    },
  ],
  [
    "a size that counts chunks",
    "what was committed is listed",
    class extends Wrong {
      override readonly Sink = class extends WrongSink {
        override async commit(point: SnapshotPoint): Promise<SnapshotMeta> {
          return { ...await super.commit(point), sizeBytes: 6 };
        }
      };
    },
  ],
  [
    "members that are not kept",
    "what was committed is listed",
    class extends Wrong {
      override readonly Sink = class extends WrongSink {
        override commit(point: SnapshotPoint): Promise<SnapshotMeta> {
          const { configuration: { index } } = point;
          return super.commit({
            ...point,
            configuration: { index, configuration: { servers: [] } },
          });
        }
      };
    },
  ],
  [
    "a chunk that is left out",
    "what was committed is listed",
    class extends Wrong {
      override readonly Sink = class extends WrongSink {
        override write(chunk: Uint8Array): Promise<void> {
          return chunk.length === 1 ? Promise.resolve() : super.write(chunk);
        }
      };
    },
  ],
  [
    "a snapshot of nothing that is none",
    "a snapshot of nothing",
    class extends Wrong {
      override list(): readonly SnapshotMeta[] {
        return super.list().filter(({ sizeBytes }) => sizeBytes > 0);
      }
    },
  ],
  [
    "a snapshot that is listed as soon as it is begun",
    "nobody sees a snapshot",
    class extends Wrong {
      #begun: SnapshotMeta[] = [];

      override async create(): Promise<SnapshotSink> {
        const [first] = this.store.list();
        if (first !== undefined) this.#begun = [{ ...first, id: "begun" }];
        return await super.create();
      }

      override list(): readonly SnapshotMeta[] {
        return [...this.#begun, ...super.list()];
      }
    },
  ],
  [
    "B82: chunks that are kept and not copied",
    "the bytes of a chunk may be used again",
    class extends Wrong {
      override readonly Sink = class extends WrongSink {
        readonly #chunks: Uint8Array[] = [];

        override write(chunk: Uint8Array): Promise<void> {
          this.#chunks.push(chunk);
          return Promise.resolve();
        }

        override async commit(point: SnapshotPoint): Promise<SnapshotMeta> {
          for (const chunk of this.#chunks) await super.write(chunk);
          return await super.commit(point);
        }
      };
    },
  ],
  [
    "B45: an order of names",
    "B45: the newest is the one",
    class extends Wrong {
      override list(): readonly SnapshotMeta[] {
        return super.list().toSorted((one, other) => one.id < other.id ? 1 : -1);
      }
    },
  ],
  [
    "an order that leaves out the term",
    "B45: the newest is the one",
    class extends Wrong {
      override list(): readonly SnapshotMeta[] {
        return super.list().toSorted((one, other) =>
          other.lastIncludedIndex - one.lastIncludedIndex
        );
      }
    },
  ],
  [
    "the earlier one first",
    "of two of the same point",
    class extends Wrong {
      override list(): readonly SnapshotMeta[] {
        return super.list().toReversed();
      }
    },
  ],
  [
    "one too few that is retained",
    "those beyond the retained ones",
    class extends Wrong {
      override list(): readonly SnapshotMeta[] {
        return super.list().slice(0, 1);
      }
    },
  ],
  [
    "what was just committed, and is gone",
    "what was just committed is listed",
    class extends Wrong {
      override list(): readonly SnapshotMeta[] {
        return super.list().slice(0, 2);
      }
    },
  ],
  [
    "B46: what is read, and removed",
    "B46: what is read is not removed",
    class extends Wrong {
      override async open(id: string): Promise<SnapshotSource> {
        const source = await super.open(id);
        const isListed = () => this.store.list().some((meta) => meta.id === id);
        return {
          meta: source.meta,
          read: async function* () {
            for await (const chunk of source.read()) {
              if (!isListed()) throw new AssertionError("the file is gone");
              yield chunk.subarray(0, 1000);
              if (!isListed()) throw new AssertionError("the file is gone");
              yield chunk.subarray(1000);
            }
          },
          close: () => source.close(),
          [Symbol.asyncDispose]: () => source.close(),
        };
      }
    },
  ],
  [
    "one file for all that are written",
    "several are written at once",
    class extends Wrong {
      readonly chunks: Uint8Array[] = [];
      override readonly Sink = class extends WrongSink {
        override write(chunk: Uint8Array): Promise<void> {
          const { chunks } = this.store as unknown as { chunks: Uint8Array[] };
          chunks.push(chunk.slice());
          return Promise.resolve();
        }

        override async commit(point: SnapshotPoint): Promise<SnapshotMeta> {
          const { chunks } = this.store as unknown as { chunks: Uint8Array[] };
          for (const chunk of chunks.splice(0)) await super.write(chunk);
          return await super.commit(point);
        }
      };
    },
  ],
  [
    "a commit after abort",
    "what is given up leaves nothing",
    class extends Wrong {
      override readonly Sink = class extends WrongSink {
        override abort(): Promise<void> {
          return Promise.resolve();
        }
      };
    },
  ],
  [
    "a reader that ends others",
    "a reader may stop early",
    class extends Wrong {
      #closed = 0;

      override async open(id: string): Promise<SnapshotSource> {
        const source = await super.open(id);
        const isEnded = () => this.#closed > 1;
        const close = () => {
          this.#closed += 1;
          return source.close();
        };
        return {
          meta: source.meta,
          read: async function* () {
            if (!isEnded()) yield* source.read();
          },
          close,
          [Symbol.asyncDispose]: () => source.close(),
        };
      }
    },
  ],
  [
    "a closed store that goes on",
    "close gives up what is written",
    class extends Wrong {
      override close(): Promise<void> {
        return Promise.resolve();
      }
    },
  ],
  [
    "a snapshot that is lost with the power",
    "what was committed is there after a crash",
    class extends Wrong {
      override readonly Sink = class extends WrongSink {
        override async commit(point: SnapshotPoint): Promise<SnapshotMeta> {
          const other = new MemorySnapshotStore({ wallTime: () => 5 });
          await (await other.create()).commit(point);
          return { ...other.list()[0]!, sizeBytes: 5000 * point.lastIncludedIndex };
        }
      };
    },
  ],
  [
    "a failed write that is made up for by nobody",
    "a disk that fails",
    class extends Wrong {
      override readonly Sink = class extends WrongSink {
        override commit(point: SnapshotPoint): Promise<SnapshotMeta> {
          return super.commit(point).catch(async () => {
            const other = await this.store.store.create();
            return await other.commit(point);
          });
        }
      };
    },
  ],
  [
    "damage that nobody looks for",
    "what is damaged is not read",
    class extends Wrong {
      override async open(id: string): Promise<SnapshotSource> {
        const source = await super.open(id);
        return {
          meta: source.meta,
          read: async function* () {
            try {
              yield* source.read();
            } catch {
              // It gives what there is.
            }
          },
          close: () => source.close(),
          [Symbol.asyncDispose]: () => source.close(),
        };
      }
    },
  ],
];

for (const [mistake, check, Class] of MISTAKES) {
  Deno.test(`snapshot store conformance finds ${mistake}`, async () => {
    await assertRejects(() => run(check, (store) => new Class(store)), AssertionError);
  });
}

Deno.test("snapshot store conformance finds half of a snapshot after a crash", async () => {
  const half = (store: MemorySnapshotStore) =>
    new class extends Wrong {
      override readonly Sink = class extends WrongSink {
        override async commit(point: SnapshotPoint): Promise<SnapshotMeta> {
          const early = await store.create();
          await early.write(new Uint8Array(10));
          await early.commit(point);
          for (let turn = 0; turn < 50; turn += 1) await undefined;
          return await super.commit(point);
        }
      };
    }(store);
  await assertRejects(() => run("what was being committed at a crash", half), AssertionError);
});

Deno.test("snapshot store conformance finds a snapshot that is listed before it is durable", async () => {
  const early = (store: MemorySnapshotStore) =>
    new class extends Wrong {
      readonly listed: SnapshotMeta[] = [];
      override readonly Sink = class extends WrongSink {
        override async commit(point: SnapshotPoint): Promise<SnapshotMeta> {
          const id = `${point.lastIncludedTerm}-${point.lastIncludedIndex}-early`;
          const { listed } = this.store as unknown as { listed: SnapshotMeta[] };
          listed.push({ ...point, id, sizeBytes: 50_000, createdAtMs: 5 });
          for (let turn = 0; turn < 50; turn += 1) await undefined;
          listed.pop();
          return await super.commit(point);
        }
      };

      override list(): readonly SnapshotMeta[] {
        return [...this.listed, ...super.list()];
      }
    }(store);
  await assertRejects(
    () => run("what was being committed at a crash", early),
    AssertionError,
    "was listed before the crash",
  );
});

Deno.test("snapshot store conformance finds what is wrong only after some history, and says how to see it again", async () => {
  const forgetful = (store: MemorySnapshotStore) =>
    new class extends Wrong {
      override list(): readonly SnapshotMeta[] {
        return super.list().filter((meta) => meta.lastIncludedTerm !== 7);
      }
    }(store);
  const error = await assertRejects(() => run("after any history", forgetful), Error);
  assert(error.message.includes("seed: "), error.message);
});
