/**
 * What the parts of a simulation share.
 *
 * @module
 */
import type { Entry, Fsm, Message, ServerId, SnapshotPoint } from "@coracle/core";
import type { Effect, Input, Persist } from "@coracle/core/consensus";
import type { MemoryNetwork } from "../memory_network.ts";
import type { VirtualClock } from "../virtual_clock.ts";
import type { Calls } from "./calls.ts";
import type { Machine } from "./machine.ts";
import type { Plant } from "./plant.ts";
import type { Process } from "./process.ts";
import type { Scenario } from "./scenario.ts";
import type { Workload } from "./workload.ts";

/** Is told everything that happens in the nodes; what it finds wrong ends the simulation. */
export interface Watcher {
  /** A node is about to take the first step of a process. */
  started(machine: Machine): void;
  /** A node has taken a step; what its effects say follows. */
  stepped(machine: Machine, input: Input, effects: readonly Effect[]): void;
  /** One write has taken effect. */
  written(machine: Machine, write: Persist): void;
  /** A message leaves. */
  sent(machine: Machine, to: ServerId, message: Message): void;
  /** A state machine has applied an entry. */
  applied(machine: Machine, process: Process, entry: Entry, response: unknown): void;
  /** The state of a state machine was replaced. */
  restored(machine: Machine, process: Process): void;
  /** A node stores a snapshot. */
  snapshotStored(machine: Machine, point: SnapshotPoint, checksum: number): void;
  /** A node does not run any more. */
  down(machine: Machine): void;
}

/** See the module's description. */
export interface World {
  /** The time. */
  readonly clock: VirtualClock;
  /** The network. */
  readonly network: MemoryNetwork;
  /** What kind of world it is. */
  readonly scenario: Scenario;
  /** What runs on the nodes, and who calls. */
  readonly workload: Workload<Fsm, unknown>;
  /** Calls of clients. */
  readonly calls: Calls;
  /** Mistakes in nodes, for tests of the simulation itself. */
  readonly plant: Plant;
  /** Who watches. */
  readonly watcher: Watcher;
  /** All machines, by ordinal. New ones come at the end. */
  readonly machines: Machine[];
  /** Where the trace goes, if anybody wants it. */
  readonly trace: ((line: string) => void) | undefined;
  /** Writes a line into the trace. */
  note(line: string): void;
  /** Something is wrong; the simulation ends. */
  fail(error: unknown): void;
}
