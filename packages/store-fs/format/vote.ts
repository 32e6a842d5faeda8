/**
 * A vote, as the segment header and the hard state frame hold it: the length of the name in bytes,
 * or 0xffffffff for no vote, and the name in UTF-8.
 *
 * ```text
 *   0        4
 *   +--------+----------+
 *   | length | name     |
 *   +--------+----------+
 * ```
 *
 * @module
 */
import { MalformedError, type ServerId } from "@coracle/core";

const NO_VOTE = 0xffffffff;

/** The longest name of a server that can be voted for, in bytes of UTF-8. */
const NAME_SIZE_MAX_BYTES = 1024;

/** The largest encoded vote. */
export const VOTE_SIZE_MAX_BYTES: number = 4 + NAME_SIZE_MAX_BYTES;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Size of an encoded vote in bytes. Throws `MalformedError` if the name is too long to be written.
 */
export function voteSizeBytes(votedFor: ServerId | undefined): number {
  if (votedFor === undefined) return 4;
  const size = encoder.encode(votedFor).length;
  if (size > NAME_SIZE_MAX_BYTES) {
    throw new MalformedError(
      `a server id of ${size} bytes is longer than ${NAME_SIZE_MAX_BYTES}: ${
        votedFor.slice(0, 40)
      }…`,
    );
  }
  return 4 + size;
}

/** Writes a vote at `at` and returns the offset after it. */
export function encodeVote(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  votedFor: ServerId | undefined,
): number {
  if (votedFor === undefined) {
    view.setUint32(at, NO_VOTE);
    return at + 4;
  }
  const name = encoder.encode(votedFor);
  view.setUint32(at, name.length);
  bytes.set(name, at + 4);
  return at + 4 + name.length;
}

/** Reads the vote that fills the bytes from `at` to `end`. Throws `MalformedError`. */
export function decodeVote(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
): ServerId | undefined {
  const length = view.getUint32(at);
  const size = length === NO_VOTE ? 0 : length;
  if (at + 4 + size !== end) {
    throw new MalformedError(
      `a vote gives its length as ${length}; ${end - at - 4} bytes are left`,
    );
  }
  if (length === NO_VOTE) return undefined;
  try {
    return decoder.decode(bytes.subarray(at + 4, end));
  } catch {
    throw new MalformedError("the name of a server that was voted for is not UTF-8");
  }
}
