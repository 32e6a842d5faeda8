import { assert, assertEquals } from "@std/assert";
import { checkMonotonicReads } from "./monotonic_reads.ts";
import { checkNoPhantomValue } from "./no_phantom_value.ts";
import { checkOneIndexPerWrite } from "./one_index_per_write.ts";
import { checkReadYourWrites } from "./read_your_writes.ts";
import type {
  IndexedRead,
  IndexedWrite,
  SessionOperation,
  SessionVerdict,
} from "./session_operation.ts";

type Span = readonly [callAt: number, returnAt: number];

function write(
  client: string,
  value: string,
  index: number | undefined,
  [callAt, returnAt]: Span,
): IndexedWrite {
  return { type: "write", client, value, index, callAt, returnAt };
}

function read(
  client: string,
  index: number,
  values: readonly string[],
  [callAt, returnAt]: Span,
): IndexedRead {
  return { type: "read", client, index, values, callAt, returnAt };
}

function kept(verdict: SessionVerdict): void {
  assertEquals(verdict, { type: "kept" });
}

function broken(verdict: SessionVerdict, first: string, operations: SessionOperation[]): void {
  assert(verdict.type === "broken", verdict.type);
  assertEquals(verdict.text.split("\n")[0], first);
  assertEquals(verdict.operations, operations);
  assertEquals(verdict.text.split("\n").length, 1 + operations.length);
}

Deno.test("monotonic reads", () => {
  const [a, b] = [read("c", 5, [], [0, 1]), read("c", 4, [], [2, 3])];
  broken(
    checkMonotonicReads([b, a]),
    "monotonic reads: client c reads at index 4 after it has read at 5",
    [
      a,
      b,
    ],
  );
  kept(checkMonotonicReads([a, read("c", 5, [], [2, 3]), read("c", 6, [], [4, 5])]));
  // Another client's reads do not count, nor one that is still going on, nor what was written.
  kept(checkMonotonicReads([a, read("d", 4, [], [2, 3])]));
  kept(checkMonotonicReads([read("c", 5, [], [0, 9]), b]));
  kept(checkMonotonicReads([write("c", "x", 9, [0, 1]), b]));
  // Not only the read just before.
  const late = read("c", 3, [], [8, 9]);
  broken(
    checkMonotonicReads([a, read("c", 6, [], [2, 7]), read("c", 5, [], [4, 5]), late]),
    "monotonic reads: client c reads at index 3 after it has read at 6",
    [read("c", 6, [], [2, 7]), late],
  );
});

Deno.test("read your writes", () => {
  const [w, r] = [write("c", "x", 5, [0, 1]), read("c", 4, [], [2, 3])];
  broken(
    checkReadYourWrites([w, r]),
    "read your writes: client c reads at index 4 after its write at 5",
    [
      w,
      r,
    ],
  );
  kept(checkReadYourWrites([w, read("c", 5, ["x"], [2, 3])]));
  kept(checkReadYourWrites([w, read("d", 4, [], [2, 3])]));
  kept(checkReadYourWrites([write("c", "x", 5, [0, 2.5]), r]));
  kept(checkReadYourWrites([write("c", "x", undefined, [0, Infinity]), r]));
  kept(checkReadYourWrites([{ ...w, failed: true }, r]));
  kept(checkReadYourWrites([read("c", 9, [], [0, 1]), r]));
});

Deno.test("no phantom value", () => {
  const w = write("c", "x", 5, [0, 3]);
  kept(checkNoPhantomValue([w, read("d", 5, ["x"], [1, 2])]));
  kept(
    checkNoPhantomValue([write("c", "x", undefined, [0, Infinity]), read("d", 1, ["x"], [1, 2])]),
  );
  kept(checkNoPhantomValue([w, read("d", 1, [], [1, 2])]));
  const nobody = read("d", 5, ["x", "y"], [1, 2]);
  broken(
    checkNoPhantomValue([w, nobody]),
    'no phantom value: client d reads "y" at index 5, which nobody has written',
    [nobody],
  );
  const sentence = (index: number): string =>
    `no phantom value: client d reads "x" at index ${index}, which was not written, or only later`;
  for (
    const wrong of [
      write("c", "x", 6, [0, 3]),
      write("c", "x", 5, [2.5, 3]),
      { ...w, failed: true },
    ]
  ) {
    const r = read("d", 5, ["x"], [1, 2]);
    broken(checkNoPhantomValue([wrong, r]), sentence(5), [wrong, r]);
  }
});

Deno.test("one index per write", () => {
  const first = write("c", "x", 5, [0, 3]);
  kept(checkOneIndexPerWrite([first, write("c", "x", 5, [4, 5]), write("c", "y", 6, [6, 7])]));
  kept(checkOneIndexPerWrite([first, write("c", "x", undefined, [4, Infinity])]));
  const again = write("c", "x", 7, [4, 5]);
  broken(checkOneIndexPerWrite([first, again]), 'one index per write: "x" is at index 5 and at 7', [
    first,
    again,
  ]);
  const other = write("d", "y", 5, [4, 5]);
  broken(checkOneIndexPerWrite([first, other]), "one index per write: index 5 holds two writes", [
    first,
    other,
  ]);
});
