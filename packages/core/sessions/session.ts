/**
 * A client's session: every command takes effect once, however often it has to be sent.
 *
 * @module
 */
import type { Applied, CallOptions } from "../driver/calls.ts";
import type { ApplyOptions } from "../driver/options.ts";
import { invariant } from "../model/assert.ts";
import { NO_BYTES } from "../model/entry.ts";
import { InvalidConfigError, OverloadedError, RaftError } from "../model/errors.ts";
import type { Index } from "../model/numbers.ts";
import { bytesProblem, callProblem } from "../ports/given.ts";
import type { CancelTimer } from "../ports/clock.ts";
import { type ApplyFunction, applyFunctionOf, type ApplyTarget } from "../typed/apply_target.ts";
import { Deadlines, realClock, type SessionClock } from "./deadlines.ts";
import { encodeEnvelope, type Envelope } from "./envelope.ts";
import { ResponseDroppedError, SessionClosedError, SessionExpiredError } from "./errors.ts";
import { completeLimits, encodeLimits, type SessionLimits } from "./limits.ts";
import type { SessionResponse } from "./response.ts";
import { Submission, type SubmissionHost } from "./submission.ts";

/** How a session is opened, and how it retries. */
export interface SessionOptions {
  /** How long opening it, a command, and closing it may take unless the call says otherwise, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  /** Ends the opening when it fires; the session, once open, does not depend on it. */
  readonly signal?: AbortSignal;
  /** The pause after an attempt that failed, in milliseconds; it doubles with each further one. Default 20. */
  readonly retryMinMs?: number;
  /** The longest pause, in milliseconds. Default 1,000. */
  readonly retryMaxMs?: number;
  /** Time; the machine's own by default. */
  readonly clock?: SessionClock;
  /** Numbers from 0 to 1 that spread the pauses of clients; `Math.random` by default. */
  readonly random?: () => number;
}

/** What a session is: usable, gone from the cluster, or closed on this side. */
export type SessionStatus = "open" | "expired" | "closed";

type SomeSubmission = Pick<Submission<unknown>, "sentAtMs" | "outcome">;

/** How long disposal tries to tell the cluster, in milliseconds. */
const DISPOSE_TIMEOUT_MS = 2000;

/** A session is kept alive when a third of its time has passed without use: two attempts may be lost. */
const KEEP_ALIVES_PER_TTL = 3;

/**
 * A session with a state machine that is wrapped in `sessionFsm`. Commands are retried until they are answered, and take
 * effect at most once nevertheless (thesis 6.3).
 *
 * Several commands may be under way at once, and retries may change their order: await those that depend on each other.
 * While it is open it keeps itself alive with an entry in the log whenever a third of `ttlMs` has passed without use; close
 * it when it is no longer needed.
 */
export class Session<Response = unknown> implements AsyncDisposable {
  readonly #apply: ApplyFunction<SessionResponse<Response>>;
  readonly #host: SubmissionHost;
  readonly #timeoutMs: number;
  readonly #id: Index;
  readonly #limits: SessionLimits;
  /** What has no answer yet, by serial, in the order of serials. */
  readonly #open = new Map<number, Pick<Submission<unknown>, "end">>();
  #keepingAlive: Pick<Submission<unknown>, "end"> | undefined;
  #nextSerial = 1;
  #status: SessionStatus = "open";
  #usedAtMs: number;
  #cancelKeepAlive: CancelTimer | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    apply: ApplyFunction<SessionResponse<Response>>,
    host: SubmissionHost,
    timeoutMs: number,
    { session, limits }: Extract<SessionResponse<Response>, { status: "registered" }>,
    usedAtMs: number,
  ) {
    this.#apply = apply;
    this.#host = host;
    this.#timeoutMs = timeoutMs;
    this.#id = session;
    this.#limits = limits;
    this.#usedAtMs = usedAtMs;
    this.#waitToKeepAlive();
  }

  /**
   * Registers a session. `target`: where entries are submitted: a `Raft`, or a function that reaches the leader.
   *
   * Rejects with `EnqueueTimeoutError` or `CommitTimeoutError` if nobody has answered in time, `AbortedError`, or
   * `InvalidConfigError` for options that cannot be and a state machine without `sessionFsm`. A session whose
   * registration was not answered expires by itself.
   */
  static async open<Response = unknown>(
    target: ApplyTarget<SessionResponse<Response>>,
    options: SessionOptions = {},
  ): Promise<Session<Response>> {
    const { timeoutMs = 30_000, signal, clock = realClock } = options;
    const { retryMinMs = 20, retryMaxMs = 1000, random = Math.random } = options;
    checkMs("retryMinMs", retryMinMs);
    checkMs("retryMaxMs", retryMaxMs);
    const problem = callProblem(options);
    if (problem !== undefined) throw problem;
    const apply = applyFunctionOf(target);
    const deadlines = new Deadlines(clock);
    const host: SubmissionHost = { clock, deadlines, retryMinMs, retryMaxMs, random };
    const extensions = encodeEnvelope({ kind: "register" });
    try {
      const send = (call: CallOptions) => apply(NO_BYTES, { ...call, extensions });
      const call = { timeoutMs, ...signal !== undefined && { signal } };
      const submission = new Submission(host, send, call);
      const { response } = await submission.answer;
      if (response?.status !== "registered") {
        const allowed = "a way to a state machine that is wrapped in sessionFsm()";
        const given = "a way to one without sessions";
        throw new InvalidConfigError("target", given, allowed, "unknown");
      }
      return new Session(apply, host, timeoutMs, response, submission.sentAtMs);
    } catch (error) {
      deadlines.stop();
      throw error;
    }
  }

  /** Its id: the index of the entry that registered it. */
  get id(): Index {
    return this.#id;
  }

  /** What it is, as far as this side knows. */
  get status(): SessionStatus {
    return this.#status;
  }

  /**
   * Applies `command`, once, and resolves with what the state machine answered and the index of the entry that was answered.
   * Retries whatever ends with an outcome of `not-written` or `unknown`, until there is an answer or `timeoutMs` (by default
   * that of the session) is over. The bytes are taken over: do not change them before the call has settled.
   *
   * Rejects with `InvalidConfigError` for what is no `Uint8Array`, `EnqueueTimeoutError` (never written), `CommitTimeoutError`, `AbortedError`; `OverloadedError` if
   * `responsesMax` commands are under way; `CommandTooLargeError`; `SessionExpiredError`, `SessionClosedError`,
   * `ResponseDroppedError`; and with any error whose outcome is `failed`, at once.
   */
  async apply(command: Uint8Array, options: ApplyOptions = {}): Promise<Applied<Response>> {
    const { timeoutMs = this.#timeoutMs, signal, extensions: own = NO_BYTES } = options;
    const refusal = bytesProblem("command", command) ?? bytesProblem("extensions", own) ??
      callProblem(options) ?? this.#refusal();
    if (refusal !== undefined) throw refusal;
    const serial = this.#nextSerial;
    this.#nextSerial += 1;
    const send = (call: CallOptions) =>
      this.#submit(
        { kind: "command", session: this.#id, serial, lowest: this.#lowest(serial) },
        call,
        command,
        own,
      );
    const call = { timeoutMs, ...signal !== undefined && { signal } };
    const submission = new Submission(this.#host, send, call);
    this.#open.set(serial, submission);
    try {
      const { index, response } = await submission.answer;
      return { index, response: this.#responseOf(response, submission) };
    } finally {
      this.#open.delete(serial);
    }
  }

  /**
   * Tells the cluster that the session is no longer needed. Commands under way end with `SessionClosedError`. Idempotent.
   * Rejects as {@linkcode Session.apply} does if the cluster cannot be told; the session then expires by itself.
   */
  close(options: CallOptions = {}): Promise<void> {
    const problem = callProblem(options);
    if (problem !== undefined) return Promise.reject(problem);
    return this.#closed ??= this.#close(options);
  }

  /** {@linkcode Session.close}, but for two seconds at most; a cluster that cannot be told is not an error. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.close({ timeoutMs: Math.min(this.#timeoutMs, DISPOSE_TIMEOUT_MS) });
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
    }
  }

  async #close({ timeoutMs = this.#timeoutMs, signal }: CallOptions): Promise<void> {
    const wasOpen = this.#status === "open";
    this.#status = "closed";
    this.#cancelKeepAlive?.();
    const end = (outcome: "not-written" | "unknown") => new SessionClosedError(this.#id, outcome);
    for (const submission of this.#open.values()) submission.end(end);
    this.#keepingAlive?.end(end);
    try {
      if (!wasOpen) return;
      const send = (call: CallOptions) => this.#submit({ kind: "close", session: this.#id }, call);
      const call = { timeoutMs, ...signal !== undefined && { signal } };
      await new Submission(this.#host, send, call).answer;
    } finally {
      this.#host.deadlines.stop();
    }
  }

  #submit(
    envelope: Envelope,
    options: CallOptions,
    command: Uint8Array = NO_BYTES,
    own?: Uint8Array,
  ): Promise<Applied<SessionResponse<Response>>> {
    return this.#apply(command, { ...options, extensions: encodeEnvelope(envelope, own) });
  }

  /** The lowest serial whose answer is waited for: `serial` or one before it. */
  #lowest(serial = this.#nextSerial): number {
    for (const lowest of this.#open.keys()) return Math.min(lowest, serial);
    return serial;
  }

  #refusal(): RaftError | undefined {
    if (this.#status === "closed") return new SessionClosedError(this.#id, "not-written");
    if (this.#status === "expired") return new SessionExpiredError(this.#id, "not-written");
    // More than the cluster keeps responses for could not be retried safely.
    const { responsesMax } = this.#limits;
    return this.#nextSerial - this.#lowest() >= responsesMax
      ? new OverloadedError("responsesMax", responsesMax)
      : undefined;
  }

  #responseOf(answer: SessionResponse<Response>, { sentAtMs, outcome }: SomeSubmission): Response {
    switch (answer?.status) {
      case "applied":
        this.#usedAtMs = Math.max(this.#usedAtMs, sentAtMs);
        return answer.response;
      case "expired":
        this.#expire();
        throw new SessionExpiredError(this.#id, outcome === "unknown" ? "unknown" : "failed");
      case "dropped":
        throw new ResponseDroppedError(this.#id);
      default:
        invariant(false, `a command of a session is answered with ${JSON.stringify(answer)}`);
    }
  }

  #expire(): void {
    if (this.#status !== "open") return;
    this.#status = "expired";
    this.#cancelKeepAlive?.();
  }

  /** Waits until the session has not been used for a while. */
  #waitToKeepAlive(): void {
    const { clock } = this.#host;
    const atMs = this.#usedAtMs + this.#limits.ttlMs / KEEP_ALIVES_PER_TTL;
    this.#cancelKeepAlive = clock.setTimer(Math.max(0, atMs - clock.now()), () => {
      const isUsed = this.#usedAtMs + this.#limits.ttlMs / KEEP_ALIVES_PER_TTL > clock.now();
      if (isUsed) this.#waitToKeepAlive();
      else this.#keepAlive();
    });
  }

  async #keepAlive(): Promise<void> {
    const { clock } = this.#host;
    const send = (call: CallOptions) => {
      const envelope = { kind: "keepAlive", session: this.#id, lowest: this.#lowest() } as const;
      return this.#submit(envelope, call);
    };
    const timeoutMs = this.#limits.ttlMs / KEEP_ALIVES_PER_TTL;
    const submission = new Submission(this.#host, send, { timeoutMs });
    this.#keepingAlive = submission;
    try {
      const { response } = await submission.answer;
      if (response.status === "expired") this.#expire();
      this.#usedAtMs = Math.max(this.#usedAtMs, submission.sentAtMs);
    } catch {
      // Nobody waits for it; if the cluster cannot be reached, commands say so. Try again soon.
      this.#usedAtMs = clock.now() - timeoutMs + this.#host.retryMaxMs;
    }
    this.#keepingAlive = undefined;
    if (this.#status === "open") this.#waitToKeepAlive();
  }
}

/**
 * Changes the limits of all sessions at one place of the log, so that all replicas agree. What is not given stays as it is.
 * Sessions and responses beyond new limits are dropped at once; clients learn of a new `ttlMs` only when they open their next
 * session, so lower it with care. Tries once. Resolves with the limits in force.
 *
 * Rejects with `InvalidConfigError` for a value that is out of range and a state machine without `sessionFsm`, else with what `target` rejects with; to repeat it does no harm.
 */
export async function changeSessionLimits(
  target: ApplyTarget<SessionResponse<unknown>>,
  limits: Partial<SessionLimits>,
  options: CallOptions = {},
): Promise<SessionLimits> {
  completeLimits(limits);
  const extensions = encodeEnvelope({ kind: "changeLimits" });
  const { response } = await applyFunctionOf(target)(encodeLimits(limits), {
    ...options,
    extensions,
  });
  if (response?.status === "limits-changed") return response.limits;
  const allowed = "a way to a state machine that is wrapped in sessionFsm()";
  throw new InvalidConfigError("target", "a way to one without sessions", allowed, "unknown");
}

function checkMs(field: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return;
  throw new InvalidConfigError(field, value, "more than 0 milliseconds");
}
