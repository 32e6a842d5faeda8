/**
 * The way of a call into the log: calls of one turn of the event loop become one input, and each gets its answer when its
 * entry is applied, refused or lost.
 *
 * @module
 */
import type { RaftConfig } from "../model/config.ts";
import { type EntryType, NO_BYTES } from "../model/entry.ts";
import {
  AbortedByRestoreError,
  CommandTooLargeError,
  NotLeaderError,
  OverloadedError,
  type RaftError,
  ShutdownError,
  TransferInProgressError,
} from "../model/errors.ts";
import { assertNever } from "../model/assert.ts";
import type { Index } from "../model/numbers.ts";
import { bytesProblem, callProblem } from "../ports/given.ts";
import type { Clock } from "../ports/clock.ts";
import type { Proposed, Refusal } from "../consensus/effect.ts";
import type { Propose } from "../consensus/input.ts";
import { type Applied, type Call, Calls } from "./calls.ts";
import type { Meter } from "./meter.ts";
import type { ApplyOptions } from "./options.ts";

/** What {@linkcode Proposals} needs of its node. */
export interface ProposalsHost {
  /** The settings of this moment. */
  config(): RaftConfig;
  /** Why nothing can be proposed here, if that is so: the node does not lead, or is stopped. */
  notLeading(): RaftError | undefined;
  /** Whether a backup is being restored: then nothing but its pieces is taken. */
  isRestoring(): boolean;
  /** Takes an input to the consensus. */
  input(input: Propose): void;
}

/** See the module's description. */
export class Proposals {
  readonly calls: Calls = new Calls();
  readonly #host: ProposalsHost;
  readonly #clock: Clock;
  readonly #meter: Meter | undefined;
  /** The calls of each `propose` input that is not answered yet. */
  readonly #asked: Call[][] = [];
  #scheduled = false;

  /** Nothing is proposed yet. `meter` counts what is, if it is given. */
  constructor(host: ProposalsHost, clock: Clock, meter?: Meter) {
    this.#host = host;
    this.#clock = clock;
    this.#meter = meter;
  }

  /** Proposes an entry. Resolves when it is applied here. */
  call(type: EntryType, data: Uint8Array, options: ApplyOptions): Promise<Applied<unknown>> {
    const { timeoutMs, signal, extensions = NO_BYTES } = options;
    const refusal = bytesProblem("command", data) ?? bytesProblem("extensions", extensions) ??
      this.#refusal(type, data.length + extensions.length) ?? callProblem(options);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const call: Call = {
        proposal: { type, data, extensions },
        resolve,
        reject,
        isRestore: type === "restore",
        timeoutMs,
        deadlineMs: timeoutMs === undefined ? Infinity : this.#clock.now() + timeoutMs,
        settled: false,
        unlisten: undefined,
      };
      this.calls.add(call, signal);
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Two turns of the microtask queue: callers that were answered together and go on at once are grouped.
      queueMicrotask(() => queueMicrotask(() => this.#propose()));
    });
  }

  /** The answer to the oldest `propose` input that has none. */
  proposed({ firstIndex, count, refusal }: Proposed): void {
    const calls = this.#asked.shift()!;
    if (this.#meter !== undefined) countCalls(this.#meter, calls, count);
    if (refusal === undefined) {
      this.calls.appended(firstIndex, calls);
      return;
    }
    if (count > 0) this.calls.appended(firstIndex, calls.slice(0, count));
    this.calls.refused(calls.slice(count), this.#refusalError(refusal));
  }

  /** The node stops: every call ends. */
  stop(cause: unknown): void {
    this.calls.release();
    this.calls.failWaiting(new ShutdownError("not-written", cause));
    this.calls.failAppended(new ShutdownError("unknown", cause), 0 as Index);
    for (const calls of this.#asked) {
      this.calls.refused(calls, new ShutdownError("not-written", cause));
    }
  }

  #refusal(type: EntryType, sizeBytes: number): RaftError | undefined {
    const { commandSizeMaxBytes, pendingCallsMax } = this.#host.config();
    const notLeading = this.#host.notLeading();
    if (notLeading !== undefined) return notLeading;
    // The pieces of a backup are this node's own, one at a time, and as large as it makes them.
    if (type === "restore") return undefined;
    if (sizeBytes > commandSizeMaxBytes) {
      return new CommandTooLargeError(sizeBytes, commandSizeMaxBytes);
    }
    if (this.#host.isRestoring()) return new AbortedByRestoreError("not-written");
    return this.calls.pending >= pendingCallsMax
      ? new OverloadedError("pendingCallsMax", pendingCallsMax)
      : undefined;
  }

  #refusalError(refusal: Refusal): RaftError {
    switch (refusal) {
      case "not-leader":
        return this.#host.notLeading() ?? new NotLeaderError(undefined);
      case "transferring":
        return new TransferInProgressError();
      case "uncommitted-size":
        return new OverloadedError(
          "uncommittedSizeMaxBytes",
          this.#host.config().uncommittedSizeMaxBytes,
        );
      default:
        return assertNever(refusal);
    }
  }

  #propose(): void {
    this.#scheduled = false;
    const calls = this.calls.takeWaiting(this.#clock.now());
    if (calls.length === 0) return;
    this.#asked.push(calls);
    this.#host.input({
      type: "propose",
      proposals: calls.map((call) => call.proposal!),
      appendedAtMs: this.#clock.wallTime(),
    });
  }
}

/** Counts the first `count` of `calls`, which were appended. The pieces of a backup belong to a call that is counted elsewhere. */
function countCalls(meter: Meter, calls: readonly Call[], count: number): void {
  let commands = 0;
  let barriers = 0;
  for (let at = 0; at < count; at += 1) {
    const { type } = calls[at]!.proposal!;
    if (type === "command") commands += 1;
    else if (type === "barrier") barriers += 1;
  }
  meter.count("apply", commands);
  meter.count("barrier", barriers);
}
