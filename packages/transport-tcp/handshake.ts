/**
 * The bytes that open a connection: a hello from the side that dials, an answer from the other.
 *
 * ```text
 *  hello
 *  0        4     6     8     9             17
 *  +--------+-----+-----+-----+-------------+---------+------+-------------+----+---------------+-----+
 *  | "CRCL" | ver | len | pur | incarnation | cluster | from | fromAddress | to | clientAddress | crc |
 *  +--------+-----+-----+-----+-------------+---------+------+-------------+----+---------------+-----+
 *
 *  answer
 *  0        4     6     8     9             17          21
 *  +--------+-----+-----+-----+-------------+-----------+--------+-----+
 *  | "CRCL" | ver | len | sta | incarnation | frameSize | reason | crc |
 *  +--------+-----+-----+-----+-------------+-----------+--------+-----+
 *
 *  ver          u16  protocol version
 *  len          u16  bytes that follow, the crc included
 *  pur          u8   purpose of the connection: 1 messages, 2 a snapshot
 *  incarnation  u64  random number of the sender's process
 *  cluster, from, fromAddress, to, clientAddress    each u16 length and UTF-8
 *  sta          u8   0 accepted, otherwise the kind of refusal
 *  frameSize    u32  the largest body of a frame with messages that the sender of the answer accepts
 *  reason       u16 length and UTF-8; empty if accepted
 *  crc          u32  CRC-32 of everything before it
 * ```
 *
 * All numbers are big-endian. The first eight bytes are the same in every version of the protocol,
 * so that a node can say which version it met.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { MalformedError, readUint53, type ServerId, writeUint53 } from "@coracle/core";

/** The version of everything on the wire: handshake, frames and messages. Nodes talk only with nodes of their own. */
export const PROTOCOL_VERSION = 1;

/** Bytes that every version of the protocol begins with. */
export const PREFIX_SIZE_BYTES = 8;

const MAGIC = 0x4352434c; // "CRCL"
const CRC_SIZE_BYTES = 4;
/** Room for five names of 255 characters of three bytes, and some. */
const REST_SIZE_MAX_BYTES = 4096;
const REASON_LENGTH_MAX = 1000;

/** The {@linkcode Hello.purpose} of a connection that carries messages, for as long as it holds. */
export const PURPOSE_MESSAGES = 1;

/** The {@linkcode Hello.purpose} of a connection that carries one snapshot. */
export const PURPOSE_SNAPSHOT = 2;

/** Why a connection is refused. */
export type Refusal = "version" | "cluster" | "node" | "own-id" | "purpose" | "identity";

/** What the side that dials says first. */
export interface Hello {
  /** What the connection is for: a number, since it may be one that this version does not know, which is then refused. */
  readonly purpose: number;
  /** Random number of the sender's process, from 0 to 2^53 - 1. */
  readonly incarnation: number;
  /** The cluster that the sender belongs to. */
  readonly clusterId: string;
  /** The sender. */
  readonly from: ServerId;
  /** Where the sender can be dialled. */
  readonly fromAddress: string;
  /** Whom the sender means to reach. */
  readonly to: ServerId;
  /** Where clients reach the sender; empty if it does not say. */
  readonly clientAddress: string;
}

/** What the other side answers. */
export interface Answer {
  /** `undefined` if the connection is accepted. */
  readonly refusal: Refusal | undefined;
  /** The refusal in words; empty if accepted. */
  readonly reason: string;
  /** Random number of the sender's process, from 0 to 2^53 - 1. */
  readonly incarnation: number;
  /** The largest body of a frame with messages that the sender accepts. */
  readonly frameSizeMaxBytes: number;
}

/** The first eight bytes of a hello or an answer. */
export interface Prefix {
  /** The sender's protocol version. */
  readonly version: number;
  /** Bytes that follow the prefix. */
  readonly restSizeBytes: number;
}

const REFUSALS: readonly (Refusal | undefined)[] = [
  undefined,
  "version",
  "cluster",
  "node",
  "own-id",
  "purpose",
  "identity",
];

/** The bytes of `hello`. */
export function encodeHello(hello: Hello): Uint8Array<ArrayBuffer> {
  const { clusterId, from, fromAddress, to, clientAddress } = hello;
  const names = [clusterId, from, fromAddress, to, clientAddress];
  return encode(9, names, (view) => {
    view.setUint8(8, hello.purpose);
    writeUint53(view, 9, hello.incarnation);
  });
}

/** The bytes of `answer`. */
export function encodeAnswer(answer: Answer): Uint8Array<ArrayBuffer> {
  return encode(13, [answer.reason.slice(0, REASON_LENGTH_MAX)], (view) => {
    view.setUint8(8, REFUSALS.indexOf(answer.refusal));
    writeUint53(view, 9, answer.incarnation);
    view.setUint32(17, answer.frameSizeMaxBytes);
  });
}

/**
 * Reads the first {@linkcode PREFIX_SIZE_BYTES}. Throws `MalformedError` for what no version of the protocol says:
 * whoever sent it is not a node.
 */
export function decodePrefix(bytes: Uint8Array): Prefix {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== MAGIC) {
    refuseTls(bytes);
    throw new MalformedError(`what came is no handshake: it begins with ${printable(bytes)}`);
  }
  const restSizeBytes = view.getUint16(6);
  if (restSizeBytes < CRC_SIZE_BYTES || restSizeBytes > REST_SIZE_MAX_BYTES) {
    throw new MalformedError(
      `a handshake gives its length as ${restSizeBytes} bytes; from ${CRC_SIZE_BYTES} to ` +
        `${REST_SIZE_MAX_BYTES} is allowed`,
    );
  }
  return { version: view.getUint16(4), restSizeBytes };
}

/** Throws `MalformedError` if `bytes` begin as a record of TLS does: by its type, and the major version, which is 3 to this day. */
export function refuseTls(bytes: Uint8Array): void {
  const [type = 0, major] = bytes;
  if (type < 0x14 || type > 0x17 || major !== 0x03) return;
  throw new MalformedError("what came is TLS, which this side does not speak");
}

/** Reads a whole hello of {@linkcode PROTOCOL_VERSION}. Throws `MalformedError` or `NumberRangeError`. */
export function decodeHello(bytes: Uint8Array): Hello {
  const reader = new Reader(bytes);
  const hello: Hello = {
    purpose: reader.uint8("purpose"),
    incarnation: reader.uint53("incarnation"),
    clusterId: reader.text("cluster"),
    from: reader.text("from"),
    fromAddress: reader.text("fromAddress"),
    to: reader.text("to"),
    clientAddress: reader.text("clientAddress"),
  };
  reader.end();
  return hello;
}

/** Reads a whole answer of {@linkcode PROTOCOL_VERSION}. Throws `MalformedError` or `NumberRangeError`. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const reader = new Reader(bytes);
  const status = reader.uint8("status");
  if (status >= REFUSALS.length) {
    throw new MalformedError(
      `an answer has status ${status}; 0 to ${REFUSALS.length - 1} is allowed`,
    );
  }
  const answer: Answer = {
    refusal: REFUSALS[status],
    incarnation: reader.uint53("incarnation"),
    frameSizeMaxBytes: reader.uint32("frameSize"),
    reason: reader.text("reason"),
  };
  reader.end();
  return answer;
}

function encode(
  fixedSizeBytes: number,
  names: readonly string[],
  writeFixed: (view: DataView) => void,
): Uint8Array<ArrayBuffer> {
  const texts = names.map((name) => new TextEncoder().encode(name));
  let size = PREFIX_SIZE_BYTES + fixedSizeBytes + CRC_SIZE_BYTES;
  for (const text of texts) size += 2 + text.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint16(4, PROTOCOL_VERSION);
  view.setUint16(6, size - PREFIX_SIZE_BYTES);
  writeFixed(view);
  let offset = PREFIX_SIZE_BYTES + fixedSizeBytes;
  for (const text of texts) {
    view.setUint16(offset, text.length);
    bytes.set(text, offset + 2);
    offset += 2 + text.length;
  }
  view.setUint32(offset, crc32(bytes.subarray(0, offset)));
  return bytes;
}

/** Reads the fields of a handshake one after another. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #endOffset: number;
  #offset = PREFIX_SIZE_BYTES;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#endOffset = bytes.length - CRC_SIZE_BYTES;
    if (this.#endOffset < PREFIX_SIZE_BYTES) {
      throw new MalformedError(`a handshake of ${bytes.length} bytes is too short`);
    }
    if (crc32(bytes.subarray(0, this.#endOffset)) !== this.#view.getUint32(this.#endOffset)) {
      throw new MalformedError("a handshake does not match its checksum");
    }
  }

  uint8(name: string): number {
    return this.#view.getUint8(this.#take(1, name));
  }

  uint32(name: string): number {
    return this.#view.getUint32(this.#take(4, name));
  }

  uint53(name: string): number {
    return readUint53(this.#view, this.#take(8, name));
  }

  text(name: string): string {
    const length = this.#view.getUint16(this.#take(2, name));
    const at = this.#take(length, name);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
        .decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw new MalformedError(`${name} of a handshake is not UTF-8`);
    }
  }

  end(): void {
    if (this.#offset !== this.#endOffset) {
      throw new MalformedError(
        `a handshake has ${this.#endOffset - this.#offset} bytes more than its fields`,
      );
    }
  }

  #take(size: number, name: string): number {
    const at = this.#offset;
    if (at + size > this.#endOffset) {
      throw new MalformedError(`a handshake ends within ${name}`);
    }
    this.#offset += size;
    return at;
  }
}

/** The first bytes as a person can recognise them: a web browser, another program, plain noise. */
function printable(bytes: Uint8Array): string {
  return JSON.stringify(String.fromCharCode(...bytes.subarray(0, PREFIX_SIZE_BYTES)));
}
