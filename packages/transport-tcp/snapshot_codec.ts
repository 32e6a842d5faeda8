/**
 * The bytes of a snapshot connection. Each frame (frame.ts) has one of these bodies; a frame without a body is a keep-alive.
 *
 * ```text
 *  from the side that dialled, in this order
 *  header    | 1 | term | lastIncludedIndex | lastIncludedTerm | configurationIndex | size | configuration |
 *  data      | 2 | bytes |                        as often as it takes, none for an empty snapshot
 *  end       | 3 | size | crc |
 *
 *  from the other side, at any time
 *  accepted  | 4 |
 *  refused   | 5 | reason |
 *
 *  the kind              u8
 *  terms, indexes, size  u64  at most 2^53 - 1; size: bytes of all data together
 *  configuration         the data of a configuration entry (configuration.ts of @coracle/core)
 *  bytes                 at least one
 *  crc                   u32  CRC-32 of all data together
 *  reason                UTF-8
 * ```
 *
 * All numbers are big-endian. What has no length goes to the end of the body.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import {
  decodeConfiguration,
  encodeConfiguration,
  type Index,
  MalformedError,
  readUint53,
  type SnapshotHeader,
  type Term,
  writeUint53,
} from "@coracle/core";
import { FRAME_HEADER_SIZE_BYTES, sealFrame } from "./frame.ts";

/** The most data in one frame. */
export const SNAPSHOT_DATA_MAX_BYTES = 256 * 1024;

/** The largest body of a frame from the side that dialled. */
export const SNAPSHOT_BODY_MAX_BYTES = 1 + SNAPSHOT_DATA_MAX_BYTES;

/** The largest body of a frame from the other side. */
export const VERDICT_BODY_MAX_BYTES = 4096;

/** Three bytes each at most, so that a reason fits a body. */
const REASON_LENGTH_MAX = 1000;

const HEADER = 1;
const DATA = 2;
const END = 3;
const ACCEPTED = 4;
const REFUSED = 5;

const HEADER_FIXED_SIZE_BYTES = 41;
const END_SIZE_BYTES = 13;

/** What is said after all data. */
export interface SnapshotEnd {
  /** Which frame this is. */
  readonly type: "end";
  /** Bytes of all data together. */
  readonly sizeBytes: number;
  /** Their checksum. */
  readonly crc: number;
}

/** What the side that sends a snapshot says. */
export type SnapshotFrame =
  | { readonly type: "header"; readonly header: SnapshotHeader }
  | { readonly type: "data"; readonly data: Uint8Array<ArrayBuffer> }
  | SnapshotEnd;

/** What the side that receives a snapshot says of it. */
export type Verdict =
  | { readonly type: "accepted" }
  | { readonly type: "refused"; readonly reason: string };

/** The frame that a snapshot begins with. Throws `MalformedError` if its configuration does not fit one. */
export function encodeHeader(header: SnapshotHeader): Uint8Array<ArrayBuffer> {
  const configuration = encodeConfiguration(header.configuration.configuration);
  const { bytes, view, bodyAt } = emptyFrame(HEADER_FIXED_SIZE_BYTES + configuration.length);
  view.setUint8(bodyAt, HEADER);
  writeUint53(view, bodyAt + 1, header.term);
  writeUint53(view, bodyAt + 9, header.lastIncludedIndex);
  writeUint53(view, bodyAt + 17, header.lastIncludedTerm);
  writeUint53(view, bodyAt + 25, header.configuration.index);
  writeUint53(view, bodyAt + 33, header.sizeBytes);
  bytes.set(configuration, bodyAt + HEADER_FIXED_SIZE_BYTES);
  return sealed(bytes, view);
}

/** The frame that a snapshot ends with: how much data there was, and its checksum. */
export function encodeEnd(sizeBytes: number, crc: number): Uint8Array<ArrayBuffer> {
  const { bytes, view, bodyAt } = emptyFrame(END_SIZE_BYTES);
  view.setUint8(bodyAt, END);
  writeUint53(view, bodyAt + 1, sizeBytes);
  view.setUint32(bodyAt + 9, crc);
  return sealed(bytes, view);
}

/** The frame that says what became of a snapshot. A long reason is cut. */
export function encodeVerdict(verdict: Verdict): Uint8Array<ArrayBuffer> {
  const accepted = verdict.type === "accepted";
  const text = accepted ? "" : verdict.reason.slice(0, REASON_LENGTH_MAX);
  const reason = new TextEncoder().encode(text);
  const { bytes, view, bodyAt } = emptyFrame(1 + reason.length);
  view.setUint8(bodyAt, accepted ? ACCEPTED : REFUSED);
  bytes.set(reason, bodyAt + 1);
  return sealed(bytes, view);
}

/** Gathers data into frames, in memory that is used again for each. */
export class DataFrame {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #end = FRAME_HEADER_SIZE_BYTES + 1;
  #crc = 0;

  /** Has room for {@linkcode SNAPSHOT_DATA_MAX_BYTES}. */
  constructor() {
    this.#bytes = new Uint8Array(FRAME_HEADER_SIZE_BYTES + SNAPSHOT_BODY_MAX_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    this.#bytes[FRAME_HEADER_SIZE_BYTES] = DATA;
  }

  /** Bytes of data in it. */
  get sizeBytes(): number {
    return this.#end - FRAME_HEADER_SIZE_BYTES - 1;
  }

  /** Whether there is no room in it. */
  get isFull(): boolean {
    return this.#end === this.#bytes.length;
  }

  /** Checksum of everything that was ever added. */
  get crc(): number {
    return this.#crc;
  }

  /** Adds as much of `data` as there is room for; returns the number of bytes. */
  add(data: Uint8Array): number {
    const part = data.subarray(0, this.#bytes.length - this.#end);
    this.#bytes.set(part, this.#end);
    this.#end += part.length;
    this.#crc = crc32(part, this.#crc);
    return part.length;
  }

  /** The whole frame. From then on the data in it is that of the next one: write it out before more is added. */
  take(): Uint8Array<ArrayBuffer> {
    sealFrame(this.#bytes, this.#view, 0, this.#end);
    const frame = this.#bytes.subarray(0, this.#end);
    this.#end = FRAME_HEADER_SIZE_BYTES + 1;
    return frame;
  }
}

/** Reads the body of a frame from the side that sends. Throws `MalformedError` or `NumberRangeError`. */
export function decodeSnapshotFrame(body: Uint8Array<ArrayBuffer>): SnapshotFrame {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  switch (body[0]) {
    case HEADER:
      return { type: "header", header: decodeHeader(body, view) };
    case DATA:
      if (body.length === 1) throw new MalformedError("a frame of a snapshot's data has none");
      return { type: "data", data: body.subarray(1) };
    case END:
      if (body.length !== END_SIZE_BYTES) throw sizeError("end", body.length, END_SIZE_BYTES);
      return { type: "end", sizeBytes: readUint53(view, 1), crc: view.getUint32(9) };
    default:
      throw kindError(body, HEADER, END);
  }
}

/** Reads the body of a frame from the side that receives. Throws `MalformedError`. */
export function decodeVerdict(body: Uint8Array): Verdict {
  switch (body[0]) {
    case ACCEPTED:
      if (body.length !== 1) throw sizeError("acceptance", body.length, 1);
      return { type: "accepted" };
    case REFUSED:
      return { type: "refused", reason: decodeReason(body.subarray(1)) };
    default:
      throw kindError(body, ACCEPTED, REFUSED);
  }
}

function decodeHeader(body: Uint8Array, view: DataView): SnapshotHeader {
  if (body.length < HEADER_FIXED_SIZE_BYTES) {
    throw sizeError("header", body.length, HEADER_FIXED_SIZE_BYTES, " or more");
  }
  const lastIncludedIndex = readUint53(view, 9) as Index;
  const index = readUint53(view, 25) as Index;
  if (index > lastIncludedIndex) {
    throw new MalformedError(
      `a snapshot up to index ${lastIncludedIndex} has a configuration of index ${index}`,
    );
  }
  return {
    term: readUint53(view, 1) as Term,
    lastIncludedIndex,
    lastIncludedTerm: readUint53(view, 17) as Term,
    configuration: {
      index,
      configuration: decodeConfiguration(body.subarray(HEADER_FIXED_SIZE_BYTES)),
    },
    sizeBytes: readUint53(view, 33),
  };
}

function decodeReason(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new MalformedError("the reason of a refusal is not UTF-8");
  }
}

function emptyFrame(
  bodySizeBytes: number,
): { bytes: Uint8Array<ArrayBuffer>; view: DataView; bodyAt: number } {
  if (bodySizeBytes > SNAPSHOT_BODY_MAX_BYTES) {
    throw new MalformedError(
      `a snapshot's header has ${bodySizeBytes} bytes with its configuration; at most ` +
        `${SNAPSHOT_BODY_MAX_BYTES} is allowed`,
    );
  }
  const bytes = new Uint8Array(FRAME_HEADER_SIZE_BYTES + bodySizeBytes);
  return { bytes, view: new DataView(bytes.buffer), bodyAt: FRAME_HEADER_SIZE_BYTES };
}

function sealed(bytes: Uint8Array<ArrayBuffer>, view: DataView): Uint8Array<ArrayBuffer> {
  sealFrame(bytes, view, 0, bytes.length);
  return bytes;
}

function sizeError(what: string, found: number, allowed: number, more = ""): MalformedError {
  return new MalformedError(
    `the ${what} of a snapshot has ${found} bytes; ${allowed}${more} is allowed`,
  );
}

function kindError(body: Uint8Array, first: number, last: number): MalformedError {
  const found = body.length === 0 ? "empty" : `of kind ${body[0]}`;
  return new MalformedError(
    `a frame of a snapshot connection is ${found}; ${first} to ${last} is allowed`,
  );
}
