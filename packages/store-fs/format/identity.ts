/**
 * The identity of a store: `identity.json`, written once when the store is made.
 *
 * ```json
 * {
 *   "formatVersion": 1,
 *   "storeId": "4f0c7bd2-94d8-4c3a-9d1f-3c1f6d8c2a11",
 *   "nodeId": "n1",
 *   "checksum": "5d41402a"
 * }
 * ```
 *
 * The checksum is the CRC-32 of the other fields, as JSON without spaces. The store's id is random:
 * a disk that was wiped comes back with another one, even if it is given its old name.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import type { StoreId } from "@coracle/core";
import { hex } from "./checksum.ts";

/** The version of everything that this package writes. Another one is refused. */
export const FORMAT_VERSION = 1;

/** Who a store is. */
export interface StoreIdentity {
  /** A random UUID, made with the store. */
  readonly storeId: string;
  /** The node that the store belongs to, if it was ever opened for one. */
  readonly nodeId: string | undefined;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The bytes of `identity.json`. */
export function encodeIdentity(identity: StoreIdentity): Uint8Array<ArrayBuffer> {
  const fields = identityFields(FORMAT_VERSION, identity);
  const text = JSON.stringify({ ...fields, checksum: checksumOf(fields) }, undefined, 2);
  return new TextEncoder().encode(text + "\n");
}

/** What {@linkcode decodeIdentity} found: an identity, or what is wrong with the file. */
export type DecodedIdentity =
  | { readonly ok: true; readonly identity: StoreIdentity }
  | {
    readonly ok: false;
    /** Whether it is the identity of a store of another format version. */
    readonly otherVersion: boolean;
    readonly expected: string;
    readonly found: string;
  };

/** Reads the bytes of `identity.json`. */
export function decodeIdentity(bytes: Uint8Array): DecodedIdentity {
  const text = new TextDecoder().decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return damaged("JSON", JSON.stringify(text.slice(0, 80)));
  }
  if (typeof value !== "object" || value === null) {
    return damaged("a JSON object", JSON.stringify(value).slice(0, 80));
  }
  const { formatVersion, storeId, nodeId, checksum } = value as Record<string, unknown>;
  if (formatVersion !== FORMAT_VERSION) {
    const found = `format version ${JSON.stringify(formatVersion)}`;
    const otherVersion = Number.isInteger(formatVersion);
    return { ok: false, otherVersion, expected: `format version ${FORMAT_VERSION}`, found };
  }
  if (typeof storeId !== "string" || !UUID.test(storeId)) {
    return damaged("a UUID as storeId", JSON.stringify(storeId));
  }
  if (nodeId !== undefined && typeof nodeId !== "string") {
    return damaged("a string as nodeId", JSON.stringify(nodeId));
  }
  const identity = { storeId, nodeId };
  const expected = checksumOf(identityFields(FORMAT_VERSION, identity));
  return checksum === expected
    ? { ok: true, identity }
    : damaged(`checksum "${expected}"`, `checksum ${JSON.stringify(checksum)}`);
}

function damaged(expected: string, found: string): DecodedIdentity {
  return { ok: false, otherVersion: false, expected, found };
}

function identityFields(formatVersion: number, identity: StoreIdentity): Record<string, unknown> {
  const { storeId, nodeId } = identity;
  return { formatVersion, storeId, ...(nodeId !== undefined && { nodeId }) };
}

function checksumOf(fields: Record<string, unknown>): string {
  return hex(crc32(JSON.stringify(fields)));
}

/** What a cluster knows a store by: the first twelve digits of its UUID, all of which are random. */
export function shortStoreId(storeId: string): StoreId {
  return storeId.replaceAll("-", "").slice(0, 12);
}

/** The 16 bytes of a UUID. */
export function storeIdBytes(storeId: string): Uint8Array<ArrayBuffer> {
  const digits = storeId.replaceAll("-", "");
  const bytes = new Uint8Array(16);
  for (let at = 0; at < 16; at += 1) bytes[at] = parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** The UUID of 16 bytes. */
export function storeIdOf(bytes: Uint8Array): string {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
