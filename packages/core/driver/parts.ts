/**
 * What a node is made of, looked at before it is: what has another type would stop it later, or keep it waiting for ever.
 *
 * @module
 */
import { InvalidConfigError } from "../model/errors.ts";
import { isStoreId } from "../model/store_id.ts";
import type { Fsm } from "../ports/fsm.ts";
import { typeName } from "../ports/given.ts";
import type { RaftOptions } from "./options.ts";

/** What a state machine need not have. */
const FSM_METHODS = [
  "applyBatch",
  "storeConfiguration",
  "snapshot",
  "restore",
  "keptIndex",
] as const;

/** Throws `InvalidConfigError` for a part that cannot be one. */
export function refuseWrongParts<Response>(
  { id, log, transport, snapshots, fsm }: RaftOptions<Response>,
): void {
  if (typeof id !== "string" || id === "") {
    const given = id === "" ? '""' : `of type ${typeName(id)}`;
    throw new InvalidConfigError("id", given, "a name that is not empty");
  }
  if (!isStoreId(log?.storeId)) {
    throw new InvalidConfigError("log.storeId", log?.storeId, "12 hexadecimal digits");
  }
  if (typeof transport?.send !== "function") {
    throw new InvalidConfigError("transport", `of type ${typeName(transport)}`, "a Transport");
  }
  if (snapshots !== undefined && typeof snapshots?.list !== "function") {
    const allowed = "a SnapshotStore, or undefined";
    throw new InvalidConfigError("snapshots", `of type ${typeName(snapshots)}`, allowed);
  }
  refuseWrongFsm(fsm);
}

function refuseWrongFsm<Response>(fsm: Fsm<Response>): void {
  // A class has an apply() as well, that of functions.
  if (typeof fsm?.apply !== "function" || fsm.apply === Function.prototype.apply) {
    throw new InvalidConfigError("fsm", "without apply()", "a state machine with apply()");
  }
  for (const method of FSM_METHODS) {
    const given: unknown = fsm[method];
    if (given === undefined || typeof given === "function") continue;
    const allowed = "a function, or undefined";
    throw new InvalidConfigError(`fsm.${method}`, `of type ${typeName(given)}`, allowed);
  }
  const { snapshot, restore } = fsm;
  if ((snapshot === undefined) === (restore === undefined)) return;
  const given = snapshot === undefined ? "with restore() only" : "with snapshot() only";
  throw new InvalidConfigError("fsm", given, "both or none of snapshot() and restore()");
}
