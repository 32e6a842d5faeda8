/**
 * Whether something is a state machine, looked at before it is given anything: what is none would stop its node at the first command.
 *
 * @module
 */
import { InvalidConfigError } from "../model/errors.ts";
import type { Fsm } from "./fsm.ts";
import { typeName } from "./given.ts";

/** What a state machine need not have. */
const METHODS = ["applyBatch", "storeConfiguration", "snapshot", "restore", "keptIndex"] as const;

/** What is wrong with `fsm`, if anything is. `field`: what it was given as. */
export function fsmProblem<Response>(
  field: string,
  fsm: Fsm<Response>,
): InvalidConfigError | undefined {
  // A class has an apply() as well, that of functions.
  if (typeof fsm?.apply !== "function" || fsm.apply === Function.prototype.apply) {
    return new InvalidConfigError(field, "without apply()", "a state machine with apply()");
  }
  for (const method of METHODS) {
    const given: unknown = fsm[method];
    if (given === undefined || typeof given === "function") continue;
    const allowed = "a function, or undefined";
    return new InvalidConfigError(`${field}.${method}`, `of type ${typeName(given)}`, allowed);
  }
  const { snapshot, restore } = fsm;
  if ((snapshot === undefined) === (restore === undefined)) return undefined;
  const given = snapshot === undefined ? "with restore() only" : "with snapshot() only";
  return new InvalidConfigError(field, given, "both or none of snapshot() and restore()");
}
