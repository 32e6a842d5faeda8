/**
 * The sessions of all clients: part of the replicated state (thesis 6.3). It follows from the log alone; time is what the
 * entries say.
 *
 * @module
 */
import { invariant } from "../model/assert.ts";
import type { Index } from "../model/numbers.ts";
import type { SessionLimits } from "./limits.ts";

/** What is remembered of one client. */
export interface SessionState {
  /** Index of the entry that registered it; a higher number if a backup brought sessions that are higher. */
  readonly id: Index;
  /** Log time of its last use. */
  lastUsedMs: number;
  /** Commands with lower serials are answered for good: the client no longer waits for them. From 1 on. */
  lowest: number;
  /** The encoded response of each command from {@linkcode SessionState.lowest} on that was applied; `undefined` if it was too much to keep. */
  readonly responses: Map<number, Uint8Array | undefined>;
  /** Bytes of all of them. */
  sizeBytes: number;
}

/** The table's data, as snapshots carry it. */
export interface SessionTableState {
  /** The bounds in force. */
  limits: SessionLimits;
  /** Log time: the latest time of any entry, in milliseconds since 1970; 0 before the first. */
  nowMs: number;
  /** The highest id that was given to a session. */
  lastId: Index;
  /** The sessions by id, the one that was not used for longest first. */
  readonly sessions: Map<Index, SessionState>;
}

/** See the module's description. */
export class SessionTable {
  readonly #state: SessionTableState;
  /** No session is over before this log time: what spares a look at the table for each entry. */
  #nextExpiryMs = -Infinity;

  /** A table of `state`, which is taken over. */
  constructor(state: SessionTableState) {
    this.#state = state;
  }

  /** A table without sessions. */
  static empty(limits: SessionLimits): SessionTable {
    return new SessionTable({ limits, nowMs: 0, lastId: 0 as Index, sessions: new Map() });
  }

  /** The table's data. Do not change it. */
  get state(): Readonly<SessionTableState> {
    return this.#state;
  }

  /** An entry was appended at `appendedAtMs`; 0 counts for nothing, and time never goes back. Drops what has expired. */
  advance(appendedAtMs: number): void {
    const state = this.#state;
    // A wall clock that says Infinity must not stop time for good.
    if (appendedAtMs > state.nowMs && appendedAtMs < Infinity) state.nowMs = appendedAtMs;
    if (state.nowMs > this.#nextExpiryMs) this.#expire();
  }

  /** A new session, registered by the entry at `index`. */
  register(index: Index): SessionState {
    const { sessions, limits, nowMs, lastId } = this.#state;
    // Indexes grow, but a backup of another cluster may bring sessions with higher ids.
    const id = Math.max(index, lastId + 1) as Index;
    this.#state.lastId = id;
    const session = { id, lastUsedMs: nowMs, lowest: 1, responses: new Map(), sizeBytes: 0 };
    sessions.set(id, session);
    this.#shrink();
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, nowMs + limits.ttlMs);
    return session;
  }

  /** The session `id`, without using it. */
  peek(id: Index): SessionState | undefined {
    return this.#state.sessions.get(id);
  }

  /** The session `id`, which now counts as used; its client no longer waits for answers to commands below `lowest`. */
  use(id: Index, lowest: number): SessionState | undefined {
    const { sessions, nowMs } = this.#state;
    const session = sessions.get(id);
    if (session === undefined) return undefined;
    session.lastUsedMs = nowMs;
    sessions.delete(id);
    sessions.set(id, session);
    raiseLowest(session, lowest);
    return session;
  }

  /** There is no session `id` from now on. */
  close(id: Index): void {
    this.#state.sessions.delete(id);
  }

  /** Other limits hold from now on. */
  changeLimits(limits: SessionLimits): void {
    this.#state.limits = limits;
    for (const session of this.#state.sessions.values()) trim(session, limits);
    this.#shrink();
    this.#expire();
  }

  /** The command `serial` was applied; `bytes` are its encoded response. */
  record(session: SessionState, serial: number, bytes: Uint8Array): void {
    invariant(serial >= session.lowest, `serial ${serial} is below ${session.lowest}`);
    session.responses.set(serial, bytes);
    session.sizeBytes += bytes.length;
    trim(session, this.#state.limits);
  }

  /** Drops sessions whose time is over. They stand in the order of their last use. */
  #expire(): void {
    const { sessions, limits: { ttlMs }, nowMs } = this.#state;
    this.#nextExpiryMs = Infinity;
    for (const { id, lastUsedMs } of sessions.values()) {
      if (nowMs - lastUsedMs <= ttlMs) {
        this.#nextExpiryMs = lastUsedMs + ttlMs;
        return;
      }
      sessions.delete(id);
    }
  }

  /** Drops the sessions that were not used for longest, as far as there are too many. */
  #shrink(): void {
    const { sessions, limits: { sessionsMax } } = this.#state;
    for (const id of sessions.keys()) {
      if (sessions.size <= sessionsMax) return;
      sessions.delete(id);
    }
  }
}

/*
 * What goes first when there is too much depends on serials only, never on the order in which commands were applied. So it
 * makes no difference whether a client's `lowest` is taken before or after responses above it are recorded, and a batch
 * ends in the same state as its commands one by one.
 */

function raiseLowest(session: SessionState, lowest: number): void {
  const { responses } = session;
  const from = session.lowest;
  if (lowest <= from) return;
  session.lowest = lowest;
  // Nearly always one step. A client may skip any number of serials, though.
  if (lowest - from > responses.size) {
    for (const serial of [...responses.keys()]) if (serial < lowest) forget(session, serial);
  } else for (let serial = from; serial < lowest; serial += 1) forget(session, serial);
}

/** Keeps `session` within `limits`: the lowest serials go first. */
function trim(session: SessionState, limits: SessionLimits): void {
  while (session.responses.size > limits.responsesMax) {
    raiseLowest(session, lowestSerial(session, () => true) + 1);
  }
  while (session.sizeBytes > limits.responsesSizeMaxBytes) {
    // That it was applied is still known, so that it is not applied again.
    const serial = lowestSerial(session, (bytes) => bytes !== undefined && bytes.length > 0);
    session.sizeBytes -= session.responses.get(serial)?.length ?? 0;
    session.responses.set(serial, undefined);
  }
}

function lowestSerial(
  { responses }: SessionState,
  counts: (bytes: Uint8Array | undefined) => boolean,
): number {
  let lowest = Infinity;
  for (const [serial, bytes] of responses) if (serial < lowest && counts(bytes)) lowest = serial;
  return lowest;
}

function forget(session: SessionState, serial: number): void {
  session.sizeBytes -= session.responses.get(serial)?.length ?? 0;
  session.responses.delete(serial);
}
