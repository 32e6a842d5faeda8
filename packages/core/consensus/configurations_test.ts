import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Configuration,
  EMPTY_CONFIGURATION,
  encodeConfiguration,
} from "../model/configuration.ts";
import { NO_BYTES, type Proposal } from "../model/entry.ts";
import { MalformedError } from "../model/entry_codec.ts";
import { EntryRun } from "../model/entry_run.ts";
import { type Index, NO_INDEX, toIndex, toTerm } from "../model/numbers.ts";
import { Configurations } from "./configurations.ts";

const INITIAL = { index: NO_INDEX, configuration: EMPTY_CONFIGURATION };
const NOOP: Proposal = { type: "noop", data: NO_BYTES, extensions: NO_BYTES };

function members(...ids: string[]): Configuration {
  return { servers: ids.map((id) => ({ id, address: id, suffrage: "voter" })) };
}

function configure(...ids: string[]): Proposal {
  return {
    type: "configuration",
    data: encodeConfiguration(members(...ids)),
    extensions: NO_BYTES,
  };
}

function run(first: number, ...proposals: Proposal[]): EntryRun {
  return EntryRun.encode(toIndex(first), toTerm(1), 0, proposals);
}

Deno.test("a configuration is in force as soon as it is appended (B23)", () => {
  const configurations = new Configurations([INITIAL]);
  assertStrictEquals(configurations.appended(run(1, NOOP)), false);
  assertEquals(configurations.latest, INITIAL);
  assertStrictEquals(configurations.appended(run(2, NOOP, configure("a"), NOOP)), true);
  assertEquals(configurations.latest, { index: toIndex(3), configuration: members("a") });
  assertEquals(configurations.settled, INITIAL);
});

Deno.test("a configuration whose entry is dropped is no longer in force (B25)", () => {
  const configurations = new Configurations([INITIAL]);
  configurations.appended(run(1, configure("a")));
  configurations.committed(toIndex(1));
  configurations.appended(run(2, NOOP, configure("a", "b")));
  assertStrictEquals(configurations.truncated(toIndex(4)), false);
  assertStrictEquals(configurations.truncated(toIndex(3)), true);
  assertEquals(configurations.latest, { index: toIndex(1), configuration: members("a") });
});

Deno.test("two configurations dropped at once bring back the one before both (B25)", () => {
  const configurations = new Configurations([INITIAL]);
  configurations.appended(run(1, configure("a")));
  configurations.committed(toIndex(1));
  configurations.appended(run(2, configure("a", "b"), NOOP, configure("a", "b", "c")));
  assertStrictEquals(configurations.truncated(toIndex(2)), true);
  assertEquals(configurations.latest, { index: toIndex(1), configuration: members("a") });
});

Deno.test("a log that holds several configurations starts with the last and can go back (B25)", () => {
  const history = ["a", "b", "c"].map((id, at) => ({
    index: toIndex(at + 1),
    configuration: members(id),
  }));
  const configurations = new Configurations([INITIAL, ...history]);
  assertEquals(configurations.latest, history[2]!);
  configurations.truncated(toIndex(2));
  assertEquals(configurations.latest, history[0]!);
});

Deno.test("whatever is appended, dropped and committed, the last configuration of the log is in force", () => {
  const happening = fc.oneof(
    fc.record({
      type: fc.constant("append" as const),
      kinds: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ type: fc.constant("truncate" as const), back: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ type: fc.constant("commit" as const), ahead: fc.nat(4) }),
  );
  fc.assert(fc.property(fc.array(happening, { maxLength: 40 }), (plan) => {
    const configurations = new Configurations([INITIAL]);
    /** Which entries are configurations; the first has index 1. */
    let log: boolean[] = [];
    let committed = 0;
    const lastUpTo = (index: number): number => log.lastIndexOf(true, index - 1) + 1;
    for (const one of plan) {
      if (one.type === "append") {
        const proposals = one.kinds.map((is, at) =>
          is ? configure(`${log.length + at + 1}`) : NOOP
        );
        const given = configurations.appended(run(log.length + 1, ...proposals));
        assertStrictEquals(given, one.kinds.includes(true));
        log = [...log, ...one.kinds];
      } else if (one.type === "truncate") {
        const from = Math.max(committed + 1, log.length + 1 - one.back);
        const dropped = log.slice(from - 1).includes(true);
        assertStrictEquals(configurations.truncated(from as Index), dropped);
        log = log.slice(0, from - 1);
      } else {
        committed = Math.min(log.length, committed + one.ahead);
        configurations.committed(committed as Index);
      }
      const latest = log.length === 0 ? 0 : lastUpTo(log.length);
      assertStrictEquals(configurations.latest.index, latest as Index);
      assertEquals(
        configurations.latest.configuration,
        latest === 0 ? EMPTY_CONFIGURATION : members(`${latest}`),
      );
      const settled = committed === 0 ? 0 : lastUpTo(committed);
      assertStrictEquals(configurations.settled.index, settled as Index);
      const mayHold = [settled, ...log.flatMap((is, at) => is && at >= committed ? [at + 1] : [])];
      assertEquals(configurations.unsettled.map(({ index }) => index), mayHold as Index[]);
    }
  }));
});

Deno.test("an entry that is no configuration does not become one", () => {
  const garbage = {
    type: "configuration",
    data: new Uint8Array([1, 2]),
    extensions: NO_BYTES,
  } as const;
  const configurations = new Configurations([INITIAL]);
  assertThrows(() => configurations.appended(run(1, garbage)), MalformedError);
});
