import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvariantViolation, type LogWrite, type Term, toIndex, toTerm } from "@coracle/core";
import { type LogBounds, planChange } from "./plan.ts";
import { manyEntries, plain, run, vote, write } from "./_testing/logs.ts";

/** Entries 11 to 20; those up to 15 are of term 1, the others of term 2. */
const log: LogBounds = {
  hardState: vote(3, "n1"),
  firstIndex: toIndex(11),
  lastIndex: toIndex(20),
  lastTerm: toTerm(2),
  term: (index): Term | undefined =>
    index < 10 || index > 20 ? undefined : toTerm(index <= 15 ? 1 : 2),
};

function plan(...writes: LogWrite[]): unknown {
  const change = planChange(log, writes);
  if (change === undefined) return undefined;
  const { hardState, cut, runs } = change;
  return {
    ...(hardState && { hardState }),
    ...(cut && { cut: `${cut.kind} ${cut.lastIndex}@${cut.lastTerm}` }),
    entries: runs.flatMap((part) => part.entries().map(plain).map((e) => `${e.index}@${e.term}`)),
  };
}

Deno.test("what changes nothing is not written", () => {
  assertEquals(plan(), undefined);
  assertEquals(plan(write({}), write({ hardState: vote(3, "n1") })), undefined);
  assertEquals(plan(write({ truncateFrom: 21 })), undefined);
});

Deno.test("writes add up to one change", () => {
  assertEquals(
    plan(
      write({ hardState: vote(4), truncateFrom: 18, entries: run(18, 4, "a", "b", "c") }),
      write({ hardState: vote(5, "n2"), entries: run(21, 5, "d") }),
    ),
    {
      hardState: vote(5, "n2"),
      cut: "truncate 17@2",
      entries: ["18@4", "19@4", "20@4", "21@5"],
    },
  );
});

Deno.test("a truncation reaches into what is written before it in the same batch", () => {
  const appended = write({ entries: manyEntries(21, 4, 3) });
  assertEquals(plan(appended, write({ truncateFrom: 23, entries: run(23, 5, "x") })), {
    entries: ["21@4", "22@4", "23@5"],
  });
  assertEquals(plan(appended, write({ truncateFrom: 21, entries: run(21, 5, "x") })), {
    entries: ["21@5"],
  });
  assertEquals(plan(appended, write({ truncateFrom: 21 })), undefined);
  assertEquals(plan(appended, write({ truncateFrom: 16, entries: run(16, 5, "x") })), {
    cut: "truncate 15@1",
    entries: ["16@5"],
  });
  assertEquals(
    plan(write({ truncateFrom: 18, entries: run(18, 4, "a") }), write({ truncateFrom: 14 })),
    { cut: "truncate 13@1", entries: [] },
  );
  assertEquals(
    plan(
      write({ truncateFrom: 14, entries: run(14, 4, "a") }),
      write({ truncateFrom: 14, entries: run(14, 5, "b") }),
    ),
    { cut: "truncate 13@1", entries: ["14@5"] },
  );
});

Deno.test("a truncation may leave nothing", () => {
  assertEquals(plan(write({ truncateFrom: 11 })), { cut: "truncate 10@1", entries: [] });
});

Deno.test("a reset leaves nothing of what was before it, in the log or in the same batch", () => {
  const appended = write({ entries: manyEntries(21, 3, 3) });
  assertEquals(plan(appended, write({ reset: [40, 3] })), { cut: "reset 40@3", entries: [] });
  assertEquals(plan(write({ truncateFrom: 14 }), write({ reset: [12, 1] })), {
    cut: "reset 12@1",
    entries: [],
  });
  assertEquals(plan(write({ reset: [30, 2] }), write({ reset: [40, 3] })), {
    cut: "reset 40@3",
    entries: [],
  });
});

Deno.test("in one write, hard state, reset, truncation and entries follow in this order", () => {
  assertEquals(
    plan(
      write({
        hardState: vote(5),
        reset: [40, 4],
        truncateFrom: 41,
        entries: manyEntries(41, 5, 2),
      }),
      write({ truncateFrom: 42, entries: manyEntries(42, 5, 2) }),
      write({ hardState: vote(6) }),
    ),
    { hardState: vote(6), cut: "reset 40@4", entries: ["41@5", "42@5", "43@5"] },
  );
  assertEquals(
    plan(
      write({ reset: [40, 4], entries: manyEntries(41, 5, 2) }),
      write({ truncateFrom: 41, entries: manyEntries(41, 6, 1) }),
    ),
    { cut: "reset 40@4", entries: ["41@6"] },
  );
});

Deno.test("B82: the runs that are written are the very ones that were given", () => {
  const entries = manyEntries(21, 4, 3);
  assertStrictEquals(planChange(log, [write({ entries })])?.runs[0], entries);
});

Deno.test("B03, B37: what no node may ask for is refused", () => {
  const refused = (message: string, ...writes: LogWrite[]): unknown =>
    assertThrows(() => planChange(log, writes), InvariantViolation, message);
  refused("entries from 22 on, of term 4, do not follow", write({ entries: run(22, 4, "x") }));
  refused("do not follow entry 20", write({ entries: run(20, 4, "x") }));
  refused("of term 1, do not follow", write({ entries: run(21, 1, "x") }));
  refused(
    "do not follow entry 15 of term 1",
    write({ truncateFrom: 16, entries: run(17, 2, "x") }),
  );
  refused("the log begins at 11", write({ truncateFrom: 10 }));
  refused("the log begins at 41", write({ reset: [40, 3], truncateFrom: 40 }));
  refused(
    "entries from 21 on, of term 3, do not follow entry 40 of term 3",
    write({ reset: [40, 3] }),
    write({ entries: run(21, 3, "x") }),
  );
  refused("of term 2, do not follow", write({ reset: [40, 3], entries: run(41, 2, "x") }));
  refused("term 2 was to be stored after term 3", write({ hardState: vote(2) }));
  refused("a vote for n2 was to be stored after one for n1", write({ hardState: vote(3, "n2") }));
  refused("a vote for nobody", write({ hardState: vote(3) }));
  refused(
    "after one for n2 in the same term 4",
    write({ hardState: vote(4, "n2") }),
    write({ hardState: vote(4, "n3") }),
  );
});
