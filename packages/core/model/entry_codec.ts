/**
 * The bytes of one entry. An entry is encoded once in its life: the leader writes these bytes to
 * its disk and to the wire, and a follower writes what it received to its own disk.
 *
 * ```text
 *  0        4        8                16               24               32
 *  +--------+--------+----------------+----------------+----------------+------------+------+
 *  | length | T  ext | index          | term           | appendedAtMs   | extensions | data |
 *  +--------+--------+----------------+----------------+----------------+------------+------+
 *  length       u32  all bytes of the entry, these four included
 *  T            u8   1 command, 2 noop, 3 barrier, 4 configuration, 5 restore
 *  ext          u24  bytes of extensions
 *  index, term  u64  at most 2^53 - 1
 *  appendedAtMs f64
 * ```
 *
 * All numbers are big-endian. There is no checksum here: the disk's commit frame and the wire's
 * frame each cover whole batches.
 *
 * @module
 */
import {
  encodedSizeBytes,
  type Entry,
  ENTRY_HEADER_SIZE_BYTES,
  ENTRY_SIZE_MAX_BYTES,
  type EntryType,
  NO_BYTES,
  type Proposal,
} from "./entry.ts";
import { type Index, readUint53, type Term, writeUint53 } from "./numbers.ts";
import { assertNever } from "./assert.ts";

/** Thrown when bytes are not what their format says. Names what was found and what is allowed. */
export class MalformedError extends Error {
  /** The error's name, as it is printed. */
  override readonly name = "MalformedError";
}

/** The byte that stands for `type`. */
export function entryTypeCode(type: EntryType): number {
  switch (type) {
    case "command":
      return 1;
    case "noop":
      return 2;
    case "barrier":
      return 3;
    case "configuration":
      return 4;
    case "restore":
      return 5;
    default:
      return assertNever(type);
  }
}

/** What each byte stands for. */
const TYPES: readonly (EntryType | undefined)[] = [
  undefined,
  "command",
  "noop",
  "barrier",
  "configuration",
  "restore",
];

/** The largest extensions that the format can say: 2^24 - 1 bytes. */
const EXTENSIONS_SIZE_MAX_BYTES = 0xffffff;

/** Writes one entry at `offset` and returns the offset after it. `bytes` and `view` are the same memory. */
export function encodeEntry(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  index: Index,
  term: Term,
  appendedAtMs: number,
  proposal: Proposal,
): number {
  const { data, extensions } = proposal;
  const length = encodedSizeBytes(proposal);
  if (length > ENTRY_SIZE_MAX_BYTES || extensions.length > EXTENSIONS_SIZE_MAX_BYTES) {
    throw new MalformedError(
      `an entry of ${length} bytes with ${extensions.length} bytes of extensions is larger than ` +
        `${ENTRY_SIZE_MAX_BYTES} bytes`,
    );
  }
  view.setUint32(offset, length);
  view.setUint32(offset + 4, entryTypeCode(proposal.type) * 0x1000000 + extensions.length);
  writeUint53(view, offset + 8, index);
  writeUint53(view, offset + 16, term);
  view.setFloat64(offset + 24, appendedAtMs);
  const extensionsAt = offset + ENTRY_HEADER_SIZE_BYTES;
  if (extensions.length > 0) bytes.set(extensions, extensionsAt);
  bytes.set(data, extensionsAt + extensions.length);
  return offset + length;
}

/** Reads the entry at `offset` of bytes that {@linkcode checkEntry} has accepted. Its parts are views of `bytes`. */
export function decodeEntry(
  bytes: Uint8Array<ArrayBuffer>,
  view: DataView,
  offset: number,
): Entry {
  const length = view.getUint32(offset);
  const word = view.getUint32(offset + 4);
  const dataAt = offset + ENTRY_HEADER_SIZE_BYTES + (word & 0xffffff);
  const type = TYPES[word >>> 24];
  if (type === undefined) throw new MalformedError(`entry type ${word >>> 24} does not exist`);
  return {
    index: readUint53(view, offset + 8) as Index,
    term: readUint53(view, offset + 16) as Term,
    type,
    data: bytes.subarray(dataAt, offset + length),
    extensions: (word & 0xffffff) === 0
      ? NO_BYTES
      : bytes.subarray(offset + ENTRY_HEADER_SIZE_BYTES, dataAt),
    appendedAtMs: view.getFloat64(offset + 24),
  };
}

/**
 * Checks the entry at `offset` as far as its header says something checkable, and returns its length.
 * Throws {@linkcode MalformedError} that names the offset.
 */
export function checkEntry(view: DataView, offset: number, end: number): number {
  if (end - offset < ENTRY_HEADER_SIZE_BYTES) {
    throw new MalformedError(
      `${end - offset} bytes at offset ${offset} are too few for an entry's header of ` +
        `${ENTRY_HEADER_SIZE_BYTES}`,
    );
  }
  const length = view.getUint32(offset);
  const word = view.getUint32(offset + 4);
  const least = ENTRY_HEADER_SIZE_BYTES + (word & 0xffffff);
  if (length < least || length > ENTRY_SIZE_MAX_BYTES || length > end - offset) {
    throw new MalformedError(
      `the entry at offset ${offset} gives its length as ${length}; from ${least} to ` +
        `${Math.min(ENTRY_SIZE_MAX_BYTES, end - offset)} is allowed`,
    );
  }
  if (TYPES[word >>> 24] === undefined) {
    throw new MalformedError(
      `the entry at offset ${offset} has type ${word >>> 24}; 1 to ${TYPES.length - 1} is allowed`,
    );
  }
  return length;
}
