/**
 * What follows when faults have stopped: as few nodes as can still decide must get something done (the core: TigerBeetle), then all
 * others come back and must be the same, and in the end all nodes are shut down and their disks compared.
 *
 * @module
 */
import { findServer } from "@coracle/core";
import { RELIABLE } from "../memory_network.ts";
import type { Prng } from "../prng.ts";
import type { Clients } from "./clients.ts";
import { leaderOf } from "./faults.ts";
import type { Machine } from "./machine.ts";
import type { KnownMembers } from "./members.ts";
import { nodeClient } from "./node_client.ts";
import { StoppedDisks } from "./stopped_disks.ts";
import type { World } from "./world.ts";

/** Within how many of the longest election timeouts a core that is left alone must get something done. */
export const LIVENESS_ELECTION_TIMEOUTS = 20;

/** How time passes in a simulation. Both reject with what is wrong as soon as something is. */
export interface PassingTime {
  /** Lets happen what is due until `atMs`. */
  runUntil(atMs: number): Promise<void>;
  /** Lets every promise settle that can. */
  settled(): Promise<void>;
}

/** What an {@linkcode Aftermath} needs. */
export interface AftermathOptions {
  /** The world whose faults have stopped. */
  readonly world: World;
  /** Which members count. */
  readonly members: KnownMembers;
  /** Those who call. */
  readonly clients: Clients;
  /** Chooses the core. */
  readonly random: Prng;
  /** How time passes. */
  readonly time: PassingTime;
}

/** See the module's description. Its phases are called in the order in which they stand. */
export class Aftermath {
  readonly #world: World;
  readonly #members: KnownMembers;
  readonly #clients: Clients;
  readonly #random: Prng;
  readonly #time: PassingTime;

  /** Nothing happens yet. */
  constructor({ world, members, clients, random, time }: AftermathOptions) {
    this.#world = world;
    this.#members = members;
    this.#clients = clients;
    this.#random = random;
    this.#time = time;
  }

  /** Faults stop for a core of nodes; the others are down. Says how many election timeouts it took the core to get something done. */
  async recover(): Promise<number> {
    const core = this.#core();
    this.#world.note(`-- faults stop; the core is ${core.map(({ id }) => id).join(", ")}`);
    this.#world.network.behaviour = {
      ...RELIABLE,
      latencyMinMs: 0,
      latencyMaxMs: this.#world.scenario.config.heartbeatTimeoutMs / 100,
    };
    for (const machine of this.#world.machines) {
      // Who has moved and was not announced is found where it was.
      for (const address of machine.formerAddresses) {
        this.#world.network.redirect(address, machine.address);
      }
      machine.diskBehaviour = {
        ...machine.diskBehaviour,
        syncMinMs: 0,
        syncMaxMs: this.#world.scenario.config.heartbeatTimeoutMs / 100,
        slowRate: 0,
      };
      if (core.includes(machine)) machine.start();
      else {
        machine.isHeld = true;
        machine.crash("kill", 0);
      }
    }
    const tookMs = await this.#progress(core);
    return tookMs / this.#electionTimeoutMs;
  }

  /** Everything is repaired: all members become the same, and nothing is left open. */
  async heal(): Promise<void> {
    this.#world.note("-- everything is repaired");
    for (const machine of this.#world.machines) {
      machine.isHeld = false;
      const isMember = findServer(this.#members.settled, machine.id) !== undefined;
      if (isMember) machine.start();
    }
    let isFinished = false;
    new Promise<void>((resolve) => resolve(this.#world.workload.finish?.())).then(
      () => isFinished = true,
      (error) => this.#world.fail(error),
    );
    await this.#progress(this.#world.machines);
    await this.#waitFor(
      LIVENESS_ELECTION_TIMEOUTS * this.#electionTimeoutMs,
      () => isFinished && this.#world.calls.open.length === 0 && this.#clients.busy === 0,
      () =>
        `these calls are not settled: ${
          this.#world.calls.open.join(", ")
        }; ${this.#clients.busy} clients are busy`,
    );
    await this.#progress(this.#world.machines);
    const machines = this.#world.machines.filter((machine) =>
      machine.isServing && !machine.isImpostor &&
      findServer(this.#members.settled, machine.id) !== undefined
    ).map(({ id, process }) => ({ id, machine: process!.fsm }));
    await this.#world.workload.check?.({ machines });
    await this.#time.settled();
  }

  /** All nodes are shut down, and their disks looked at. */
  async stop(): Promise<void> {
    const running = this.#world.machines.filter(({ isServing }) => isServing);
    const members = running.filter(({ id, isImpostor }) =>
      !isImpostor && findServer(this.#members.settled, id) !== undefined
    );
    // What is committed may still be on its way to a disk; what a node has applied is on its own.
    const committedIndex = Math.min(...members.map(appliedIndexOf));
    const lastProcesses = new Map(members.map(({ id, process }) => [id, process!]));
    this.#world.note("-- all nodes are shut down");
    for (const machine of running) {
      machine.isHeld = true;
      machine.shutdown(0);
    }
    await this.#waitFor(
      LIVENESS_ELECTION_TIMEOUTS * this.#electionTimeoutMs,
      () => running.every(({ process }) => process === undefined),
      () => "not all nodes have stopped",
    );
    const disks = new StoppedDisks(committedIndex);
    for (const { id, disk, isLost } of members) {
      if (!isLost) await disks.look(id, disk, lastProcesses.get(id)!.diskFailures > 0);
    }
  }

  /** Lets time pass until `condition` holds; returns how long it took. */
  async #waitFor(limitMs: number, condition: () => boolean, what: () => string): Promise<number> {
    const startMs = this.#world.clock.now();
    while (!condition()) {
      if (this.#world.clock.now() - startMs > limitMs) {
        throw new Error(`liveness: after ${limitMs.toFixed(0)} ms without faults ${what()}`);
      }
      await this.#time.runUntil(
        this.#world.clock.now() + this.#world.scenario.config.heartbeatTimeoutMs / 10,
      );
    }
    return this.#world.clock.now() - startMs;
  }

  get #electionTimeoutMs(): number {
    // Settings may have been changed meanwhile; clocks may be slow, but not slower than the world's.
    return 4 * this.#world.scenario.config.heartbeatTimeoutMs;
  }

  /** As few machines as can decide. */
  #core(): Machine[] {
    const core = this.#random.shuffle(this.#world.machines.filter(({ isLost }) => !isLost));
    const ids = (machines: readonly Machine[]) => new Set(machines.map(({ id }) => id));
    if (!this.#members.isMajority(ids(core))) throw new Error("the cluster has lost its majority");
    for (const machine of [...core]) {
      const fewer = core.filter((one) => one !== machine);
      if (this.#members.isMajority(ids(fewer))) core.splice(core.indexOf(machine), 1);
    }
    return core;
  }

  /** Waits until something new is committed and all members among `machines` have applied it. */
  async #progress(machines: readonly Machine[]): Promise<number> {
    const limitMs = LIVENESS_ELECTION_TIMEOUTS * this.#electionTimeoutMs + this.#backlogMs();
    let written: number | undefined;
    let isWriting = false;
    const write = (): void => {
      const leader = leaderOf(machines);
      if (isWriting || leader === undefined || !leader.isServing) return;
      isWriting = true;
      nodeClient(this.#world, leader, leader.process!).barrier({ timeoutMs: limitMs }).then(
        (index) => written ??= index,
        () => {},
      ).finally(() => isWriting = false);
    };
    const describe = (): string => {
      const what = written === undefined ? "nothing is written" : `${written} is not everywhere`;
      return `${what}: ${this.#world.machines.map(describeMachine).join("; ")}`;
    };
    return await this.#waitFor(limitMs, () => {
      if (written === undefined) write();
      const index = written ?? Infinity;
      const { settled } = this.#members;
      return machines.every((machine) =>
        // One whose disk turns out to have lost something is not waited for, nor one that has another.
        machine.isRetired || machine.isImpostor || findServer(settled, machine.id) === undefined ||
        appliedIndexOf(machine) >= index
      );
    }, describe);
  }

  /** How long it may take to send and write what has piled up, through the narrowest limits. */
  #backlogMs(): number {
    const last = Math.max(...this.#world.machines.map(({ image }) => image.lastIndex));
    const roundTripMs = this.#world.scenario.config.heartbeatTimeoutMs / 20;
    return last * roundTripMs;
  }
}

function appliedIndexOf({ isServing, process }: Machine): number {
  return isServing ? process!.raft!.appliedIndex : -1;
}

function describeMachine(machine: Machine): string {
  const { id } = machine;
  if (machine.isRetired) return `${id} is lost`;
  if (!machine.isUp) return `${id} is down`;
  const { term, role, log, commitIndex } = machine.state;
  return `${id}@${term} ${role.type}, log up to ${log.lastIndex}, commit ${commitIndex}, applied ` +
    `${appliedIndexOf(machine)}`;
}
