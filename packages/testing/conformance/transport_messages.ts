/**
 * Messages of every type, at the borders of their fields, for transports to carry.
 *
 * @module
 */
import {
  EntryRun,
  type Index,
  type Message,
  NO_BYTES,
  NO_INDEX,
  NO_ROUND,
  NO_TERM,
  type Term,
  toIndex,
  toTerm,
} from "@coracle/core";

/** A message that can be told from others by its number, from 0 on. */
export function numbered(number: number): Message {
  return { type: "readIndex", id: number };
}

/** The number of a message that was made with {@linkcode numbered}, or `undefined`. */
export function numberOf(message: Message): number | undefined {
  return message.type === "readIndex" ? message.id : undefined;
}

/** An append of one command of `dataSizeBytes`. */
export function appendOf(index: number, dataSizeBytes: number): Message {
  return { ...APPEND, prevLogIndex: toIndex(index - 1), entries: runOf(index, dataSizeBytes) };
}

const MOST = Number.MAX_SAFE_INTEGER;
const STORES = ["000000000001", "ffffffffffff"] as const;
const INDEX = MOST as Index;
const TERM = MOST as Term;

const APPEND = {
  type: "append",
  term: toTerm(3),
  prevLogIndex: NO_INDEX,
  prevLogTerm: NO_TERM,
  leaderCommit: NO_INDEX,
  round: 1,
  leased: false,
  yields: false,
  storeRefused: false,
  removed: false,
} as const;

function runOf(index: number, dataSizeBytes: number): EntryRun {
  const data = new Uint8Array(dataSizeBytes).map((_, at) => at * 7);
  return EntryRun.encode(toIndex(index), toTerm(3), 5, [
    { type: "command", data, extensions: NO_BYTES },
  ]);
}

/** Entries of every type and of two terms. */
const MANY = EntryRun.concat([
  EntryRun.encode(toIndex(8), toTerm(2), 0.5, [
    { type: "noop", data: NO_BYTES, extensions: NO_BYTES },
    { type: "command", data: Uint8Array.of(0, 255), extensions: Uint8Array.of(1) },
  ]),
  EntryRun.encode(toIndex(10), toTerm(3), 1e15, [
    { type: "configuration", data: new Uint8Array(300), extensions: NO_BYTES },
    { type: "barrier", data: NO_BYTES, extensions: NO_BYTES },
    { type: "restore", data: new Uint8Array(3), extensions: new Uint8Array(5) },
  ]),
]);

/** Each type of message, with the least and the most that its fields can be. A type that is missing does not compile. */
const EXAMPLES: { readonly [Type in Message["type"]]: readonly (Message & { type: Type })[] } = {
  preVote: [
    {
      type: "preVote",
      term: toTerm(1),
      lastLogIndex: NO_INDEX,
      lastLogTerm: NO_TERM,
      storeId: undefined,
    },
    { type: "preVote", term: TERM, lastLogIndex: INDEX, lastLogTerm: TERM, storeId: STORES[0] },
    { type: "preVote", term: TERM, lastLogIndex: INDEX, lastLogTerm: TERM, storeId: STORES[1] },
  ],
  preVoteResult: [
    {
      type: "preVoteResult",
      term: NO_TERM,
      proposedTerm: toTerm(1),
      granted: true,
      storeId: STORES[0],
    },
    { type: "preVoteResult", term: TERM, proposedTerm: TERM, granted: false, storeId: STORES[1] },
  ],
  vote: [true, false].map((leadershipTransfer) => ({
    type: "vote",
    term: TERM,
    lastLogIndex: INDEX,
    lastLogTerm: TERM,
    leadershipTransfer,
    storeId: leadershipTransfer ? STORES[0] : undefined,
  })),
  voteResult: [true, false].map((granted) => ({
    type: "voteResult",
    term: TERM,
    granted,
    storeId: STORES[granted ? 0 : 1],
  })),
  append: [
    { ...APPEND, entries: undefined },
    { ...APPEND, entries: undefined, leased: true, round: MOST },
    { ...APPEND, entries: undefined, yields: true, leaderCommit: INDEX },
    { ...APPEND, entries: undefined, storeRefused: true },
    { ...APPEND, entries: undefined, removed: true },
    { ...APPEND, entries: runOf(1, 0) },
    { ...APPEND, prevLogIndex: toIndex(7), prevLogTerm: toTerm(2), entries: MANY, leased: true },
    { ...APPEND, entries: runOf(1, 1_000_000), yields: true },
  ],
  appendAccepted: [
    {
      type: "appendAccepted",
      term: toTerm(1),
      matchIndex: NO_INDEX,
      round: 1,
      priority: 0,
      storeId: STORES[0],
    },
    {
      type: "appendAccepted",
      term: TERM,
      matchIndex: INDEX,
      round: MOST,
      priority: 0xffff,
      storeId: STORES[1],
    },
  ],
  appendRejected: [NO_ROUND, MOST].map((round) => ({
    type: "appendRejected",
    term: TERM,
    rejectedIndex: INDEX,
    hintIndex: INDEX,
    hintTerm: TERM,
    round,
    storeId: STORES[1],
  })),
  timeoutNow: [{ type: "timeoutNow", term: TERM }],
  readIndex: [{ type: "readIndex", id: MOST }],
  readIndexResult: [
    { type: "readIndexResult", id: MOST, readIndex: INDEX },
    { type: "readIndexResult", id: 0, readIndex: NO_INDEX },
    { type: "readIndexResult", id: 1, readIndex: undefined },
  ],
};

/** Messages of every type. */
export const ALL_MESSAGES: readonly Message[] = Object.values(EXAMPLES).flat();

/** What a message says, in a form that can be compared: entries as bytes and what is known of them, and no fields that are `undefined`. */
export function plain(message: Message): unknown {
  const fields = Object.entries(message).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields.map(([name, value]) => {
    if (!(value instanceof EntryRun)) return [name, value];
    const { bytes, firstIndex, lastIndex, terms, configurations } = value;
    return [name, { bytes: bytes.join(), firstIndex, lastIndex, terms, configurations }];
  }));
}
