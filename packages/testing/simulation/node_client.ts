/**
 * A running node as clients of a simulation reach it.
 *
 * @module
 */
import type { Fsm, Raft, ReadOptions } from "@coracle/core";
import type { Machine } from "./machine.ts";
import type { Process } from "./process.ts";
import type { ForwardedCalls, NodeClient } from "./workload.ts";
import type { World } from "./world.ts";

const FORWARDED = Object.keys(
  {
    apply: true,
    barrier: true,
    verifyLeader: true,
    addVoter: true,
    addNonvoter: true,
    demoteVoter: true,
    removeServer: true,
    changeConfiguration: true,
    transferLeadership: true,
    stepDown: true,
    snapshot: true,
    restore: true,
  } satisfies Record<ForwardedCalls, true>,
) as ForwardedCalls[];

/** The client of `process`, which serves. */
export function nodeClient(
  { calls }: World,
  { id, incarnation }: Machine,
  process: Process,
): NodeClient<Fsm, unknown> {
  const raft = process.raft!;
  const forwarded = Object.fromEntries(FORWARDED.map((name) => [
    name,
    (...args: unknown[]) => {
      const call = raft[name] as (...args: unknown[]) => Promise<unknown>;
      return calls.make(name, id, process.calls, () => call.apply(raft, args));
    },
  ])) as unknown as Pick<Raft, ForwardedCalls>;
  return {
    ...forwarded,
    id,
    process: `${id}/${incarnation}`,
    get isLeader() {
      return raft.state === "leader";
    },
    read: <Result>(query: (fsm: Fsm) => Result, options: ReadOptions = {}) =>
      calls.make(
        `read ${options.level ?? "linearizable"}`,
        id,
        process.calls,
        () => raft.read(() => query(process.fsm), options),
      ),
  };
}
