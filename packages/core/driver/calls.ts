/**
 * The calls of `apply` and `barrier` that wait: first to be appended, then to be applied. A call settles
 * exactly once, whatever happens to its entry.
 *
 * @module
 */
import { AbortedError, CommitTimeoutError, EnqueueTimeoutError } from "../model/errors.ts";
import type { Proposal } from "../model/entry.ts";
import type { Index } from "../model/numbers.ts";

/** What a call gets when its entry is applied. */
export interface Applied<Response> {
  /** Index of the entry; for a read, of the last entry that it saw. */
  readonly index: Index;
  /** What the state machine answered, or the query of a read; `undefined` for a barrier. */
  readonly response: Response;
}

/** How long a call may take, and what ends it early. */
export interface CallOptions {
  /** Milliseconds after which the call fails, 0 or more; without it, it lasts until it has an answer or leadership is lost. */
  readonly timeoutMs?: number;
  /** Ends the call when it fires. The entry is not called back if it is appended already. */
  readonly signal?: AbortSignal;
}

/** One call that waits. */
export interface Call {
  /** What it wants appended; `undefined` once its entry is in the log, which has a copy of the bytes. */
  proposal: Proposal | undefined;
  /** Settles the caller's promise. */
  readonly resolve: (applied: Applied<unknown>) => void;
  /** Settles the caller's promise. */
  readonly reject: (error: unknown) => void;
  /** Whether it carries a piece of a backup: those are answered while others wait for the end of the restore. */
  readonly isRestore: boolean;
  /** What the caller allowed, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** When that is over. */
  readonly deadlineMs: number;
  /** Whether the caller has its answer. */
  settled: boolean;
  /** Stops listening to the caller's signal. */
  unlisten: (() => void) | undefined;
}

/** Calls whose entries were appended together. */
interface Batch {
  readonly firstIndex: Index;
  readonly calls: readonly Call[];
  /** How many of them are applied. */
  applied: number;
}

/** See the module's description. */
export class Calls {
  #waiting: Call[] = [];
  #batches: Batch[] = [];
  #head = 0;
  #pending = 0;
  #nextDeadlineMs = Infinity;
  /** While a backup is being restored: calls that are applied and whose effect may be gone soon. */
  #held: { readonly call: Call; readonly applied: Applied<unknown> }[] | undefined;

  /** Calls that wait to be appended or applied. One that was given up counts until its entry is applied: so long it takes memory. */
  get pending(): number {
    return this.#pending;
  }

  /** No call has to be given up before this time. */
  get nextDeadlineMs(): number {
    return this.#nextDeadlineMs;
  }

  /** Adds a call that waits to be appended. */
  add(call: Call, signal: AbortSignal | undefined): void {
    this.#pending += 1;
    this.#waiting.push(call);
    if (call.deadlineMs < this.#nextDeadlineMs) this.#nextDeadlineMs = call.deadlineMs;
    if (signal === undefined) return;
    const abort = () => {
      const outcome = call.proposal === undefined ? "unknown" : "not-written";
      this.#reject(call, new AbortedError(outcome, signal.reason));
    };
    signal.addEventListener("abort", abort, { once: true });
    call.unlisten = () => signal.removeEventListener("abort", abort);
  }

  /** Takes out the calls that wait to be appended, still have a caller, and time left: a deadline that is over now ends its call unwritten. */
  takeWaiting(nowMs: number): Call[] {
    for (const call of this.#waiting) {
      if (call.deadlineMs <= nowMs) this.#reject(call, new EnqueueTimeoutError(call.timeoutMs!));
    }
    this.#dropSettled();
    const calls = this.#waiting;
    this.#waiting = [];
    return calls;
  }

  /** The entries of `calls` have been appended from `firstIndex` on. */
  appended(firstIndex: Index, calls: readonly Call[]): void {
    for (const call of calls) call.proposal = undefined;
    this.#batches.push({ firstIndex, calls, applied: 0 });
  }

  /** `calls` were not appended. */
  refused(calls: readonly Call[], error: unknown): void {
    this.#pending -= calls.length;
    for (const call of calls) this.#reject(call, error);
  }

  /** The entry at `index` is applied, and those before it. */
  applied(index: Index, response: unknown): void {
    const batch = this.#batches[this.#head];
    if (batch === undefined || index < batch.firstIndex) return;
    const at = index - batch.firstIndex;
    const call = batch.calls[at]!;
    batch.applied = at + 1;
    this.#pending -= 1;
    if (this.#held !== undefined && !call.isRestore) {
      this.#held.push({ call, applied: { index, response } });
    } else this.#resolve(call, { index, response });
    if (batch.applied < batch.calls.length) return;
    this.#head += 1;
    if (this.#head > 1024 || this.#head === this.#batches.length) {
      this.#batches.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /**
   * Every call whose entry comes after `applicable` ends with `error`, and its entry belongs to nobody any more.
   * What is up to there will be applied, and its callers hear of it.
   */
  failAppended(error: unknown, applicable: Index): void {
    const kept: Batch[] = [];
    for (let at = this.#head; at < this.#batches.length; at += 1) {
      const { firstIndex, calls, applied } = this.#batches[at]!;
      const keep = Math.min(calls.length, Math.max(applied, applicable - firstIndex + 1));
      for (let one = keep; one < calls.length; one += 1) this.#reject(calls[one]!, error);
      this.#pending -= calls.length - keep;
      if (keep > applied) kept.push({ firstIndex, calls: calls.slice(0, keep), applied });
    }
    this.#batches = kept;
    this.#head = 0;
  }

  /** Every call that waits to be appended ends with `error`. */
  failWaiting(error: unknown): void {
    const calls = this.#waiting;
    this.#waiting = [];
    this.refused(calls, error);
  }

  /** Ends the calls whose time is over. */
  expire(nowMs: number): void {
    this.#nextDeadlineMs = Infinity;
    this.#expire(this.#waiting, nowMs, 0);
    this.#dropSettled();
    for (let at = this.#head; at < this.#batches.length; at += 1) {
      const { calls, applied } = this.#batches[at]!;
      this.#expire(calls, nowMs, applied);
    }
    if (this.#held !== undefined) this.#expire(this.#held.map(({ call }) => call), nowMs, 0);
  }

  /** From now on calls that are applied wait for {@linkcode Calls.release}. */
  hold(): void {
    this.#held ??= [];
  }

  /** The calls that were held get their answers; or `error`, if what they did is undone. */
  release(error?: unknown): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const { call, applied } of held) {
      if (error === undefined) this.#resolve(call, applied);
      else this.#reject(call, error);
    }
  }

  #resolve(call: Call, applied: Applied<unknown>): void {
    if (call.settled) return;
    this.#settle(call);
    call.resolve(applied);
  }

  #dropSettled(): void {
    if (!this.#waiting.some((call) => call.settled)) return;
    const kept = this.#waiting.filter((call) => !call.settled);
    this.#pending -= this.#waiting.length - kept.length;
    this.#waiting = kept;
  }

  #expire(calls: readonly Call[], nowMs: number, from: number): void {
    for (let at = from; at < calls.length; at += 1) {
      const call = calls[at]!;
      if (call.settled) continue;
      if (call.deadlineMs > nowMs) {
        if (call.deadlineMs < this.#nextDeadlineMs) this.#nextDeadlineMs = call.deadlineMs;
        continue;
      }
      const timeoutMs = call.timeoutMs!;
      const error = call.proposal === undefined
        ? new CommitTimeoutError(timeoutMs)
        : new EnqueueTimeoutError(timeoutMs);
      this.#reject(call, error);
    }
  }

  #reject(call: Call, error: unknown): void {
    if (call.settled) return;
    this.#settle(call);
    call.reject(error);
  }

  #settle(call: Call): void {
    call.settled = true;
    call.unlisten?.();
  }
}
