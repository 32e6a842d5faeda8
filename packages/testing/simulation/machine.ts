/**
 * One machine of a simulated cluster: a disk, a clock, and at most one process at a time, which may crash at any moment. What
 * the disk must hold is remembered over all its processes.
 *
 * @module
 */
import {
  type Configuration,
  InvariantViolation,
  type LogStore,
  NO_INDEX,
  type ServerAddress,
  type ServerId,
} from "@coracle/core";
import type { NodeState } from "@coracle/core/consensus";
import type { ObservedNode } from "../checkers/checker.ts";
import type { LogImage } from "../log_image.ts";
import { Prng } from "../prng.ts";
import { DiskImage } from "./disk_image.ts";
import { FsmFault, type FsmOperation } from "./faulty_fsm.ts";
import type { ClockError } from "./gate.ts";
import type { OwnDisk } from "./keeping_fsm.ts";
import { ExpectedLog } from "./observed_log.ts";
import { Process } from "./process.ts";
import type { CrashMoment } from "./script.ts";
import type { DiskBehaviour, DiskHost, DiskOperation } from "./simulated_disk.ts";
import type { World } from "./world.ts";

/** How a process ends that is not asked: the whole machine stops, or only the process. */
export type CrashKind = "power" | "kill";

/** A crash that waits for its moment: so many operations of the disk, messages sent, or promises waited for, from now. */
export interface CrashPoint {
  /** What is counted. */
  readonly at: CrashMoment;
  /** How many of them happen before. */
  count: number;
  /** How it ends. */
  readonly kind: CrashKind;
  /** How long until it is started again. */
  readonly downMs: number;
}

/** An operation of the disk that will fail. */
export interface DiskFault {
  /** Which kind of operation. */
  readonly kind: DiskOperation;
  /** How many of them succeed before. */
  count: number;
}

/** An operation of the state machine that will fail. */
export interface PlannedFsmFault {
  /** Which kind of operation. */
  readonly kind: FsmOperation;
  /** How many of them succeed before. */
  count: number;
}

/** Thrown while a store is opened of which a flipped bit has taken something. */
class DiskRotten extends Error {}

/** See the module's description. */
export class Machine implements ObservedNode {
  /** What its chances follow from. */
  readonly random: Prng;
  /** What must be in its log. */
  readonly expected: ExpectedLog = new ExpectedLog();
  /** How often it was started. */
  incarnation = 0;
  /** The process that runs, or is being started. */
  process: Process | undefined;
  /** It is never started again: its disk is lost. */
  isRetired = false;
  /** It was removed from the cluster and has stopped for that reason. */
  isRemoved = false;
  /** It must not be started for the time being. */
  isHeld = false;
  /** By how much somebody has moved its wall clock. */
  wallJumpMs = 0;
  /** What it is bootstrapped with, whenever it starts and holds nothing. */
  bootstrap: Configuration | undefined;
  /** How fast its disk is. */
  diskBehaviour: DiskBehaviour;
  /** How much its disk has room for. */
  diskCapacityBytes = Infinity;
  /** Until when its disk completes nothing. */
  stalledUntilMs = 0;
  /** The crash that it is heading for. */
  crashPoint: CrashPoint | undefined;
  /** Operations of its disk that will fail. */
  diskFaults: DiskFault[] = [];
  /** The operation of its state machine that will fail. */
  fsmFault: PlannedFsmFault | undefined;
  /** It will start again at another address. */
  isMoving = false;
  /** How often it has moved to another address. */
  moves = 0;
  /** Up to where its snapshots reach, as far as they are certainly there. */
  snapshotIndex = NO_INDEX;
  /** How much it is wanted as a leader. */
  readonly leaderPriority: number;
  /** What its disk holds. */
  disk: DiskImage = new DiskImage();
  /** What its state machine has written by itself. */
  readonly ownDisk: OwnDisk = { written: undefined };
  readonly #world: World;
  #isRotten = false;
  #pausedUntilMs = 0;
  /** Set while it is being shut down on purpose: how long until it is started again. */
  #downMs: number | undefined;

  /** A machine that is off. */
  constructor(
    world: World,
    readonly id: ServerId,
    readonly ordinal: number,
    readonly clockError: ClockError,
    seed: number,
    /** It has the name of a machine whose disk is lost, and an empty disk: nobody may count on it. */
    readonly isImpostor = false,
  ) {
    this.#world = world;
    this.random = new Prng(seed);
    this.diskBehaviour = world.scenario.disk;
    this.leaderPriority = this.random.pick(world.scenario.leaderPriorities);
  }

  /** Whether its disk is lost, or may turn out to be. */
  get isLost(): boolean {
    return this.isRetired || this.isImpostor || this.#isRotten;
  }

  /** Whether a process takes steps. */
  get isUp(): boolean {
    return this.process?.state !== undefined;
  }

  /** Whether it knows that it was removed, and is about to stop for that reason. */
  get isLeaving(): boolean {
    const state = this.process?.state;
    return state?.isRemoved === true && state.config.shutdownOnRemove;
  }

  /** The state of its consensus. Throws if it is down. */
  get state(): NodeState {
    const state = this.process?.state;
    if (state === undefined) throw new Error(`${this.id} is down`);
    return state;
  }

  /** What its disk holds of the log, as far as it has acknowledged it. */
  get image(): LogImage {
    return this.expected.image;
  }

  /** Whether it can be called. */
  get isServing(): boolean {
    return this.process?.raft !== undefined && this.process.raft.state !== "shutdown";
  }

  /** Where it listens. */
  get address(): ServerAddress {
    return this.moves === 0 ? this.id : `${this.id}/${this.moves}`;
  }

  /** Where it has listened before. */
  get formerAddresses(): ServerAddress[] {
    return Array.from({ length: this.moves }, (_, at) => at === 0 ? this.id : `${this.id}/${at}`);
  }

  /** Turns it on, if it may be. */
  start(): void {
    if (this.process !== undefined || this.isRetired || this.isHeld) return;
    this.incarnation += 1;
    if (this.isMoving) this.moves += 1;
    this.isMoving = false;
    this.isRemoved = false;
    this.#downMs = undefined;
    const process = new Process(this.#world, this, (one) => this.#host(one));
    this.process = process;
    this.#world.note(`${this.id} starts`);
    process.boot(this.bootstrap).catch((error) => {
      if (process.gate.isOpen) this.#bootFailed(process, error);
    });
  }

  /** Its process is gone from one moment to the next. It is started again after `downMs`. */
  crash(kind: CrashKind, downMs: number): void {
    const { process } = this;
    if (process === undefined) return;
    this.#world.note(`${this.id} ${kind === "power" ? "loses power" : "is killed"}`);
    process.crash();
    this.#gone(kind);
    this.#startAfter(downMs);
  }

  /** Its process is asked to stop. It is started again after `downMs`. */
  shutdown(downMs: number): void {
    const raft = this.process?.raft;
    if (raft === undefined || this.#downMs !== undefined) return;
    this.#world.note(`${this.id} is shut down`);
    this.#downMs = downMs;
    raft.shutdown();
  }

  /** Its process is asked to stop. After `downMs` it is started again at another address. */
  move(downMs: number): void {
    this.isMoving = true;
    this.shutdown(downMs);
  }

  /** Its disk is lost; it is never started again. */
  retire(why: string): void {
    if (this.isRetired) return;
    this.#world.note(`${this.id} is out of service: ${why}`);
    this.process?.crash();
    this.#gone("power");
    this.isRetired = true;
  }

  /** Its process stands still for a while, and does not know it. */
  pause(durationMs: number): void {
    const { process } = this;
    const { clock } = this.#world;
    const untilMs = clock.now() + durationMs;
    if (process === undefined || untilMs <= this.#pausedUntilMs) return;
    this.#pausedUntilMs = untilMs;
    process.gate.pause();
    clock.setTimer(durationMs, () => {
      if (this.process === process && clock.now() >= this.#pausedUntilMs) process.gate.resume();
    });
  }

  /** It goes on at once. */
  resume(): void {
    this.#pausedUntilMs = 0;
    this.process?.gate.resume();
  }

  /** One bit of one of its files flips while it is off. Returns where, in words. */
  rot(): string | undefined {
    if (this.process !== undefined) return undefined;
    const files = this.disk.files().filter(([path, { sizeBytes }]) =>
      sizeBytes > 0 && !path.endsWith("/lock")
    );
    if (files.length === 0) return undefined;
    const [path, file] = this.random.pick(files);
    const { offset, bit } = file.flipBit(this.random)!;
    this.#isRotten = true;
    return `bit ${bit} of byte ${offset} of ${path}`;
  }

  /** See {@linkcode ExpectedLog.reopened}. Throws if the disk has lost something for which it is excused. */
  logOpened(log: LogStore): void {
    let isWhole: boolean;
    try {
      isWhole = this.expected.reopened(this.id, log, this.#isRotten);
    } catch (error) {
      // To compare, it has to be read, and that may fail.
      if (error instanceof InvariantViolation) this.#world.fail(error);
      throw error;
    }
    if (!isWhole) throw new DiskRotten("what it has acknowledged is gone");
  }

  /** A message is leaving. */
  messageSent(): void {
    this.#towardsCrash("send");
  }

  /** Something comes in to `process` from outside. */
  entered(process: Process): void {
    const point = this.crashPoint;
    if (process !== this.process || point?.at !== "await") return;
    this.crashPoint = undefined;
    const turn = (): void => {
      if (process !== this.process) return;
      point.count -= 1;
      if (point.count < 0) this.crash(point.kind, point.downMs);
      else queueMicrotask(turn);
    };
    queueMicrotask(turn);
  }

  /** Its state machine is asked for something. Throws if that fails. */
  fsmAsked(operation: FsmOperation, process: Process): void {
    const fault = this.fsmFault;
    if (fault?.kind !== operation || process !== this.process) return;
    fault.count -= 1;
    if (fault.count >= 0) return;
    this.fsmFault = undefined;
    process.fsmFailures += 1;
    this.#world.note(`${this.id}'s state machine fails to ${operation}`);
    throw new FsmFault(`it cannot ${operation}`);
  }

  /** A name for a store that is made on it. */
  newStoreId(): string {
    const hex = Array.from(
      { length: 4 },
      () => this.random.uint32().toString(16).padStart(8, "0"),
    ).join("");
    const parts = [8, 12, 16, 20, 32].map((end, at, ends) => hex.slice(ends[at - 1] ?? 0, end));
    return parts.join("-");
  }

  /** The process has stopped by itself: it was asked to, it was removed, or `cause` made it stop. */
  stopped(process: Process, cause: unknown): void {
    const downMs = this.#downMs;
    this.#downMs = undefined;
    try {
      process.end();
    } catch (error) {
      this.#world.fail(error);
    }
    this.#world.note(`${this.id} has stopped${cause === undefined ? "" : `: ${cause}`}`);
    this.#world.network.vanish(this.id);
    this.#gone("kill");
    if (cause === undefined) {
      if (downMs === undefined) this.isRemoved = true;
      else this.#startAfter(downMs);
    } else this.#failed(process, cause);
  }

  #bootFailed(process: Process, error: unknown): void {
    this.#world.note(`${this.id} does not start: ${error}`);
    process.crash();
    this.#gone("kill");
    this.#failed(process, error);
  }

  /** It cannot go on. Is that because of what was done to it? */
  #failed({ diskFailures, fsmFailures }: Process, error: unknown): void {
    if (diskFailures > 0 || fsmFailures > 0) {
      this.#startAfter(this.random.between(0, 4) * this.#world.scenario.config.heartbeatTimeoutMs);
    } else if (this.#isRotten) this.retire(`${error}`);
    else this.#world.fail(error);
  }

  #gone(kind: CrashKind): void {
    if (kind === "power") this.disk.losePower(this.random);
    else this.disk.endProcess();
    this.process = undefined;
    this.crashPoint = undefined;
    this.#pausedUntilMs = 0;
    this.#world.watcher.down(this);
  }

  #startAfter(downMs: number): void {
    const { incarnation } = this;
    this.#world.clock.setTimer(downMs, () => {
      if (this.incarnation === incarnation) this.start();
    });
  }

  #host(process: Process): DiskHost {
    const { clock } = this.#world;
    return {
      image: this.disk,
      random: this.random,
      behaviour: () => this.diskBehaviour,
      capacityBytes: () => this.diskCapacityBytes,
      stalledMs: () => Math.max(0, this.stalledUntilMs - clock.now()),
      isAlive: () => process.gate.isOpen,
      after: (delayMs, callback) => void process.gate.after(delayMs, callback),
      operation: (kind, when, words) => this.#operation(kind, when, words),
      failed: () => process.diskFailures += 1,
    };
  }

  #operation(kind: DiskOperation, when: "before" | "after", words: string): "go on" | "fail" {
    if (when === "before" && this.#world.trace !== undefined) {
      this.#world.note(`${this.id} disk: ${words}`);
    }
    this.#towardsCrash(when === "before" ? "before operation" : "after operation");
    if (when === "after") return "go on";
    const fault = this.diskFaults.find((one) => one.kind === kind);
    if (fault === undefined) return "go on";
    fault.count -= 1;
    if (fault.count >= 0) return "go on";
    this.diskFaults = this.diskFaults.filter((one) => one !== fault);
    this.#world.note(`${this.id} fails to ${words}`);
    return "fail";
  }

  #towardsCrash(at: CrashPoint["at"]): void {
    const point = this.crashPoint;
    if (point === undefined || point.at !== at) return;
    point.count -= 1;
    if (point.count < 0) this.crash(point.kind, point.downMs);
  }
}
