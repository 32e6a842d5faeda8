/**
 * Where mistakes can be planted in a simulated node, to show that the simulation finds them: around each thing that it is made of.
 *
 * @module
 */
import type { Fsm, LogStore, SnapshotStore, Transport } from "@coracle/core";
import type { StepFunction } from "@coracle/core/consensus";
import type { FileSystem } from "@coracle/store-fs";
import type { WorldKind } from "./scenario.ts";

/** Things around parts of a node. What is missing leaves its part as it is. Each is called once for each process. */
export interface Plant {
  /** In the place of the consensus' decisions. */
  readonly step?: StepFunction;
  /** Between the stores and the disk. */
  fileSystem?(inner: FileSystem): FileSystem;
  /** In the place of the log store: what it acknowledges is expected to be on the disk. */
  log?(inner: LogStore): LogStore;
  /** In the place of the snapshot store. */
  snapshots?(inner: SnapshotStore): SnapshotStore;
  /** Between the driver and the network. */
  transport?(inner: Transport): Transport;
  /** In the place of the state machine. */
  fsm?(inner: Fsm): Fsm;
}

/** A mistake that is known by name. */
export interface PlantedMistake extends Plant {
  /** Its name, for the command line. */
  readonly name: string;
  /** What is wrong, in words; with the number of the case where it has one. */
  readonly description: string;
  /** The kind of world in which it shows soon; any by default. */
  readonly world?: WorldKind;
}
