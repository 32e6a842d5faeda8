/**
 * The table of sessions in a snapshot, before the bytes of the state machine inside.
 *
 * ```text
 *  header    | "CorSess" | version u8 = 1 | nowMs f64 | lastId u64 | limits 4 × u64 | sessions u64 |
 *  session   | id u64 | lastUsedMs f64 | lowest u64 | responses u64 |       the least recently used first
 *  response  | serial u64 | size u32 | size bytes |                         by serial; size ffffffff: not kept
 * ```
 *
 * Header, then each session, followed by its responses. All numbers are big-endian. Replicas with the same table write
 * the same bytes.
 *
 * @module
 */
import { MalformedError } from "../model/entry_codec.ts";
import type { Index } from "../model/numbers.ts";
import { NumberRangeError, readUint53, writeUint53 } from "../model/numbers.ts";
import type { ByteSource } from "./byte_source.ts";
import { decodeLimits, encodeLimits, LIMITS_SIZE_BYTES, type SessionLimits } from "./limits.ts";
import type { SessionState, SessionTableState } from "./table.ts";

const MAGIC = new TextEncoder().encode("CorSess\x01");
const LIMITS_AT = MAGIC.length + 16;
const HEADER_SIZE_BYTES = LIMITS_AT + LIMITS_SIZE_BYTES + 8;
const SESSION_SIZE_BYTES = 32;
const RESPONSE_SIZE_BYTES = 12;
const NOT_KEPT = 0xffffffff;

/** Beyond any log's last index, and far enough from the end of the numbers. */
const LAST_ID_MAX = 2 ** 52;

/** Bytes are handed over once there are so many. */
const CHUNK_SIZE_BYTES = 64 * 1024;

/**
 * The table's bytes, as it is at the moment of the call, whatever becomes of it later: sessions are copied, encoded
 * responses never change.
 */
export function encodeTable(state: Readonly<SessionTableState>): Generator<Uint8Array> {
  const header = new Uint8Array(HEADER_SIZE_BYTES);
  const view = new DataView(header.buffer);
  header.set(MAGIC);
  view.setFloat64(MAGIC.length, state.nowMs);
  writeUint53(view, MAGIC.length + 8, state.lastId);
  header.set(encodeLimits(state.limits), LIMITS_AT);
  writeUint53(view, HEADER_SIZE_BYTES - 8, state.sessions.size);
  const sessions = Array.from(state.sessions.values(), (session) => ({
    ...session,
    responses: new Map(session.responses),
  }));
  return inChunks(function* () {
    yield header;
    for (const session of sessions) yield* encodeSession(session);
  }());
}

function* encodeSession(
  { id, lastUsedMs, lowest, responses }: SessionState,
): Generator<Uint8Array> {
  const record = new Uint8Array(SESSION_SIZE_BYTES);
  const view = new DataView(record.buffer);
  writeUint53(view, 0, id);
  view.setFloat64(8, lastUsedMs);
  writeUint53(view, 16, lowest);
  writeUint53(view, 24, responses.size);
  yield record;
  for (const [serial, bytes] of [...responses].sort(([a], [b]) => a - b)) {
    const head = new Uint8Array(RESPONSE_SIZE_BYTES);
    const headView = new DataView(head.buffer);
    writeUint53(headView, 0, serial);
    headView.setUint32(8, bytes?.length ?? NOT_KEPT);
    yield head;
    if (bytes !== undefined) yield bytes;
  }
}

/** The same bytes in fewer pieces. */
function* inChunks(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let sizeBytes = 0;
  const chunk = (): Uint8Array => {
    const bytes = new Uint8Array(sizeBytes);
    let at = 0;
    for (const piece of gathered) {
      bytes.set(piece, at);
      at += piece.length;
    }
    gathered = [];
    sizeBytes = 0;
    return bytes;
  };
  for (const piece of pieces) {
    gathered.push(piece);
    sizeBytes += piece.length;
    if (sizeBytes >= CHUNK_SIZE_BYTES) yield chunk();
  }
  if (sizeBytes > 0) yield chunk();
}

/** Reads a table and leaves what follows it. Throws `MalformedError` that says where what was found. */
export async function decodeTable(source: ByteSource): Promise<SessionTableState> {
  const header = await source.take(HEADER_SIZE_BYTES, "the header of the sessions");
  if (MAGIC.some((byte, at) => header[at] !== byte)) {
    throw new MalformedError(
      "the snapshot does not begin with sessions of version 1; allowed is what sessionFsm wrote",
    );
  }
  return await damageNamed(source, async () => {
    const view = new DataView(header.buffer);
    const state: SessionTableState = {
      nowMs: checkTime(view.getFloat64(MAGIC.length), 0, Number.MAX_VALUE),
      lastId: readUint53(view, MAGIC.length + 8) as Index,
      limits: decodeLimits(header.subarray(LIMITS_AT, LIMITS_AT + LIMITS_SIZE_BYTES)),
      sessions: new Map(),
    };
    checkRange("the last session's id", state.lastId, 0, LAST_ID_MAX);
    const count = readUint53(view, HEADER_SIZE_BYTES - 8);
    checkRange("the number of sessions", count, 0, state.limits.sessionsMax);
    let lastUsedMs = 0;
    for (let left = count; left > 0; left -= 1) {
      const session = await decodeSession(source, state, lastUsedMs);
      lastUsedMs = session.lastUsedMs;
      state.sessions.set(session.id, session);
    }
    return state;
  });
}

async function decodeSession(
  source: ByteSource,
  { limits, lastId, nowMs, sessions }: SessionTableState,
  lastUsedMinMs: number,
): Promise<SessionState> {
  const record = await source.take(SESSION_SIZE_BYTES, "a session");
  const view = new DataView(record.buffer);
  const id = readUint53(view, 0) as Index;
  checkRange("a session's id", id, 1, lastId);
  if (sessions.has(id)) throw new MalformedError(`session ${id} is there twice`);
  const lastUsedMs = checkTime(view.getFloat64(8), lastUsedMinMs, nowMs);
  const lowest = readUint53(view, 16);
  checkRange("a session's lowest serial", lowest, 1, Number.MAX_SAFE_INTEGER);
  const session = { id, lastUsedMs, lowest, responses: new Map(), sizeBytes: 0 };
  const count = readUint53(view, 24);
  checkRange("the number of a session's responses", count, 0, limits.responsesMax);
  let from = lowest;
  for (let left = count; left > 0; left -= 1) {
    from = await decodeResponse(source, session, limits, from) + 1;
  }
  return session;
}

/** Reads a response into `session` and returns its serial. */
async function decodeResponse(
  source: ByteSource,
  session: SessionState,
  { responsesSizeMaxBytes }: SessionLimits,
  serialMin: number,
): Promise<number> {
  const head = await source.take(RESPONSE_SIZE_BYTES, "a response");
  const view = new DataView(head.buffer);
  const serial = readUint53(view, 0);
  checkRange("a response's serial", serial, serialMin, Number.MAX_SAFE_INTEGER);
  const size = view.getUint32(8);
  if (size === NOT_KEPT) {
    session.responses.set(serial, undefined);
    return serial;
  }
  checkRange("a response's size", size, 0, responsesSizeMaxBytes - session.sizeBytes);
  session.responses.set(serial, await source.take(size, "a response"));
  session.sizeBytes += size;
  return serial;
}

/** Calls `decode`; what it finds wrong is said with the place where it was found. */
async function damageNamed<T>(source: ByteSource, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (error) {
    if (!(error instanceof MalformedError || error instanceof NumberRangeError)) throw error;
    throw new MalformedError(
      `the sessions in the snapshot are damaged before byte ${source.offset}: ${error.message}`,
    );
  }
}

function checkRange(what: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new MalformedError(`${what} is ${value}; allowed is ${least} to ${most}`);
}

function checkTime(value: number, least: number, most: number): number {
  checkRange("a time", value, least, most);
  return value;
}
