/**
 * One process of a node: the real driver over the real store, from its start until it stops or crashes.
 *
 * @module
 */
import {
  type Configuration,
  type Fsm,
  type Message,
  Raft,
  type RaftOptions,
  type ServerId,
  silentLogger,
  type SnapshotPoint,
} from "@coracle/core";
import {
  type Effect,
  type Input,
  type NodeState,
  type Persist,
  step,
  type StepFunction,
  withStep,
} from "@coracle/core/consensus";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import type { ProcessCalls } from "./calls.ts";
import { faultyFsm } from "./faulty_fsm.ts";
import { keepingFsm } from "./keeping_fsm.ts";
import { Gate, ProcessClock } from "./gate.ts";
import { GatedTransport } from "./gated_transport.ts";
import type { Machine } from "./machine.ts";
import { observedFsm } from "./observed_fsm.ts";
import { ObservedLog } from "./observed_log.ts";
import { ObservedSnapshots } from "./observed_snapshots.ts";
import { type DiskHost, SimulatedDisk } from "./simulated_disk.ts";
import type { World } from "./world.ts";

/** Where a node keeps its data. */
export const DIRECTORY = "/data";

/** What is on its disk, opened. */
interface Stores {
  readonly log: FsLogStore;
  readonly snapshots: FsSnapshotStore;
}

/** See the module's description. */
export class Process {
  /** What comes in from outside. */
  readonly gate: Gate;
  /** Its time. */
  readonly clock: ProcessClock;
  /** Calls to it that are not settled. */
  readonly calls: ProcessCalls = new Set();
  /** Its state machine. */
  readonly fsm: Fsm;
  /** The driver, once it is there. */
  raft: Raft | undefined;
  /** The state of its consensus, once it has taken a step. */
  state: NodeState | undefined;
  /** The last entry that its state machine has applied. */
  appliedIndex = 0;
  /** How many operations of its disk have failed. */
  diskFailures = 0;
  /** How often its state machine has failed. */
  fsmFailures = 0;
  readonly #world: World;
  readonly #machine: Machine;
  readonly #disk: SimulatedDisk;

  /** A process that has not begun yet. `host`: what its disk is. */
  constructor(world: World, machine: Machine, host: (process: Process) => DiskHost) {
    this.#world = world;
    this.#machine = machine;
    this.gate = new Gate(world.clock, () => machine.entered(this));
    this.clock = new ProcessClock(
      world.clock,
      this.gate,
      machine.clockError,
      () => machine.wallJumpMs,
    );
    this.fsm = world.workload.fsm();
    this.#disk = new SimulatedDisk(host(this));
  }

  /** Opens the stores, starts the driver, and bootstraps it if it holds nothing and `bootstrap` is given. */
  async boot(bootstrap: Configuration | undefined): Promise<void> {
    const isAlive = (): boolean => this.gate.isOpen;
    const stores = await this.#openStores();
    // Killed between its disk's last answer and now, it takes no address from the process that comes after it.
    if (!isAlive()) return await new Promise<never>(() => {});
    const inner = this.#world.plant.step ?? step;
    const raft = await Raft.create(withStep(this.#options(stores), this.#step(inner)));
    this.raft = raft;
    raft.stopped.then((cause) => {
      if (isAlive()) this.#machine.stopped(this, cause);
    });
    raft.start();
    if (bootstrap !== undefined && raft.lastIndex === 0 && raft.term === 0) {
      // It may be refused or lost like any other call; then it is made at the next start.
      await raft.bootstrap(bootstrap).catch(() => {});
    }
  }

  /** Nothing comes in or goes out any more. */
  crash(): void {
    this.gate.shut();
    this.#disk.crash();
    this.#world.network.vanish(this.#machine.id);
    this.#world.calls.crash(this.calls);
  }

  /** It has stopped by itself. Files that are still open are a leak. */
  end(): void {
    this.gate.shut();
    if (this.#disk.openCount !== 0) {
      throw new Error(
        `${this.#machine.id} has stopped with ${this.#disk.openCount} files or locks open`,
      );
    }
  }

  async #openStores(): Promise<Stores> {
    const { plant, scenario } = this.#world;
    const { segmentSizeBytes, reserveSizeBytes, cacheSizeBytes, retain, blockSizeBytes } =
      scenario.store;
    const place = {
      directory: DIRECTORY,
      nodeId: this.#machine.id,
      fs: plant.fileSystem?.(this.#disk) ?? this.#disk,
      clock: this.clock,
      newStoreId: () => this.#machine.newStoreId(),
    };
    const log = await FsLogStore.open({
      ...place,
      segmentSizeBytes,
      reserveSizeBytes,
      cacheSizeBytes,
    });
    try {
      this.#machine.logOpened(log);
      return { log, snapshots: await FsSnapshotStore.open({ ...place, retain, blockSizeBytes }) };
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** The driver over these stores, each of which may have a mistake planted and is watched. */
  #options({ log, snapshots }: Stores): RaftOptions<unknown> {
    const { scenario, plant, network, trace } = this.#world;
    const { id, address, expected, leaderPriority, random } = this.#machine;
    const transport = new GatedTransport(
      network.transport(id, address),
      this.gate,
      (...args) => this.#sent(...args),
    );
    return {
      id,
      fsm: this.#fsm(),
      log: new ObservedLog(
        plant.log?.(log) ?? log,
        expected,
        () => this.gate.isOpen,
        (write) => this.#written(write),
      ),
      snapshots: new ObservedSnapshots(
        plant.snapshots?.(snapshots) ?? snapshots,
        (...args) => this.#snapshotStored(...args),
      ),
      transport: plant.transport?.(transport) ?? transport,
      config: { ...scenario.config, leaderPriority },
      clock: this.clock,
      logger: trace === undefined ? silentLogger : this.#logger(),
      seed: random.uint32() | 0,
    };
  }

  #step(inner: StepFunction): StepFunction {
    return (state: NodeState, input: Input, nowMs: number): Effect[] => {
      if (!this.gate.isOpen) return [];
      if (this.state === undefined) {
        this.state = state;
        this.#world.watcher.started(this.#machine);
      }
      const effects = inner(state, input, nowMs);
      this.#world.watcher.stepped(this.#machine, input, effects);
      return effects;
    };
  }

  #fsm(): Fsm {
    const { plant, scenario } = this.#world;
    const { ownDisk, random } = this.#machine;
    const inner = plant.fsm?.(this.fsm) ?? this.fsm;
    const keeps = scenario.keepsState && inner.snapshot !== undefined;
    const faulty = faultyFsm(
      keeps ? keepingFsm(inner, ownDisk, random) : inner,
      (operation) => this.#machine.fsmAsked(operation, this),
    );
    return observedFsm(faulty, {
      applied: (entry, response) => {
        if (this.gate.isOpen) this.#world.watcher.applied(this.#machine, this, entry, response);
      },
      restored: () => {
        if (this.gate.isOpen) this.#world.watcher.restored(this.#machine, this);
      },
    });
  }

  #written(write: Persist): void {
    this.#world.watcher.written(this.#machine, write);
  }

  #sent(to: ServerId, message: Message): void {
    this.#world.watcher.sent(this.#machine, to, message);
    this.#machine.messageSent();
  }

  #snapshotStored(point: SnapshotPoint, checksum: number): void {
    if (!this.gate.isOpen) return;
    const { snapshotIndex } = this.#machine;
    if (point.lastIncludedIndex > snapshotIndex) {
      this.#machine.snapshotIndex = point.lastIncludedIndex;
    }
    this.#world.watcher.snapshotStored(this.#machine, point, checksum);
  }

  #logger() {
    const say = (level: string) => (message: string, properties: Record<string, unknown> = {}) => {
      const text = message.replaceAll(/\{(\w+)\}/g, (_, name) => {
        const value = properties[name];
        return value instanceof Error || typeof value !== "object"
          ? `${value}`
          : JSON.stringify(value);
      });
      this.#world.note(`${this.#machine.id} ${level}: ${text}`);
    };
    return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  }
}
