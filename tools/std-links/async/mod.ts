/**
 * Stands in for `jsr:@std/async` in this workspace, for machines that reach npm but not JSR (see
 * `links` in the root deno.json). Only what is used here, with the names, signatures and behaviour
 * of the real package; mod_test.ts holds for both.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";

/** Options of {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the delay: it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Whether the delay keeps the process alive. Defaults to `true`. */
  persistent?: boolean;
}

/** Resolves after `ms` milliseconds, or rejects with the reason of an aborted signal. */
export async function delay(ms: number, options: DelayOptions = {}): Promise<void> {
  const { signal, persistent = true } = options;
  signal?.throwIfAborted();
  try {
    await sleep(ms, undefined, { ref: persistent, ...(signal && { signal }) });
  } catch (error) {
    // node wraps the reason in an AbortError of its own.
    signal?.throwIfAborted();
    throw error;
  }
}

/** Options of {@linkcode deadline}. */
export interface DeadlineOptions {
  /** Ends the wait: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Settles as `p` does, but rejects with a `TimeoutError` (a `DOMException`) when that takes longer
 * than `ms` milliseconds, and with the reason of an aborted signal. What `p` stands for goes on.
 */
export async function deadline<T>(
  p: Promise<T>,
  ms: number,
  options: DeadlineOptions = {},
): Promise<T> {
  const { signal } = options;
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new DOMException("Signal timed out.", "TimeoutError")),
    ms,
  );
  try {
    return await abortable(
      p,
      signal ? AbortSignal.any([controller.signal, signal]) : controller.signal,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Settles as `p` does, or rejects with the reason of the signal if that is aborted first. */
export async function abortable<T>(p: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([p, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
