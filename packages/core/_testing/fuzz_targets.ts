/**
 * Everything in core that decodes bytes from a disk, a peer or a client, to be fuzzed.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { joined, MemorySnapshotStore } from "@coracle/testing";
import type { FuzzTarget } from "@coracle/testing/fuzzing";
import fc from "fast-check";
import {
  restoreAbandon,
  restoreBegin,
  restoreChunk,
  restoreEnd,
  UserRestore,
} from "../driver/user_restore.ts";
import {
  type Configuration,
  decodeConfiguration,
  encodeConfiguration,
  type Suffrage,
} from "../model/configuration.ts";
import { type Entry, type EntryType, NO_BYTES, type Proposal } from "../model/entry.ts";
import { MalformedError } from "../model/entry_codec.ts";
import { EntryRun } from "../model/entry_run.ts";
import { type Index, NO_INDEX, NumberRangeError, toIndex, toTerm } from "../model/numbers.ts";
import { BatchRecorder, bytesFrom, command, entryOf, streamOf } from "../sessions/_testing/log.ts";
import { ByteSource } from "../sessions/byte_source.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope } from "../sessions/envelope.ts";
import { decodeLimits, encodeLimits } from "../sessions/limits.ts";
import { sessionFsm } from "../sessions/session_fsm.ts";
import { SessionTable } from "../sessions/table.ts";
import { decodeTable, encodeTable } from "../sessions/table_codec.ts";
import { jsonCodec } from "../typed/codec.ts";
import { typedFsm } from "../typed/typed_fsm.ts";
import configurationCorpus from "./corpus/configuration.txt" with { type: "text" };
import entriesCorpus from "./corpus/entries.txt" with { type: "text" };
import restoreCorpus from "./corpus/restore.txt" with { type: "text" };
import sessionsCorpus from "./corpus/sessions.txt" with { type: "text" };
import envelopeCorpus from "./corpus/envelope.txt" with { type: "text" };
import typedCorpus from "./corpus/typed.txt" with { type: "text" };

type Bytes = Uint8Array<ArrayBuffer>;

const bytesOf = (text: string) => new TextEncoder().encode(text);

const proposal: fc.Arbitrary<Proposal> = fc.record({
  type: fc.constantFrom<EntryType>("command", "noop", "barrier", "configuration", "restore"),
  data: fc.uint8Array({ maxLength: 40 }),
  extensions: fc.uint8Array({ maxLength: 10 }),
});

const run: fc.Arbitrary<EntryRun> = fc.record({
  first: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constant(2 ** 53 - 100)),
  term: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constant(2 ** 53 - 100)),
  parts: fc.array(fc.array(proposal, { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 3,
  }),
}).map(({ first, term, parts }) => {
  let next = first;
  return EntryRun.concat(parts.map((proposals, at) => {
    const run = EntryRun.encode(toIndex(next), toTerm(term + at), 1.5, proposals);
    next += proposals.length;
    return run;
  }));
});

const entryRuns: FuzzTarget = {
  name: "entries",
  valid: run.map(({ bytes }) => bytes),
  errors: [MalformedError, NumberRangeError],
  corpus: entriesCorpus,
  decode(bytes) {
    const run = EntryRun.parse(bytes);
    const entries = run.entries();
    assertEquals(entries.length, run.count);
    assertEquals(entries.map(({ index }) => index), indexes(run));
    assertEquals(entries.map(({ term }) => term), indexes(run).map((index) => run.term(index)));
    const configurations = entries.filter(({ type }) => type === "configuration");
    assertEquals(configurations.map(({ index }) => index), [...run.configurations]);
    for (const { index, term, appendedAtMs, ...entry } of entries) {
      const one = run.slice(index, index);
      // A number that is none has many forms.
      if (Number.isNaN(appendedAtMs)) continue;
      assertEquals(EntryRun.encode(index, term, appendedAtMs, [entry]).bytes, one.bytes);
    }
    const parts = indexes(run).map((index) => run.slice(index, index));
    assertEquals(EntryRun.concat(parts).bytes, bytes);
    assertEquals(run.limit(0).count, 1);
  },
};

function indexes(run: EntryRun): Index[] {
  return Array.from({ length: run.count }, (_, at) => toIndex(run.firstIndex + at));
}

const server = fc.record({
  id: fc.string({ unit: "binary", maxLength: 8 }),
  address: fc.string({ maxLength: 8 }),
  suffrage: fc.constantFrom<Suffrage>("voter", "nonvoter", "staging"),
});

const configurations: FuzzTarget = {
  name: "a configuration",
  valid: fc.record<Configuration>({ servers: fc.array(server, { maxLength: 4 }) })
    .map(encodeConfiguration),
  errors: [MalformedError],
  corpus: configurationCorpus,
  decode(bytes) {
    const configuration = decodeConfiguration(bytes);
    assertEquals(decodeConfiguration(encodeConfiguration(configuration)), configuration);
  },
};

const serial = fc.integer({ min: 1, max: 2 ** 53 - 3 });
const id = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.maxSafeNat()).map(toIndex);
const envelope: fc.Arbitrary<Envelope> = fc.oneof(
  fc.constant({ kind: "register" as const }),
  fc.tuple(id, serial, fc.double({ min: 0, max: 1, noNaN: true })).map((
    [session, serial, share],
  ) => ({
    kind: "command" as const,
    session,
    serial,
    lowest: Math.max(1, Math.floor(serial * share)),
  })),
  fc.record({ kind: fc.constant("keepAlive" as const), session: id, lowest: serial }),
  fc.record({ kind: fc.constant("close" as const), session: id }),
  fc.constant({ kind: "changeLimits" as const }),
);

const envelopes: FuzzTarget = {
  name: "the envelope of a session's command",
  valid: fc.tuple(envelope, fc.uint8Array({ maxLength: 9 }))
    .map(([envelope, own]) => encodeEnvelope(envelope, own)),
  errors: [],
  corpus: envelopeCorpus,
  decode(bytes) {
    const envelope = decodeEnvelope(bytes);
    if (envelope !== undefined && envelope.kind !== "malformed") {
      assertEquals(decodeEnvelope(encodeEnvelope(envelope)), envelope);
    }
    // Whatever a client writes is answered, on its own and after others.
    const fsm = sessionFsm(new BatchRecorder());
    const open = entryOf(1, { envelope: { kind: "register" } });
    const used = entryOf(3, { envelope: command(1, 1), data: "used" });
    const limits = { sessionsMax: 1 };
    for (const data of [NO_BYTES, encodeLimits(limits), bytes]) {
      fsm.applyBatch!([open, used, { ...open, extensions: bytes, data, index: toIndex(5) }, used]);
    }
  },
};

const limits: FuzzTarget = {
  name: "limits of sessions",
  valid: fc.record({
    ttlMs: serial,
    sessionsMax: fc.integer({ min: 1, max: 2 ** 24 }),
    responsesMax: fc.integer({ min: 1, max: 2 ** 20 }),
    responsesSizeMaxBytes: fc.integer({ min: 1, max: 2 ** 30 }),
  }).map(encodeLimits),
  errors: [MalformedError, NumberRangeError],
  corpus: "",
  decode: (bytes) => assertEquals(encodeLimits(decodeLimits(bytes)), bytes),
};

/** A table of sessions, after some use. */
const sessionTable: fc.Arbitrary<Bytes> = fc.array(
  fc.record({
    session: fc.nat(3),
    serial: fc.integer({ min: 1, max: 9 }),
    sizeBytes: fc.nat(60),
  }),
  { maxLength: 12 },
).map((uses) => {
  const limits = { ttlMs: 99, sessionsMax: 3, responsesMax: 3, responsesSizeMaxBytes: 100 };
  const table = SessionTable.empty(limits);
  for (const [at, { session: which, serial, sizeBytes }] of uses.entries()) {
    table.advance(1000 + at);
    const session = table.use(toIndex(which), 1);
    if (session === undefined) table.register(toIndex(at + 1));
    else if (serial >= session.lowest && !session.responses.has(serial)) {
      table.record(session, serial, new Uint8Array(sizeBytes));
    }
  }
  return joined([...encodeTable(table.state)]);
});

const sessions: FuzzTarget = {
  name: "the sessions in a snapshot",
  valid: sessionTable,
  errors: [MalformedError],
  corpus: sessionsCorpus,
  async decode(bytes) {
    const state = await decodeTable(new ByteSource(streamOf(bytes)));
    const encoded = joined([...encodeTable(state)]);
    assertEquals(encoded, bytes.subarray(0, encoded.length));
    const fsm = sessionFsm({
      apply: () => 1,
      snapshot: () => [],
      restore: async (data) => void await bytesFrom(data),
    });
    await fsm.restore!(streamOf(bytes, 5), NO_INDEX);
    // It goes on from whatever was restored.
    const some = [command(1, 1), command(3, 2), { kind: "register" as const }];
    for (const [at, envelope] of some.entries()) {
      await fsm.apply(entryOf(100 + at, { envelope, atMs: 2 ** 40 * at }));
    }
  },
};

const protocol = {
  add: ({ by }: { by: number }) => by + 1,
  fail: () => 0,
};

const typedCommands: FuzzTarget = {
  name: "a typed command",
  valid: fc.record({
    name: fc.constantFrom("add", "fail", "other", "toString", "__proto__"),
    input: fc.jsonValue({ maxDepth: 2 }).filter((value) => value !== null),
  }).map((command) => bytesOf(JSON.stringify(command))),
  errors: [],
  corpus: typedCorpus,
  decode(bytes) {
    type Answers = { add: { input: { by: number }; output: number }; fail: { output: number } };
    const fsm = typedFsm<Answers>(
      {
        ...protocol,
        add: (input) => input === undefined || input === null ? 0 : protocol.add(input),
      },
      jsonCodec(),
    );
    fsm.apply({ ...entryOf(1, {}), data: bytes });
  },
};

const restorePieces: FuzzTarget = {
  name: "a piece of a backup in the log",
  valid: fc.oneof(
    fc.constant(restoreBegin()),
    fc.uint8Array({ maxLength: 20 }).map((data) => restoreChunk(toIndex(1), data)),
    fc.constant(restoreEnd(toIndex(1), 0)),
    fc.constant(restoreAbandon(toIndex(1))),
    fc.constant(restoreAbandon(toIndex(9))),
  ).map((data) => Uint8Array.from(data)),
  errors: [MalformedError, NumberRangeError],
  corpus: restoreCorpus,
  async decode(bytes) {
    const store = new MemorySnapshotStore();
    const restore = new UserRestore({
      store,
      appliedConfiguration: () => ({ index: toIndex(1), configuration: { servers: [] } }),
      replaceState: () => Promise.resolve(),
    });
    const entry = (index: number, data: Bytes): Entry => ({
      ...entryOf(index, {}),
      type: "restore",
      data,
    });
    try {
      await restore.apply(entry(1, Uint8Array.from(restoreBegin())));
      await restore.apply(entry(2, bytes));
    } finally {
      await restore.abandon();
      assertEquals(store.writing, 0, "snapshots that are left open");
    }
  },
};

/** All of them. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  entryRuns,
  configurations,
  envelopes,
  limits,
  sessions,
  typedCommands,
  restorePieces,
];
