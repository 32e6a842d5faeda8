/**
 * The envelope that a session puts around a command, in the entry's extensions, so that the command itself reaches the
 * state machine unchanged.
 *
 * ```text
 *  0        4      5         13        21        29
 *  +--------+------+---------+---------+---------+----------------------------+
 *  | "cSe1" | kind | session | serial  | lowest  | the caller's own extensions |
 *  +--------+------+---------+---------+---------+----------------------------+
 *  kind     u8   1 register, 2 command, 3 keepAlive, 4 close, 5 changeLimits
 *  session  u64  the session's id; 0 for register and changeLimits
 *  serial   u64  number of the command in its session, from 1 on; 0 for all but command
 *  lowest   u64  the lowest serial whose answer the client still waits for; 0 for register, close and changeLimits
 * ```
 *
 * All numbers are big-endian and at most 2^53 - 1. Extensions that begin with other bytes are no envelope and belong to
 * the state machine inside.
 *
 * @module
 */
import { assertNever } from "../model/assert.ts";
import type { Index } from "../model/numbers.ts";
import { NO_BYTES } from "../model/entry.ts";
import { NumberRangeError, readUint53, writeUint53 } from "../model/numbers.ts";

/** What a client asks of the table of sessions. */
export type Envelope =
  | { readonly kind: "register" }
  | {
    readonly kind: "command";
    readonly session: Index;
    readonly serial: number;
    readonly lowest: number;
  }
  | { readonly kind: "keepAlive"; readonly session: Index; readonly lowest: number }
  | { readonly kind: "close"; readonly session: Index }
  /** The new limits are the entry's data. */
  | { readonly kind: "changeLimits" };

/** Begins like an envelope and is none. */
export interface MalformedEnvelope {
  readonly kind: "malformed";
  /** What was found and what is allowed. */
  readonly problem: string;
}

const MAGIC = 0x63536531;
const SIZE_BYTES = 29;

/** There must be a number after it. */
const SERIAL_MAX = Number.MAX_SAFE_INTEGER - 1;

/** The bytes of `envelope`, then `own`. */
export function encodeEnvelope(
  envelope: Envelope,
  own: Uint8Array = NO_BYTES,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SIZE_BYTES + own.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  bytes.set(own, SIZE_BYTES);
  switch (envelope.kind) {
    case "register":
      bytes[4] = 1;
      break;
    case "command":
      bytes[4] = 2;
      writeUint53(view, 5, envelope.session);
      writeUint53(view, 13, envelope.serial);
      writeUint53(view, 21, envelope.lowest);
      break;
    case "keepAlive":
      bytes[4] = 3;
      writeUint53(view, 5, envelope.session);
      writeUint53(view, 21, envelope.lowest);
      break;
    case "close":
      bytes[4] = 4;
      writeUint53(view, 5, envelope.session);
      break;
    case "changeLimits":
      bytes[4] = 5;
      break;
    default:
      assertNever(envelope);
  }
  return bytes;
}

/** The envelope with which `extensions` begin; `undefined` if they begin with none. Never throws: they come from the log. */
export function decodeEnvelope(extensions: Uint8Array): Envelope | MalformedEnvelope | undefined {
  if (extensions.length < 4) return undefined;
  const view = new DataView(extensions.buffer, extensions.byteOffset, extensions.byteLength);
  if (view.getUint32(0) !== MAGIC) return undefined;
  if (extensions.length < SIZE_BYTES) {
    return malformed(`has ${extensions.length} bytes; at least ${SIZE_BYTES} are allowed`);
  }
  const kind = view.getUint8(4);
  try {
    const session = readUint53(view, 5) as Index;
    const serial = readUint53(view, 13);
    const lowest = readUint53(view, 21);
    switch (kind) {
      case 1:
        return { kind: "register" };
      case 2:
        if (serial > SERIAL_MAX) return malformed(`has serial ${serial}, beyond ${SERIAL_MAX}`);
        if (lowest < 1 || lowest > serial) {
          return malformed(`has ${lowest} as lowest serial; 1 to its own, ${serial}, is allowed`);
        }
        return { kind: "command", session, serial, lowest };
      case 3:
        return { kind: "keepAlive", session, lowest };
      case 4:
        return { kind: "close", session };
      case 5:
        return { kind: "changeLimits" };
      default:
        return malformed(`has kind ${kind}; 1 to 5 is allowed`);
    }
  } catch (error) {
    if (error instanceof NumberRangeError) return malformed(`is damaged: ${error.message}`);
    throw error;
  }
}

/** What follows the envelope in `extensions`: the caller's own ones. */
export function ownExtensions(extensions: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return extensions.length === SIZE_BYTES ? NO_BYTES : extensions.subarray(SIZE_BYTES);
}

function malformed(problem: string): MalformedEnvelope {
  return { kind: "malformed", problem: `a session envelope ${problem}` };
}
