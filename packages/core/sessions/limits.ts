/**
 * How many sessions are kept, for how long, and how much of each.
 *
 * @module
 */
import { MalformedError } from "../model/entry_codec.ts";
import { InvalidConfigError } from "../model/errors.ts";
import { readUint53, writeUint53 } from "../model/numbers.ts";

/**
 * Bounds of the table of sessions: part of the replicated state. A new cluster begins with those that `sessionFsm` is
 * given, snapshots contain them, and `changeSessionLimits` changes them at one place of the log for all replicas.
 */
export interface SessionLimits {
  /** A session that was not used for longer is gone, in milliseconds of log time. From 1 on; default 300,000 (five minutes). */
  readonly ttlMs: number;
  /** Most sessions; a new one then takes the place of the one that was not used for longest. 1 to 2^24; default 4,096. */
  readonly sessionsMax: number;
  /** Most responses that one session keeps for retries, and most commands that its client may have under way. 1 to 2^20; default 1,024. */
  readonly responsesMax: number;
  /** Most bytes of responses that one session keeps, as its codec encodes them. 1 to 2^30; default 262,144. */
  readonly responsesSizeMaxBytes: number;
}

/** The limits that hold unless others are given. */
export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  ttlMs: 300_000,
  sessionsMax: 4096,
  responsesMax: 1024,
  responsesSizeMaxBytes: 256 * 1024,
};

/** The fields in the order of their bytes, each with its largest value. */
const FIELDS: readonly [keyof SessionLimits, number][] = [
  ["ttlMs", Number.MAX_SAFE_INTEGER],
  ["sessionsMax", 2 ** 24],
  ["responsesMax", 2 ** 20],
  ["responsesSizeMaxBytes", 2 ** 30],
];

/** Bytes of encoded limits: one u64 for each field. */
export const LIMITS_SIZE_BYTES: number = FIELDS.length * 8;

/** `base` with `changes`. Throws `InvalidConfigError` that names a field that is out of range. */
export function completeLimits(
  changes: Partial<SessionLimits>,
  base: SessionLimits = DEFAULT_SESSION_LIMITS,
): SessionLimits {
  const limits = { ...base };
  for (const [field, most] of FIELDS) {
    const value = changes[field];
    if (value === undefined) continue;
    if (!isInRange(value, most)) {
      throw new InvalidConfigError(field, value, `a whole number from 1 to ${most}`);
    }
    limits[field] = value;
  }
  return limits;
}

/** The bytes of `limits`; 0 stands for a field that is not there. */
export function encodeLimits(limits: Partial<SessionLimits>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LIMITS_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  FIELDS.forEach(([field], at) => writeUint53(view, at * 8, limits[field] ?? 0));
  return bytes;
}

/**
 * The limits that `bytes` say; `base` where they say 0. Throws `MalformedError` or `NumberRangeError` if they are
 * not {@linkcode LIMITS_SIZE_BYTES} bytes or a field is out of range.
 */
export function decodeLimits(bytes: Uint8Array, base?: SessionLimits): SessionLimits {
  if (bytes.length !== LIMITS_SIZE_BYTES) {
    throw new MalformedError(
      `session limits of ${bytes.length} bytes; ${LIMITS_SIZE_BYTES} are allowed`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const limits = { ...DEFAULT_SESSION_LIMITS, ...base };
  FIELDS.forEach(([field, most], at) => {
    const value = readUint53(view, at * 8);
    if (value === 0 && base !== undefined) return;
    if (!isInRange(value, most)) {
      throw new MalformedError(`${field} is ${value}; allowed is 1 to ${most}`);
    }
    limits[field] = value;
  });
  return limits;
}

function isInRange(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= most;
}
