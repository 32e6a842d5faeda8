/**
 * What a node is made of, looked at before it is: what has another type would stop it later, or keep it waiting for ever.
 *
 * @module
 */
import { InvalidConfigError } from "../model/errors.ts";
import { isStoreId } from "../model/store_id.ts";
import { fsmProblem } from "../ports/fsm_problem.ts";
import { typeName } from "../ports/given.ts";
import type { RaftOptions } from "./options.ts";

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
  const problem = fsmProblem("fsm", fsm);
  if (problem !== undefined) throw problem;
}
