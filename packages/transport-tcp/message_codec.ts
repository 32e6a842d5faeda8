/**
 * The bytes of messages. Each begins with a byte that says its kind; what follows is fixed for the
 * kind, except for the entries of an append.
 *
 * ```text
 *  preVote          | 1 | term | lastLogIndex | lastLogTerm | storeId |
 *  preVoteResult    | 2 | term | proposedTerm | storeId | granted |
 *  vote             | 3 | term | lastLogIndex | lastLogTerm | storeId | leadershipTransfer |
 *  voteResult       | 4 | term | storeId | granted |
 *  append           | 5 | term | prevLogIndex | prevLogTerm | leaderCommit | round | flags | length | entries |
 *  appendAccepted   | 6 | term | matchIndex | round | priority | storeId |
 *  appendRejected   | 7 | term | rejectedIndex | hintIndex | hintTerm | round | storeId |
 *  timeoutNow       | 8 | term |
 *  readIndex        | 9 | id |
 *  readIndexResult  | 10 | id | answered | readIndex |
 *
 *  the kind                               u8
 *  terms, indexes, round, id              u64  at most 2^53 - 1
 *  storeId                                u64  below 2^48. In a request for a vote the receiver's, 0 if it is not known; else the
 *                                              sender's
 *  granted, leadershipTransfer, answered  u8   0 or 1
 *  flags                                  u8   1 leased, 2 yields, 4 storeRefused, 8 removed, added; all other bits are 0
 *  priority                               u16
 *  readIndex                              u64  0 unless answered
 *  length                                 u32  bytes of entries; 0 for a heartbeat
 *  entries                                the run as it is on every disk (entry_codec.ts of @coracle/core)
 * ```
 *
 * All numbers are big-endian. A body is messages one after another, with nothing between them.
 *
 * @module
 */
import {
  type Append,
  assertNever,
  EntryRun,
  type Index,
  MalformedError,
  type Message,
  readUint53,
  type StoreId,
  type Term,
  writeUint53,
} from "@coracle/core";
import type { RunKeeper } from "./run_keeper.ts";

const PRE_VOTE = 1;
const PRE_VOTE_RESULT = 2;
const VOTE = 3;
const VOTE_RESULT = 4;
const APPEND = 5;
const APPEND_ACCEPTED = 6;
const APPEND_REJECTED = 7;
const TIMEOUT_NOW = 8;
const READ_INDEX = 9;
const READ_INDEX_RESULT = 10;

/** Bytes of each kind without the entries of an append; the position is the kind. */
const FIXED_SIZE_BYTES: readonly number[] = [0, 33, 26, 34, 18, 46, 35, 49, 9, 9, 18];

/** Bytes of an append before its entries. */
export const APPEND_HEADER_SIZE_BYTES = 46;

/** The flag of an append whose sender relies on not being replaced before a timeout. */
const LEASED = 1;

/** The flag of an append whose receiver lets another node stand for election first. */
const YIELDS = 2;

/** The flag of an append to a store that does not count. */
const STORE_REFUSED = 4;

/** The flag of an append to one that is no member any more. */
const REMOVED = 8;

/** Above the number of any store. */
const STORE_NUMBER_END = 2 ** 48;

/** The size of `message` once it is encoded, in bytes. */
export function messageSizeBytes(message: Message): number {
  const size = FIXED_SIZE_BYTES[kindOf(message)]!;
  return message.type === "append" ? size + (message.entries?.bytes.length ?? 0) : size;
}

function kindOf(message: Message): number {
  switch (message.type) {
    case "preVote":
      return PRE_VOTE;
    case "preVoteResult":
      return PRE_VOTE_RESULT;
    case "vote":
      return VOTE;
    case "voteResult":
      return VOTE_RESULT;
    case "append":
      return APPEND;
    case "appendAccepted":
      return APPEND_ACCEPTED;
    case "appendRejected":
      return APPEND_REJECTED;
    case "timeoutNow":
      return TIMEOUT_NOW;
    case "readIndex":
      return READ_INDEX;
    case "readIndexResult":
      return READ_INDEX_RESULT;
    default:
      return assertNever(message);
  }
}

/**
 * Writes `message` at `offset`, where {@linkcode messageSizeBytes} of room must be, and returns the
 * offset after it. `bytes` and `view` are the same memory.
 */
export function encodeMessage(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  message: Message,
): number {
  view.setUint8(offset, kindOf(message));
  const at = offset + 1;
  switch (message.type) {
    case "preVote":
    case "vote":
      writeUint53(view, at, message.term);
      writeUint53(view, at + 8, message.lastLogIndex);
      writeUint53(view, at + 16, message.lastLogTerm);
      writeStoreId(view, at + 24, message.storeId);
      if (message.type === "preVote") return at + 32;
      view.setUint8(at + 32, message.leadershipTransfer ? 1 : 0);
      return at + 33;
    case "preVoteResult":
      writeUint53(view, at, message.term);
      writeUint53(view, at + 8, message.proposedTerm);
      writeStoreId(view, at + 16, message.storeId);
      view.setUint8(at + 24, message.granted ? 1 : 0);
      return at + 25;
    case "voteResult":
      writeUint53(view, at, message.term);
      writeStoreId(view, at + 8, message.storeId);
      view.setUint8(at + 16, message.granted ? 1 : 0);
      return at + 17;
    case "append": {
      const entries = message.entries?.bytes;
      writeUint53(view, at, message.term);
      writeUint53(view, at + 8, message.prevLogIndex);
      writeUint53(view, at + 16, message.prevLogTerm);
      writeUint53(view, at + 24, message.leaderCommit);
      writeUint53(view, at + 32, message.round);
      view.setUint8(at + 40, flagsOf(message));
      view.setUint32(at + 41, entries?.length ?? 0);
      if (entries !== undefined) bytes.set(entries, at + 45);
      return at + 45 + (entries?.length ?? 0);
    }
    case "appendAccepted":
      writeUint53(view, at, message.term);
      writeUint53(view, at + 8, message.matchIndex);
      writeUint53(view, at + 16, message.round);
      view.setUint16(at + 24, message.priority);
      writeStoreId(view, at + 26, message.storeId);
      return at + 34;
    case "appendRejected":
      writeUint53(view, at, message.term);
      writeUint53(view, at + 8, message.rejectedIndex);
      writeUint53(view, at + 16, message.hintIndex);
      writeUint53(view, at + 24, message.hintTerm);
      writeUint53(view, at + 32, message.round);
      writeStoreId(view, at + 40, message.storeId);
      return at + 48;
    case "timeoutNow":
      writeUint53(view, at, message.term);
      return at + 8;
    case "readIndex":
      writeUint53(view, at, message.id);
      return at + 8;
    case "readIndexResult":
      writeUint53(view, at, message.id);
      view.setUint8(at + 8, message.readIndex === undefined ? 0 : 1);
      writeUint53(view, at + 9, message.readIndex ?? 0);
      return at + 17;
    default:
      return assertNever(message);
  }
}

/**
 * Adds the messages of `body` to `messages`. Entries go where `keeper` puts them; see there for `owned`.
 * Throws `MalformedError` or `NumberRangeError` that says what was found; `messages` is then of no use.
 */
export function decodeMessages(
  body: Uint8Array<ArrayBuffer>,
  owned: boolean,
  keeper: RunKeeper,
  messages: Message[],
): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  for (let offset = 0; offset < body.length;) {
    const kind = body[offset]!;
    const fixedSize = FIXED_SIZE_BYTES[kind] ?? 0;
    if (fixedSize === 0) {
      throw new MalformedError(
        `a message at byte ${offset} is of kind ${kind}; 1 to ${READ_INDEX_RESULT} is allowed`,
      );
    }
    if (offset + fixedSize > body.length) {
      throw new MalformedError(
        `a message of kind ${kind} at byte ${offset} needs ${fixedSize} bytes; there are ` +
          `${body.length - offset}`,
      );
    }
    const at = offset + 1;
    offset += fixedSize;
    if (kind === APPEND) {
      const length = view.getUint32(at + 41);
      if (length > body.length - offset) {
        throw new MalformedError(
          `an append gives its entries ${length} bytes; there are ${body.length - offset}`,
        );
      }
      const bytes = body.subarray(offset, offset + length);
      const entries = length === 0 ? undefined : EntryRun.parse(keeper.keep(bytes, body, owned));
      messages.push(decodeAppend(view, at, entries));
      offset += length;
    } else {
      messages.push(decodeFixed(view, at, kind));
    }
  }
}

function decodeAppend(view: DataView, at: number, entries: EntryRun | undefined): Append {
  const term = readUint53(view, at) as Term;
  const prevLogIndex = readUint53(view, at + 8) as Index;
  const prevLogTerm = readUint53(view, at + 16) as Term;
  if (entries !== undefined) {
    if (entries.firstIndex !== prevLogIndex + 1) {
      throw new MalformedError(
        `an append after index ${prevLogIndex} begins with index ${entries.firstIndex}`,
      );
    }
    if (entries.firstTerm < prevLogTerm || entries.lastTerm > term) {
      throw new MalformedError(
        `an append of term ${term} after an entry of term ${prevLogTerm} has entries of terms ` +
          `${entries.firstTerm} to ${entries.lastTerm}`,
      );
    }
  }
  return {
    type: "append",
    term,
    prevLogIndex,
    prevLogTerm,
    entries,
    leaderCommit: readUint53(view, at + 24) as Index,
    round: readUint53(view, at + 32),
    ...readFlags(view, at + 40),
  };
}

function decodeFixed(view: DataView, at: number, kind: number): Message {
  const first = readUint53(view, at);
  const term = first as Term;
  switch (kind) {
    case PRE_VOTE:
    case VOTE: {
      const request = {
        term,
        lastLogIndex: readUint53(view, at + 8) as Index,
        lastLogTerm: readUint53(view, at + 16) as Term,
        storeId: readStoreId(view, at + 24),
      };
      if (kind === PRE_VOTE) return { type: "preVote", ...request };
      const leadershipTransfer = readBoolean(view, at + 32, "leadershipTransfer");
      return { type: "vote", ...request, leadershipTransfer };
    }
    case PRE_VOTE_RESULT:
      return {
        type: "preVoteResult",
        term,
        proposedTerm: readUint53(view, at + 8) as Term,
        storeId: readOwnStoreId(view, at + 16),
        granted: readBoolean(view, at + 24, "granted"),
      };
    case VOTE_RESULT:
      return {
        type: "voteResult",
        term,
        storeId: readOwnStoreId(view, at + 8),
        granted: readBoolean(view, at + 16, "granted"),
      };
    case APPEND_ACCEPTED:
      return {
        type: "appendAccepted",
        term,
        matchIndex: readUint53(view, at + 8) as Index,
        round: readUint53(view, at + 16),
        priority: view.getUint16(at + 24),
        storeId: readOwnStoreId(view, at + 26),
      };
    case APPEND_REJECTED:
      return {
        type: "appendRejected",
        term,
        rejectedIndex: readUint53(view, at + 8) as Index,
        hintIndex: readUint53(view, at + 16) as Index,
        hintTerm: readUint53(view, at + 24) as Term,
        round: readUint53(view, at + 32),
        storeId: readOwnStoreId(view, at + 40),
      };
    case TIMEOUT_NOW:
      return { type: "timeoutNow", term };
    case READ_INDEX:
      return { type: "readIndex", id: first };
    case READ_INDEX_RESULT:
      return { type: "readIndexResult", id: first, readIndex: readAnswer(view, at + 8) };
    default:
      // Kinds without a size were refused before.
      throw new MalformedError(`messages of kind ${kind} cannot be read`);
  }
}

type Flags = Pick<Append, "leased" | "yields" | "storeRefused" | "removed">;

function flagsOf({ leased, yields, storeRefused, removed }: Flags): number {
  return (leased ? LEASED : 0) + (yields ? YIELDS : 0) + (storeRefused ? STORE_REFUSED : 0) +
    (removed ? REMOVED : 0);
}

function readFlags(view: DataView, at: number): Flags {
  const flags = view.getUint8(at);
  const most = LEASED + YIELDS + STORE_REFUSED + REMOVED;
  if (flags > most) throw new MalformedError(`flags are ${flags}; 0 to ${most} is allowed`);
  return {
    leased: (flags & LEASED) !== 0,
    yields: (flags & YIELDS) !== 0,
    storeRefused: (flags & STORE_REFUSED) !== 0,
    removed: (flags & REMOVED) !== 0,
  };
}

function writeStoreId(view: DataView, at: number, storeId: StoreId | undefined): void {
  writeUint53(view, at, storeId === undefined ? 0 : parseInt(storeId, 16));
}

function readStoreId(view: DataView, at: number): StoreId | undefined {
  const number = readUint53(view, at);
  if (number >= STORE_NUMBER_END) {
    throw new MalformedError(`a store is ${number}; less than ${STORE_NUMBER_END} is allowed`);
  }
  return number === 0 ? undefined : number.toString(16).padStart(12, "0");
}

/** The sender's store, which it always knows. */
function readOwnStoreId(view: DataView, at: number): StoreId {
  const storeId = readStoreId(view, at);
  if (storeId === undefined) throw new MalformedError("the store of a message's sender is 0");
  return storeId;
}

function readAnswer(view: DataView, at: number): Index | undefined {
  const answered = readBoolean(view, at, "answered");
  const readIndex = readUint53(view, at + 1) as Index;
  if (answered) return readIndex;
  if (readIndex !== 0) {
    throw new MalformedError(`a readIndexResult that is not answered has index ${readIndex}`);
  }
  return undefined;
}

function readBoolean(view: DataView, at: number, name: string): boolean {
  const value = view.getUint8(at);
  if (value > 1) throw new MalformedError(`${name} is ${value}; 0 or 1 is allowed`);
  return value === 1;
}
