/**
 * One run: a cluster of whole nodes in a world that one seed determines. First what the script says happens (safety phase).
 * Then faults stop for as few nodes as can still decide, and they must get something done (liveness phase; TigerBeetle calls
 * these nodes the core). Then everything is repaired, and all nodes must be the same.
 *
 * @module
 */
import {
  type Configuration,
  type Entry,
  findServer,
  type Fsm,
  type Message,
  type ServerId,
  type SnapshotPoint,
} from "@coracle/core";
import type { Effect, Input, Persist } from "@coracle/core/consensus";
import type { Checker, ObservedCluster } from "../checkers/checker.ts";
import { allCheckers } from "../checkers/mod.ts";
import { MemoryNetwork, RELIABLE } from "../memory_network.ts";
import { effectText, inputText, nodeText } from "../notation.ts";
import { Prng } from "../prng.ts";
import { settle, VirtualClock } from "../virtual_clock.ts";
import { AppliedStates } from "./applied_states.ts";
import { calmed, type CalmPart } from "./calm.ts";
import { Calls } from "./calls.ts";
import { Clients } from "./clients.ts";
import { Faults, leaderOf } from "./faults.ts";
import { Machine } from "./machine.ts";
import { KnownMembers } from "./members.ts";
import { nodeClient } from "./node_client.ts";
import { Operators } from "./operators.ts";
import type { Plant } from "./plant.ts";
import type { Process } from "./process.ts";
import { drawClockError, drawScenario, type Scenario } from "./scenario.ts";
import { drawScript, eventText, type ScriptEvent } from "./script.ts";
import { StoppedDisks } from "./stopped_disks.ts";
import type { Workload } from "./workload.ts";
import type { Watcher, World } from "./world.ts";

/** A run is longer than any should be: it goes round in a circle. */
const STEPS_MAX = 2_000_000;

/** Within how many of the longest election timeouts a core that is left alone must get something done. */
export const LIVENESS_ELECTION_TIMEOUTS = 20;

/** How a simulation is run. */
export interface SimulationOptions {
  /** Determines everything. */
  readonly seed: number;
  /** What runs on the nodes, and who calls. */
  readonly workload: Workload<Fsm, unknown>;
  /** Which events of the script happen, by their places in it; all by default. */
  readonly events?: readonly number[] | undefined;
  /** What is harmless in this world; nothing by default. */
  readonly calm?: readonly CalmPart[] | undefined;
  /** Mistakes, for tests of the simulation itself. */
  readonly plant?: Plant | undefined;
  /** Is told everything that happens, a line at a time. */
  readonly trace?: ((line: string) => void) | undefined;
}

/** What a run was like. */
export interface SimulationResult {
  /** Steps of the consensus that all nodes took. */
  readonly steps: number;
  /** Virtual time that passed. */
  readonly virtualMs: number;
  /** Faults that have happened, by kind. */
  readonly faults: ReadonlyMap<string, number>;
  /** What has come of it in the consensus, by kind: leaders elected, snapshots installed, logs truncated, and so on. */
  readonly events: ReadonlyMap<string, number>;
  /** Calls by kind and outcome. */
  readonly calls: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** The last entry that was committed. */
  readonly committed: number;
  /** The last term. */
  readonly terms: number;
  /** How many of the longest election timeouts it took until the core had got something done. */
  readonly recoveryElectionTimeouts: number;
  /** A number that follows from everything that happened. */
  readonly digest: number;
}

/** See the module's description. */
export class Simulation implements Watcher, ObservedCluster {
  /** What kind of world it is. */
  readonly scenario: Scenario;
  /** What happens. */
  readonly script: readonly ScriptEvent[];
  /** The nodes, by ordinal. */
  readonly nodes: Machine[] = [];
  /** Steps so far. */
  steps = 0;
  readonly #random: Prng;
  readonly #clock = new VirtualClock();
  readonly #world: World;
  readonly #checkers: readonly Checker[];
  readonly #states: AppliedStates;
  readonly #members = new KnownMembers();
  readonly #faults: Faults;
  readonly #operators: Operators;
  readonly #clients: Clients;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #events = new Map<string, number>();
  #failure: { readonly error: unknown } | undefined;
  #digest = 0;

  /** Draws the world. Nothing happens before {@linkcode Simulation.run}. */
  constructor(options: SimulationOptions) {
    const { workload, plant, trace } = options;
    const random = this.#random = new Prng(options.seed);
    const clock = this.#clock;
    this.#trace = trace;
    const drawn = drawScenario(random);
    const script = drawScript(new Prng(random.uint32()), drawn);
    this.script = options.events?.flatMap((at) => script[at] ?? []) ?? script;
    const scenario = this.scenario = calmed(drawn, options.calm ?? []);
    const network = new MemoryNetwork({
      clock,
      random: new Prng(random.uint32()),
      behaviour: scenario.network,
    });
    const calls = new Calls(() => clock.now(), (kind, id, outcome) => {
      this.#mix(outcome.length + kind.length);
      if (trace !== undefined) this.#note(`    ${kind} to ${id}: ${outcome}`);
    });
    const world = this.#world = {
      clock,
      network,
      scenario,
      workload,
      calls,
      plant: plant ?? {},
      watcher: this,
      machines: this.nodes,
      trace,
      note: (line) => this.#note(line),
      fail: (error) => this.#failure ??= { error },
    };
    this.#checkers = allCheckers(this);
    const { digest } = workload;
    this.#states = new AppliedStates(digest && (({ fsm }) => digest.call(workload, fsm)));
    this.#operators = new Operators(world, () => this.#newMachine());
    this.#faults = new Faults(world, this.#members, () => this.#operators.isChanging);
    this.#clients = new Clients(world);
  }

  /** The virtual time. */
  get nowMs(): number {
    return this.#clock.now();
  }

  /** Runs all phases. Rejects with whatever a checker or the workload finds wrong. */
  async run(): Promise<SimulationResult> {
    this.#bootstrap();
    for (const event of this.script) {
      await this.#runUntil(event.atMs);
      this.#happen(event);
      await this.#settled();
    }
    await this.#runUntil(this.scenario.durationMs);
    const recoveryElectionTimeouts = await this.#recover();
    await this.#heal();
    for (const checker of this.#checkers) checker.finished?.();
    const committed = Math.max(...this.nodes.map((one) => (one.isUp ? one.state.commitIndex : 0)));
    const terms = Math.max(...this.nodes.map((one) => (one.isUp ? one.state.term : 0)));
    await this.#stop();
    const { stats } = this.#world.network;
    const faults = this.#faults.counts;
    faults.set("message lost", stats.lost + stats.unreachable);
    faults.set("message repeated", stats.repeated);
    faults.set("message reordered", stats.reordered);
    return {
      steps: this.steps,
      virtualMs: this.nowMs,
      faults,
      events: this.#events,
      calls: this.#world.calls.counts,
      committed,
      terms,
      recoveryElectionTimeouts,
      digest: this.#digest,
    };
  }

  /** See {@linkcode Watcher.started}. */
  started(machine: Machine): void {
    this.#members.saw(machine.state);
    this.#check(() => {
      for (const checker of this.#checkers) checker.started?.(machine);
    });
  }

  /** See {@linkcode Watcher.stepped}. */
  stepped(machine: Machine, input: Input, effects: readonly Effect[]): void {
    this.steps += 1;
    const { state } = machine;
    this.#mix(
      state.term + state.commitIndex * 7 + state.log.lastIndex * 13 + effects.length * 17 +
        machine.ordinal,
    );
    if (this.#trace !== undefined) {
      this.#note(`${nodeText(state)} ${inputText(input)}`);
      for (const effect of effects) this.#note(`    ${effectText(effect, state)}`);
    }
    this.#check(() => {
      for (const checker of this.#checkers) checker.stepped?.(machine, input, effects);
    });
    for (const effect of effects) this.#happened(machine, effect);
  }

  /** See {@linkcode Watcher.written}. */
  written(machine: Machine, write: Persist): void {
    this.#check(() => {
      for (const checker of this.#checkers) checker.written?.(machine, write);
    });
  }

  /** See {@linkcode Watcher.sent}. */
  sent(machine: Machine, to: ServerId, message: Message): void {
    this.#check(() => {
      for (const checker of this.#checkers) checker.sent?.(machine, to, message);
    });
  }

  /** See {@linkcode Watcher.applied}. */
  applied(machine: Machine, process: Process, entry: Entry, response: unknown): void {
    this.#check(() => this.#states.applied(machine, process, entry, response));
  }

  /** See {@linkcode Watcher.restored}. */
  restored(): void {}

  /** See {@linkcode Watcher.snapshotStored}. */
  snapshotStored(machine: Machine, point: SnapshotPoint, checksum: number): void {
    this.#count("snapshot stored");
    this.#check(() => this.#states.snapshotStored(machine, point, checksum));
  }

  /** See {@linkcode Watcher.down}. */
  down(): void {}

  #check(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#world.fail(error);
    }
  }

  #happened(machine: Machine, effect: Effect): void {
    switch (effect.type) {
      case "commit":
        return this.#members.saw(machine.state);
      case "configurationChanged":
        this.#count("configuration changed");
        return this.#members.saw(machine.state);
      case "roleChanged":
        if (effect.role !== "leader") return;
        this.#count("leader elected");
        return this.#faults.elected(machine);
      case "installSnapshot":
        this.#count("snapshot installed");
        machine.process!.appliedIndex = 0;
        return;
      case "persist":
        if (effect.truncateFrom !== undefined) this.#count("log truncated");
        return;
      default:
        return;
    }
  }

  #count(event: string): void {
    this.#events.set(event, (this.#events.get(event) ?? 0) + 1);
  }

  #mix(number: number): void {
    this.#digest = (Math.imul(this.#digest, 31) + number) | 0;
  }

  #note(line: string): void {
    this.#trace?.(`${this.nowMs.toFixed(3).padStart(12)}  ${line}`);
  }

  #newMachine(): Machine {
    const ordinal = this.nodes.length;
    const machine = new Machine(
      this.#world,
      `n${ordinal + 1}`,
      ordinal,
      drawClockError(this.#random, this.scenario),
      this.#random.uint32(),
    );
    this.nodes.push(machine);
    this.#faults.obstacles.apply();
    return machine;
  }

  #bootstrap(): void {
    const { voters, nonvoters, isEachBootstrapped } = this.scenario;
    for (let at = 0; at < voters + nonvoters; at += 1) this.#newMachine();
    const configuration: Configuration = {
      servers: this.nodes.map(({ id }, at) => ({
        id,
        address: id,
        suffrage: at < voters ? "voter" : "nonvoter",
      })),
    };
    for (const [at, machine] of this.nodes.entries()) {
      if (at === 0 || isEachBootstrapped) machine.bootstrap = configuration;
      machine.start();
    }
  }

  #happen(event: ScriptEvent): void {
    this.#check(() => this.#world.calls.checkBounds(this.scenario.config.pendingCallsMax));
    if (this.#trace !== undefined && event.kind !== "visit") this.#note(`-- ${eventText(event)}`);
    if (event.kind === "visit") this.#clients.visit(event);
    else if (!this.#faults.strike(event)) this.#operators.operate(event);
  }

  async #runUntil(atMs: number): Promise<void> {
    while (this.#clock.nextTimerAtMs <= atMs) {
      this.#clock.runNext();
      await this.#settled();
      if (this.steps > STEPS_MAX) throw new Error(`more than ${STEPS_MAX} steps`);
    }
    this.#clock.runUntil(atMs);
  }

  async #settled(): Promise<void> {
    await settle();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Lets time pass until `condition` holds; returns how long it took. */
  async #waitFor(limitMs: number, condition: () => boolean, what: () => string): Promise<number> {
    const startMs = this.nowMs;
    while (!condition()) {
      if (this.nowMs - startMs > limitMs) {
        throw new Error(`liveness: after ${limitMs.toFixed(0)} ms without faults ${what()}`);
      }
      await this.#runUntil(this.nowMs + this.scenario.config.heartbeatTimeoutMs / 10);
    }
    return this.nowMs - startMs;
  }

  get #electionTimeoutMs(): number {
    // Settings may have been changed meanwhile; clocks may be slow, but not slower than the world's.
    return 4 * this.scenario.config.heartbeatTimeoutMs;
  }

  /** Faults stop for a core of nodes; the others are down. Says how many election timeouts it took the core to get something done. */
  async #recover(): Promise<number> {
    this.#faults.stop();
    this.#operators.stop();
    await this.#settled();
    const core = this.#core();
    this.#note(`-- faults stop; the core is ${core.map(({ id }) => id).join(", ")}`);
    this.#world.network.behaviour = {
      ...RELIABLE,
      latencyMinMs: 0,
      latencyMaxMs: this.scenario.config.heartbeatTimeoutMs / 100,
    };
    for (const machine of this.nodes) {
      machine.diskBehaviour = {
        ...machine.diskBehaviour,
        syncMinMs: 0,
        syncMaxMs: this.scenario.config.heartbeatTimeoutMs / 100,
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

  /** As few machines as can decide. */
  #core(): Machine[] {
    const core = this.#random.shuffle(this.nodes.filter(({ isLost }) => !isLost));
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
      return `${what}: ${this.nodes.map(describeMachine).join("; ")}`;
    };
    return await this.#waitFor(limitMs, () => {
      if (written === undefined) write();
      const index = written ?? Infinity;
      const { settled } = this.#members;
      return machines.every((machine) =>
        // One whose disk turns out to have lost something is not waited for.
        machine.isRetired || findServer(settled, machine.id) === undefined ||
        appliedIndexOf(machine) >= index
      );
    }, describe);
  }

  /** How long it may take to send and write what has piled up, through the narrowest limits. */
  #backlogMs(): number {
    const last = Math.max(...this.nodes.map(({ image }) => image.lastIndex));
    const roundTripMs = this.scenario.config.heartbeatTimeoutMs / 20;
    return last * roundTripMs;
  }

  /** Everything is repaired: all members become the same, and nothing is left open. */
  async #heal(): Promise<void> {
    this.#note("-- everything is repaired");
    for (const machine of this.nodes) {
      machine.isHeld = false;
      const isMember = findServer(this.#members.settled, machine.id) !== undefined;
      if (isMember) machine.start();
    }
    let isFinished = false;
    new Promise<void>((resolve) => resolve(this.#world.workload.finish?.())).then(
      () => isFinished = true,
      (error) => this.#world.fail(error),
    );
    await this.#progress(this.nodes);
    await this.#waitFor(
      LIVENESS_ELECTION_TIMEOUTS * this.#electionTimeoutMs,
      () => isFinished && this.#world.calls.open.length === 0 && this.#clients.busy === 0,
      () =>
        `these calls are not settled: ${
          this.#world.calls.open.join(", ")
        }; ${this.#clients.busy} clients are busy`,
    );
    await this.#progress(this.nodes);
    const machines = this.nodes.filter((machine) =>
      machine.isServing && findServer(this.#members.settled, machine.id) !== undefined
    ).map(({ id, process }) => ({ id, machine: process!.fsm }));
    await this.#world.workload.check?.({ machines });
    await this.#settled();
  }

  /** All nodes are shut down, and their disks looked at. */
  async #stop(): Promise<void> {
    const running = this.nodes.filter(({ isServing }) => isServing);
    const members = running.filter(({ id }) => findServer(this.#members.settled, id) !== undefined);
    const committedIndex = Math.min(...members.map(({ state }) => state.commitIndex));
    this.#note("-- all nodes are shut down");
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
      if (!isLost) await disks.look(id, disk);
    }
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
