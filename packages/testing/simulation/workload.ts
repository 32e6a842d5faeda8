/**
 * What a simulation is about: a state machine, and clients that use it. Coracle's own proof runs one workload
 * (`RegisterWorkload`); users run theirs with `simulate`.
 *
 * @module
 */
import type { Applied, ApplyOptions, Clock, Fsm, Raft, ReadOptions, ServerId } from "@coracle/core";
import type { Prng } from "../prng.ts";

/** Calls of `Raft` that clients of a simulation make as they are. */
export type ForwardedCalls =
  | "apply"
  | "barrier"
  | "verifyLeader"
  | "addVoter"
  | "addNonvoter"
  | "demoteVoter"
  | "removeServer"
  | "changeConfiguration"
  | "transferLeadership"
  | "stepDown"
  | "snapshot"
  | "restore";

/**
 * A running node, as a client reaches it. Its calls are those of `Raft`; if the node crashes, they reject with a
 * {@linkcode NodeCrashedError}.
 */
export type NodeClient<Machine extends Fsm<Response>, Response> =
  & Pick<Raft<Response>, ForwardedCalls>
  & {
    /** Its name. */
    readonly id: ServerId;
    /** How often it was started, and which node it is: the same for as long as the process runs. */
    readonly process: string;
    /** Whether it takes itself for the leader. */
    readonly isLeader: boolean;
    /** Reads the state machine, at the level that `options` say (`Raft.read`). */
    read<Result>(
      query: (machine: Machine) => Result,
      options?: ReadOptions,
    ): Promise<Applied<Result>>;
  };

/** What a client has of the cluster. */
export interface ClientApi<Machine extends Fsm<Response>, Response> {
  /** Which client this is, from 0 on. */
  readonly client: number;
  /** The clients' time. It has nothing to do with that of any node. */
  readonly clock: Clock;
  /** The nodes' heartbeat timeout, in milliseconds: what takes a few of these takes long. */
  readonly heartbeatTimeoutMs: number;
  /** The nodes that run and can be called, in an order that does not change. */
  nodes(): readonly NodeClient<Machine, Response>[];
  /**
   * A node to call: mostly one that takes itself for the leader, sometimes another. Throws a `TransportError` if none runs.
   */
  pick(): NodeClient<Machine, Response>;
  /** Applies a command once, at {@linkcode ClientApi.pick}: what a `Session` or a `TypedClient` takes as its target. */
  apply(command: Uint8Array, options?: ApplyOptions): Promise<Applied<Response>>;
  /** Resolves after so much time. */
  sleep(durationMs: number): Promise<void>;
  /** A signal that fires after so much time. */
  abortAfter(durationMs: number): AbortSignal;
  /** Writes a line into the trace. */
  note(line: string): void;
}

/** What a simulation found out, for a workload's own check. */
export interface SimulatedEnd<Machine> {
  /** The state machines of all members that have caught up: they must be equal. */
  readonly machines: readonly { readonly id: ServerId; readonly machine: Machine }[];
}

/** A state machine and its clients. */
export interface Workload<Machine extends Fsm<Response>, Response> {
  /** Makes a state machine; each process of each node gets its own. */
  fsm(): Machine;
  /**
   * What a client does when it comes: one command, or a few. It comes again and again, until faults have stopped. What it
   * rejects with is expected if it is a `RaftError`; anything else, such as a failed assertion, ends the simulation as a failure, and
   * so does an `InvalidConfigError`: a call that cannot be.
   * Everything it leaves to chance must come from `random`.
   */
  client(api: ClientApi<Machine, Response>, random: Prng): Promise<void>;
  /** The state of a machine as a value that is compared with `===`, if it has one: it must be the same on all nodes that have applied the same. */
  digest?(machine: Machine): unknown;
  /** Faults have stopped; clients come no more. What is still open is ended here. */
  finish?(): Promise<void> | void;
  /** Looks at the end whether everything is as it must be. Throws what is wrong. */
  check?(end: SimulatedEnd<Machine>): Promise<void> | void;
}
