/**
 * What callers and state machines hand over. It is looked at, since Deno runs programs without checking their types: what is no
 * bytes would be written as zeros, or as nothing, or would stop the node; what is no signal would fail a call that is written later.
 *
 * @module
 */
import { AbortedError, InvalidConfigError, type RaftError } from "../model/errors.ts";

/** What is wrong with `value`, which should be bytes, if anything is. `field`: what it was given as. */
export function bytesProblem(field: string, value: unknown): InvalidConfigError | undefined {
  if (value instanceof Uint8Array) return undefined;
  return new InvalidConfigError(field, `of type ${typeName(value)}`, "a Uint8Array");
}

/** What ends a call early: what all calls have among their options. */
export interface EarlyEnd {
  /** Milliseconds after which it ends. */
  readonly timeoutMs?: number;
  /** Ends it when it fires. */
  readonly signal?: AbortSignal;
}

/** What is wrong with a call's options, before anything else is done about it. */
export function callProblem(options: EarlyEnd): RaftError | undefined {
  const problem = optionsProblem(options) ?? signalProblem(options.signal);
  if (problem !== undefined) return problem;
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs >= 0)) {
    const given = typeof timeoutMs === "string" ? JSON.stringify(timeoutMs) : timeoutMs;
    return new InvalidConfigError("timeoutMs", given, "0 or more milliseconds");
  }
  return signal?.aborted === true ? new AbortedError("not-written", signal.reason) : undefined;
}

/** What is wrong with what was given as options: a timeout or a name in their place would go unheard. */
export function optionsProblem(options: object): InvalidConfigError | undefined {
  if (typeof options === "object" && options !== null) return undefined;
  return new InvalidConfigError("options", `of type ${typeName(options)}`, "an object");
}

/** What is wrong with what was given as a signal. An `AbortController` in its place would never end anything. */
export function signalProblem(signal: AbortSignal | undefined): InvalidConfigError | undefined {
  if (signal === undefined || typeof signal?.addEventListener === "function") return undefined;
  return new InvalidConfigError("signal", `of type ${typeName(signal)}`, "an AbortSignal");
}

/** The type of `value`, for people. */
export function typeName(value: unknown): string {
  const isObject = typeof value === "object" && value !== null;
  return isObject ? value.constructor?.name ?? "object" : value === null ? "null" : typeof value;
}
