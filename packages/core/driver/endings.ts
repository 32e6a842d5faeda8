/**
 * What ends a call before it has its answer: its time is over, or its caller's signal fires.
 *
 * @module
 */
import { AbortedError, CommitTimeoutError, type Outcome, type RaftError } from "../model/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { CallOptions } from "./calls.ts";

/**
 * Calls `end` with the error of the caller when `options` say that the call is over; `outcome` says what has become of it by then.
 * Returns what calls that off.
 */
export function endEarly(
  { timeoutMs = Infinity, signal }: CallOptions,
  clock: Clock,
  outcome: () => Outcome,
  end: (error: RaftError) => void,
): () => void {
  const abort = () => end(new AbortedError(outcome(), signal?.reason));
  signal?.addEventListener("abort", abort, { once: true });
  const cancel = timeoutMs === Infinity
    ? undefined
    : clock.setTimer(timeoutMs, () => end(new CommitTimeoutError(timeoutMs, outcome())));
  return () => {
    cancel?.();
    signal?.removeEventListener("abort", abort);
  };
}
