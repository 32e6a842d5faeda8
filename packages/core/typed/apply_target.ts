/**
 * What a client hands its commands to: a node in the same process, a session, or a function that reaches a node anywhere.
 *
 * @module
 */
import type { Applied } from "../driver/calls.ts";
import type { ApplyOptions } from "../driver/options.ts";

/**
 * Submits a command once and resolves with the state machine's answer. Rejects with a `RaftError` whose `outcome` is true:
 * `unknown` whenever the command may have left and no answer came. `options` are those of `Raft.apply`; `extensions` must
 * reach the log as they are.
 */
export type ApplyFunction<Response> = (
  command: Uint8Array,
  options: ApplyOptions,
) => Promise<Applied<Response>>;

/** An {@linkcode ApplyFunction}, or what has one as its method: a `Raft`, a `Session`. */
export type ApplyTarget<Response> =
  | ApplyFunction<Response>
  | { readonly apply: ApplyFunction<Response> };

/** The function of `target`. */
export function applyFunctionOf<Response>(target: ApplyTarget<Response>): ApplyFunction<Response> {
  if (typeof target === "function") return target;
  return (command, options) => target.apply(command, options);
}
