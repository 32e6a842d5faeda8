/**
 * Exactly-once for clients that retry, around any state machine (thesis 6.3; Raft paper, section 8).
 *
 * @module
 */
import { answered, promiseOf } from "../ports/promises.ts";
import { assertNever } from "../model/assert.ts";
import type { IndexedConfiguration } from "../model/configuration.ts";
import type { Entry } from "../model/entry.ts";
import { MalformedError } from "../model/entry_codec.ts";
import { InvalidConfigError } from "../model/errors.ts";
import { type Index, NumberRangeError } from "../model/numbers.ts";
import type { Fsm } from "../ports/fsm.ts";
import { fsmProblem } from "../ports/fsm_problem.ts";
import { type Codec, jsonCodec } from "../typed/codec.ts";
import { ByteSource } from "./byte_source.ts";
import {
  decodeEnvelope,
  type Envelope,
  type MalformedEnvelope,
  ownExtensions,
} from "./envelope.ts";
import { completeLimits, decodeLimits, type SessionLimits } from "./limits.ts";
import type { SessionResponse } from "./response.ts";
import { type SessionState, SessionTable } from "./table.ts";
import { decodeTable, encodeTable } from "./table_codec.ts";

/** What a new cluster begins with, and how responses are kept. Must be the same on all replicas, for ever. */
export interface SessionFsmOptions<Response> extends Partial<SessionLimits> {
  /**
   * How responses are remembered and put into snapshots; JSON by default. All answers to a command of a session go through
   * it, the first one too, so that a client that asks again gets the same. What it throws for a new response stops the node.
   */
  readonly codec?: Codec<Response>;
}

/**
 * A state machine that remembers, for each client's session, which commands were applied and what the answers were. A
 * command that arrives again, because its client retried it, is answered from memory and not applied again. Clients use
 * `Session`.
 *
 * What belongs to a session travels in an envelope at the beginning of an entry's extensions; `inner` sees data and the
 * caller's own extensions as they were given. Entries without an envelope go to `inner` as they are and are answered with
 * `applied`.
 *
 * Sessions expire by log time, the latest `appendedAtMs` of any entry so far, so all replicas agree on it. They are in
 * the snapshots, before the bytes of `inner`; without `inner.snapshot` and `inner.restore` there are none. Restoring bytes
 * that are not such a snapshot throws one `MalformedError` that says where.
 *
 * Throws `InvalidConfigError` for limits that are out of range, if `inner` is no state machine or has only one of `snapshot` and `restore`, or if it has
 * `keptIndex`: sessions are in memory and in snapshots, so they would begin anew where `inner` does not.
 */
export function sessionFsm<Response>(
  inner: Fsm<Response>,
  options: SessionFsmOptions<Response> = {},
): Fsm<SessionResponse<Response>> {
  const { codec = jsonCodec<Response>(), ...limits } = options;
  const problem = fsmProblem("inner", inner);
  if (problem !== undefined) throw problem;
  if (inner.keptIndex !== undefined) {
    throw new InvalidConfigError(
      "inner",
      "with keptIndex()",
      "one that begins empty at each start",
    );
  }
  const machine = new SessionMachine(inner, codec, completeLimits(limits));
  return {
    apply: (entry) => machine.apply(entry),
    ...inner.applyBatch !== undefined && {
      applyBatch: (entries: readonly Entry[]) => machine.applyBatch(entries),
    },
    ...inner.storeConfiguration !== undefined && {
      storeConfiguration: (configuration: IndexedConfiguration) =>
        inner.storeConfiguration!(configuration),
    },
    ...inner.snapshot !== undefined && {
      snapshot: () => machine.snapshot(),
      restore: (data: AsyncIterable<Uint8Array>, lastIncludedIndex: Index) =>
        machine.restore(data, lastIncludedIndex),
    },
  };
}

/** A command that `inner` has to apply. */
interface Applicable {
  readonly status: "applicable";
  /** As `inner` shall see it. */
  readonly entry: Entry;
  /** Who shall be able to ask again; `undefined` for a command outside of sessions. */
  readonly session: SessionState | undefined;
  readonly serial: number;
}

/** Several entries that are applied together. */
interface Batch<Response> {
  readonly entries: readonly Entry[];
  readonly answers: SessionResponse<Response>[];
  /** What waits to be given to `inner`, and where its answer belongs. */
  waiting: { readonly at: number; readonly command: Applicable }[];
  /** The lowest and highest serial that waits, for each session. */
  readonly waitingSerials: Map<SessionState, { readonly lowest: number; readonly highest: number }>;
}

type FoundEnvelope = Envelope | MalformedEnvelope | undefined;

class SessionMachine<Response> {
  readonly #inner: Fsm<Response>;
  readonly #codec: Codec<Response>;
  #table: SessionTable;

  constructor(inner: Fsm<Response>, codec: Codec<Response>, limits: SessionLimits) {
    this.#inner = inner;
    this.#codec = codec;
    this.#table = SessionTable.empty(limits);
  }

  apply(entry: Entry): SessionResponse<Response> | Promise<SessionResponse<Response>> {
    const decision = this.#decide(entry, decodeEnvelope(entry.extensions));
    if (decision.status !== "applicable") return decision;
    const response = this.#inner.apply(decision.entry);
    return answered(response, (value) => this.#applied(decision, value));
  }

  applyBatch(
    entries: readonly Entry[],
  ): SessionResponse<Response>[] | Promise<SessionResponse<Response>[]> {
    return this.#applyFrom(0, {
      entries,
      answers: new Array(entries.length),
      waiting: [],
      waitingSerials: new Map(),
    });
  }

  snapshot(): AsyncIterable<Uint8Array> {
    // Both at once, before anything else is applied.
    return concat(encodeTable(this.#table.state), this.#inner.snapshot!());
  }

  async restore(data: AsyncIterable<Uint8Array>, lastIncludedIndex: Index): Promise<void> {
    const source = new ByteSource(data);
    try {
      const table = new SessionTable(await decodeTable(source));
      await this.#inner.restore!(source.rest(), lastIncludedIndex);
      this.#table = table;
    } finally {
      await source.cancel();
    }
  }

  /** What becomes of an entry. All that it changes in the table is changed, except for recording a response. */
  #decide(entry: Entry, envelope: FoundEnvelope): SessionResponse<Response> | Applicable {
    const table = this.#table;
    table.advance(entry.appendedAtMs);
    if (envelope === undefined) {
      return { status: "applicable", entry, session: undefined, serial: 0 };
    }
    switch (envelope.kind) {
      case "command":
        return this.#decideCommand(entry, envelope);
      case "register": {
        const { id } = table.register(entry.index);
        return { status: "registered", session: id, limits: table.state.limits };
      }
      case "keepAlive": {
        const session = table.use(envelope.session, envelope.lowest);
        return { status: session === undefined ? "expired" : "kept-alive" };
      }
      case "close":
        table.close(envelope.session);
        return { status: "closed" };
      case "changeLimits":
        return this.#changeLimits(entry.data);
      case "malformed":
        return { status: "malformed", problem: envelope.problem };
      default:
        return assertNever(envelope);
    }
  }

  #decideCommand(
    entry: Entry,
    { session: id, serial, lowest }: Extract<Envelope, { kind: "command" }>,
  ): SessionResponse<Response> | Applicable {
    const session = this.#table.use(id, lowest);
    if (session === undefined) return { status: "expired" };
    if (serial < session.lowest) return { status: "dropped" };
    if (session.responses.has(serial)) return this.#recorded(session.responses.get(serial));
    const extensions = ownExtensions(entry.extensions);
    return { status: "applicable", entry: { ...entry, extensions }, session, serial };
  }

  /** The answer to a command that was applied before. */
  #recorded(bytes: Uint8Array | undefined): SessionResponse<Response> {
    if (bytes === undefined) return { status: "dropped" };
    try {
      return { status: "applied", response: this.#codec.decode(bytes) };
    } catch {
      // A codec that cannot read what it wrote in an earlier version must not stop every node at this entry.
      return { status: "dropped" };
    }
  }

  #applied(command: Applicable, response: Response): SessionResponse<Response> {
    const { session, serial } = command;
    if (session === undefined) return { status: "applied", response };
    const bytes = this.#codec.encode(response);
    this.#table.record(session, serial, bytes);
    return { status: "applied", response: this.#codec.decode(bytes) };
  }

  #changeLimits(data: Uint8Array): SessionResponse<Response> {
    try {
      this.#table.changeLimits(decodeLimits(data, this.#table.state.limits));
      return { status: "limits-changed", limits: this.#table.state.limits };
    } catch (error) {
      if (!(error instanceof MalformedError || error instanceof NumberRangeError)) throw error;
      return { status: "malformed", problem: error.message };
    }
  }

  /** Goes on with a batch. Synchronous as far as `inner` is. */
  #applyFrom(
    from: number,
    batch: Batch<Response>,
  ): SessionResponse<Response>[] | Promise<SessionResponse<Response>[]> {
    const { entries, answers, waitingSerials } = batch;
    for (let at = from; at < entries.length; at += 1) {
      const entry = entries[at]!;
      const envelope = decodeEnvelope(entry.extensions);
      if (waitingSerials.size > 0 && this.#dependsOnWaiting(envelope, batch)) {
        const applied = this.#applyWaiting(batch);
        if (applied !== undefined) return applied.then(() => this.#applyFrom(at, batch));
      }
      const decision = this.#decide(entry, envelope);
      if (decision.status !== "applicable") {
        answers[at] = decision;
        continue;
      }
      batch.waiting.push({ at, command: decision });
      const { session, serial } = decision;
      if (session === undefined) continue;
      const { lowest = serial, highest = serial } = waitingSerials.get(session) ?? {};
      waitingSerials.set(session, {
        lowest: Math.min(lowest, serial),
        highest: Math.max(highest, serial),
      });
    }
    return this.#applyWaiting(batch)?.then(() => answers) ?? answers;
  }

  /**
   * Whether the decision about an entry needs responses that are not recorded yet. A client's commands in their order do
   * not: where there is too much to remember, the lowest serials go, and all that wait are lower. Those that come again
   * do, and those that come late.
   */
  #dependsOnWaiting(envelope: FoundEnvelope, { waitingSerials }: Batch<Response>): boolean {
    if (envelope === undefined) return false;
    if (envelope.kind === "changeLimits") return true;
    if (envelope.kind !== "command" && envelope.kind !== "keepAlive") return false;
    const session = this.#table.peek(envelope.session);
    const serials = session === undefined ? undefined : waitingSerials.get(session);
    if (serials === undefined) return false;
    if (envelope.lowest > serials.lowest) return true;
    return envelope.kind === "command" && envelope.serial <= serials.highest;
  }

  /** Gives `inner` what waits, as one batch, and records the responses. */
  #applyWaiting(batch: Batch<Response>): Promise<void> | undefined {
    const { waiting, waitingSerials, answers } = batch;
    if (waiting.length === 0) return undefined;
    batch.waiting = [];
    const record = (responses: readonly Response[]) => {
      if (responses.length !== waiting.length) {
        const counts = `${responses.length} responses to ${waiting.length} commands`;
        throw new Error(`applyBatch of the state machine inside gave ${counts}`);
      }
      waitingSerials.clear();
      waiting.forEach(({ at, command }, one) => {
        answers[at] = this.#applied(command, responses[one]!);
      });
    };
    const responses = this.#inner.applyBatch!(waiting.map(({ command }) => command.entry));
    const promise = promiseOf<readonly Response[]>(responses);
    if (promise !== undefined) return promise.then(record);
    record(responses as readonly Response[]);
    return undefined;
  }
}

/** `first`, then `second`; whoever stops reading stops both. */
async function* concat(
  first: Iterable<Uint8Array>,
  second: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let isSecondRead = false;
  try {
    yield* first;
    isSecondRead = true;
    yield* second;
  } finally {
    if (!isSecondRead) await iteratorOf(second).return?.();
  }
}

function iteratorOf(
  data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  return Symbol.asyncIterator in data ? data[Symbol.asyncIterator]() : data[Symbol.iterator]();
}
