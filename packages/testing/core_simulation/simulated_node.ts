/**
 * A pure core in a simulated machine: with a clock of its own, a disk that takes its time, a network, and power
 * that fails.
 *
 * @module
 */
import type { Configuration, Message, ServerId, TransportHandler } from "@coracle/core";
import {
  configurationOf,
  type Effect,
  type Input,
  type Persist,
  type StepFunction,
} from "@coracle/core/consensus";
import { CoreNode, type CoreNodeHost } from "../core_node.ts";
import type { MemoryNetwork } from "../memory_network.ts";
import type { MemoryTransport } from "../memory_transport.ts";
import type { Prng } from "../prng.ts";
import type { VirtualClock } from "../virtual_clock.ts";
import type { DiskBehaviour, Scenario } from "./scenario.ts";

/** Shortest time between a deadline's wake-up and the next try, should rounding have made it early. */
const TIMER_MIN_MS = 0.001;

/** What a {@linkcode SimulatedNode} lives in. */
export interface Machine {
  /** The time of the world; the node's own clock may differ. */
  readonly clock: VirtualClock;
  /** The network. */
  readonly network: MemoryNetwork;
  /** Decides how long a disk takes. */
  readonly random: Prng;
  /** Size, settings, behaviours. */
  readonly scenario: Scenario;
  /** What decides. */
  readonly step: StepFunction;
  /** Who watches. */
  readonly watcher: Watcher;
}

/** Who watches a {@linkcode SimulatedNode}. */
export interface Watcher extends CoreNodeHost {
  /** It has started. */
  started(node: CoreNode): void;
}

/** See the module's description. */
export class SimulatedNode implements TransportHandler, CoreNodeHost {
  /** The core and its disk. */
  readonly core: CoreNode;
  /** How its disk behaves; the simulation may change it. */
  disk: DiskBehaviour;
  /** What it is bootstrapped with, whenever it starts and holds nothing. */
  bootstrap: Configuration | undefined;
  readonly #machine: Machine;
  readonly #clock: { readonly rate: number; readonly offsetMs: number };
  #transport: MemoryTransport | undefined;
  #armedAtMs = Infinity;
  #cancelTimer: (() => void) | undefined;
  /** How many of the writes that wait the disk is writing; 0 if it is idle. */
  #writing = 0;
  #cancelWrite: (() => void) | undefined;
  #stalledUntilMs = 0;
  #pausedUntilMs = 0;
  /** What happened to it while it was paused. */
  #missed: (() => void)[] = [];

  /** A node that is off. */
  constructor(machine: Machine, id: ServerId, ordinal: number) {
    const { scenario, random, step } = machine;
    this.#machine = machine;
    this.#clock = scenario.clocks[ordinal]!;
    this.disk = scenario.disk;
    const seed = random.uint32();
    this.core = new CoreNode({ id, ordinal, config: scenario.config, seed, step }, this);
  }

  /** Its name. */
  get id(): ServerId {
    return this.core.id;
  }

  /** Turns it on. */
  start(): void {
    this.#transport = this.#machine.network.transport(this.id);
    this.#transport.start(this);
    this.core.start(this.#nowMs());
    this.#machine.watcher.started(this.core);
    this.#setPeers();
    this.#arm();
    const { term, log } = this.core.state;
    if (this.bootstrap === undefined || term > 0 || log.lastIndex > 0) return;
    this.input({ type: "bootstrap", configuration: this.bootstrap });
  }

  /** The power fails. Of the writes that the disk is at, a random number is done, in order. */
  crash(): void {
    const kept = this.#machine.random.int(0, this.#writing);
    this.#machine.network.vanish(this.id);
    this.#transport = undefined;
    this.#cancelTimer?.();
    this.#armedAtMs = Infinity;
    this.#cancelWrite?.();
    this.#writing = 0;
    this.#missed = [];
    this.#pausedUntilMs = 0;
    this.core.crash(kept);
  }

  /** Gives it an input, unless it is off. If it is paused, it gets it afterwards. */
  input(input: Input): void {
    this.#do(() => {
      this.core.input(input, this.#nowMs());
      this.#afterwards();
    });
  }

  /** Its disk completes nothing for a while. */
  stall(durationMs: number): void {
    this.#stalledUntilMs = this.#machine.clock.now() + durationMs;
  }

  /** It does nothing for a while. */
  pause(durationMs: number): void {
    const { clock } = this.#machine;
    const untilMs = clock.now() + durationMs;
    if (!this.core.isUp || untilMs <= this.#pausedUntilMs) return;
    this.#pausedUntilMs = untilMs;
    const { incarnation } = this.core;
    clock.setTimer(durationMs, () => {
      if (this.#isOlder(incarnation) || clock.now() < this.#pausedUntilMs) return;
      this.resume();
    });
  }

  /** It goes on, first with what it has missed. */
  resume(): void {
    this.#pausedUntilMs = 0;
    const missed = this.#missed;
    this.#missed = [];
    for (const action of missed) action();
  }

  /** Its disk works again, and completes what it is at. */
  unstall(): void {
    this.#stalledUntilMs = 0;
    if (this.#writing === 0) return;
    this.#cancelWrite?.();
    this.#complete(this.#writing, this.disk.latencyMaxMs);
  }

  /** Messages have arrived. */
  receive(from: ServerId, messages: readonly Message[]): void {
    this.input({ type: "received", from, messages });
  }

  /** No snapshots are made here: every entry stays in the log. */
  receiveSnapshot(): Promise<void> {
    return Promise.reject(new Error("a simulated core takes no snapshots"));
  }

  /** A connection is lost. */
  disconnected(peer: ServerId): void {
    this.input({ type: "disconnected", peer });
  }

  /** See {@linkcode CoreNodeHost.send}. */
  send(node: CoreNode, to: ServerId, message: Message): void {
    this.#machine.watcher.send(node, to, message);
    this.#transport!.send(to, message);
  }

  /** See {@linkcode CoreNodeHost.stepped}. */
  stepped(node: CoreNode, input: Input, effects: readonly Effect[]): void {
    this.#machine.watcher.stepped(node, input, effects);
    if (effects.some((one) => one.type === "configurationChanged")) this.#setPeers();
  }

  /** See {@linkcode CoreNodeHost.written}. */
  written(node: CoreNode, write: Persist): void {
    this.#machine.watcher.written?.(node, write);
  }

  #nowMs(): number {
    return this.#clock.offsetMs + this.#machine.clock.now() * this.#clock.rate;
  }

  #isOlder(incarnation: number): boolean {
    return !this.core.isUp || this.core.incarnation !== incarnation;
  }

  #do(action: () => void): void {
    if (!this.core.isUp) return;
    if (this.#machine.clock.now() < this.#pausedUntilMs) this.#missed.push(action);
    else action();
  }

  #afterwards(): void {
    this.#write();
    this.#arm();
  }

  /** The disk takes everything that waits, unless it is at work. */
  #write(): void {
    const count = this.core.waiting.length;
    if (this.#writing > 0 || count === 0) return;
    this.#writing = count;
    const { clock, random } = this.#machine;
    const { latencyMinMs, latencyMaxMs, slowRate, slowMaxMs } = this.disk;
    const latencyMs = random.chance(slowRate)
      ? random.between(latencyMaxMs, latencyMaxMs + slowMaxMs)
      : random.between(latencyMinMs, latencyMaxMs);
    const stalledMs = Math.max(0, this.#stalledUntilMs - clock.now());
    this.#complete(count, stalledMs + latencyMs);
  }

  #complete(count: number, delayMs: number): void {
    const { incarnation } = this.core;
    this.#cancelWrite = this.#machine.clock.setTimer(delayMs, () => {
      if (this.#isOlder(incarnation)) return;
      this.#do(() => {
        this.#writing = 0;
        this.core.complete(count, this.#nowMs());
        this.#afterwards();
      });
    });
  }

  /** As in a real driver, a timer may go off early and find nothing to do. */
  #arm(): void {
    const { clock } = this.#machine;
    const atMs = (this.core.deadlineMs - this.#clock.offsetMs) / this.#clock.rate;
    if (atMs >= this.#armedAtMs) return;
    this.#cancelTimer?.();
    this.#armedAtMs = atMs;
    const { incarnation } = this.core;
    this.#cancelTimer = clock.setTimer(Math.max(TIMER_MIN_MS, atMs - clock.now()), () => {
      if (!this.#isOlder(incarnation)) this.#do(() => this.#timer());
    });
  }

  #timer(): void {
    this.#armedAtMs = Infinity;
    if (this.#nowMs() >= this.core.deadlineMs) {
      this.core.input({ type: "tick" }, this.#nowMs());
      this.#afterwards();
    } else this.#arm();
  }

  #setPeers(): void {
    const { servers } = configurationOf(this.core.state);
    this.#transport!.setPeers(servers.filter(({ id }) => id !== this.id));
  }
}
