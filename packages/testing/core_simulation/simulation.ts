/**
 * One run of a cluster of pure cores in a world that one seed determines: a safety phase full of faults, then a
 * liveness phase in which all faults have stopped.
 *
 * @module
 */
import type { Configuration, Message, ServerId, Suffrage } from "@coracle/core";
import {
  type Effect,
  type Input,
  type Persist,
  step,
  type StepFunction,
} from "@coracle/core/consensus";
import type { CoreNode } from "../core_node.ts";
import { MemoryNetwork, RELIABLE } from "../memory_network.ts";
import { effectText, inputText, nodeText, writeText } from "../notation.ts";
import { Prng } from "../prng.ts";
import { VirtualClock } from "../virtual_clock.ts";
import type { Checker, ObservedCluster, ObservedNode } from "../checkers/checker.ts";
import { allCheckers } from "../checkers/mod.ts";
import { type FaultCounts, Faults } from "./faults.ts";
import { Liveness, livenessLimitMs, longestElectionTimeoutMs } from "./liveness.ts";
import { Load } from "./load.ts";
import { drawScenario, type Scenario } from "./scenario.ts";
import { SimulatedNode, type Watcher } from "./simulated_node.ts";

/** A run is longer than any should be: it goes round in a circle. */
const STEPS_MAX = 2_000_000;

/** How a simulation is run. */
export interface SimulationOptions {
  /** Determines everything. */
  readonly seed: number;
  /** What decides; the consensus by default. Tests plant bugs here. */
  readonly step?: StepFunction;
  /** Is told everything that happens, a line at a time. */
  readonly trace?: (line: string) => void;
}

/** What a run was like. */
export interface SimulationResult {
  /** Steps that the cores took. */
  readonly steps: number;
  /** Virtual time that passed. */
  readonly virtualMs: number;
  /** Faults by kind. */
  readonly faults: FaultCounts;
  /** Entries that were committed. */
  readonly committed: number;
  /** The last term. */
  readonly terms: number;
  /** How many of the longest election timeouts the liveness phase took. */
  readonly recoveryElectionTimeouts: number;
  /** A number that follows from everything that happened. */
  readonly digest: number;
}

/** See the module's description. */
export class Simulation implements Watcher, ObservedCluster {
  /** What is simulated. */
  readonly scenario: Scenario;
  /** The nodes as checkers see them. */
  readonly nodes: readonly ObservedNode[];
  /** Steps so far. */
  steps = 0;
  readonly #clock = new VirtualClock();
  readonly #network: MemoryNetwork;
  readonly #machines: readonly SimulatedNode[];
  readonly #checkers: readonly Checker[];
  readonly #faults: Faults;
  readonly #load: Load;
  readonly #trace: ((line: string) => void) | undefined;
  #digest = 0;

  /** Draws the world. Nothing happens before {@linkcode Simulation.run}. */
  constructor(options: SimulationOptions) {
    const random = new Prng(options.seed);
    const clock = this.#clock;
    this.#trace = options.trace;
    this.scenario = drawScenario(random);
    const { scenario } = this;
    this.#network = new MemoryNetwork({ clock, random, behaviour: scenario.network });
    const machine = {
      clock,
      network: this.#network,
      random,
      scenario,
      step: options.step ?? step,
      watcher: this,
    };
    const count = scenario.voters + scenario.nonvoters;
    this.#machines = Array.from(
      { length: count },
      (_, at) => new SimulatedNode(machine, `n${at + 1}`, at),
    );
    this.nodes = this.#machines.map((one) => one.core);
    this.#checkers = allCheckers(this);
    const world = { clock, network: this.#network, random, scenario, nodes: this.#machines };
    this.#faults = new Faults(world, (line) => this.#note(line));
    this.#load = new Load(world);
  }

  /** The virtual time. */
  get nowMs(): number {
    return this.#clock.now();
  }

  /** Runs both phases. Throws whatever a checker or the consensus throws. */
  run(): SimulationResult {
    this.#bootstrap();
    this.#faults.start();
    this.#load.start();
    this.#runUntil(this.scenario.durationMs);
    const recoveryElectionTimeouts = this.#recover();
    for (const checker of this.#checkers) checker.finished?.();
    const { stats } = this.#network;
    return {
      steps: this.steps,
      virtualMs: this.nowMs,
      faults: {
        ...this.#faults.counts,
        lost: stats.lost + stats.unreachable,
        repeated: stats.repeated,
        reordered: stats.reordered,
      },
      committed: Math.max(...this.#machines.map(({ core }) => core.state.commitIndex)),
      terms: Math.max(...this.#machines.map(({ core }) => core.state.term)),
      recoveryElectionTimeouts,
      digest: this.#digest,
    };
  }

  /** See {@linkcode CoreNodeHost.send}. */
  send(node: CoreNode, to: ServerId, message: Message): void {
    for (const checker of this.#checkers) checker.sent?.(node, to, message);
  }

  /** A node has started. */
  started(node: CoreNode): void {
    for (const checker of this.#checkers) checker.started?.(node);
  }

  /** See {@linkcode CoreNodeHost.written}. */
  written(node: CoreNode, write: Persist): void {
    if (this.#trace !== undefined) this.#note(`${node.id} disk: ${writeText(write)}`);
    for (const checker of this.#checkers) checker.written?.(node, write);
  }

  /** See {@linkcode CoreNodeHost.stepped}. */
  stepped(node: CoreNode, input: Input, effects: readonly Effect[]): void {
    this.steps += 1;
    const { state } = node;
    this.#digest = (Math.imul(this.#digest, 31) + state.term + state.commitIndex * 7 +
      state.log.lastIndex * 13 + effects.length * 17 + node.ordinal) | 0;
    if (this.#trace !== undefined) {
      this.#note(`${nodeText(state)} ${inputText(input)}`);
      for (const effect of effects) this.#note(`    ${effectText(effect, state)}`);
    }
    for (const checker of this.#checkers) checker.stepped?.(node, input, effects);
    for (const effect of effects) {
      if (effect.type === "roleChanged" && effect.role === "leader") {
        this.#faults.elected(this.#machines[node.ordinal]!);
      }
    }
  }

  #note(line: string): void {
    this.#trace?.(`${this.nowMs.toFixed(3).padStart(12)}  ${line}`);
  }

  #bootstrap(): void {
    const { voters, isEachBootstrapped } = this.scenario;
    const configuration: Configuration = {
      servers: this.#machines.map((
        { id },
        at,
      ): { id: string; address: string; suffrage: Suffrage } => ({
        id,
        address: id,
        suffrage: at < voters ? "voter" : "nonvoter",
      })),
    };
    for (const [at, machine] of this.#machines.entries()) {
      if (at === 0 || isEachBootstrapped) machine.bootstrap = configuration;
      machine.start();
    }
  }

  #runUntil(atMs: number): void {
    while (this.#clock.nextTimerAtMs <= atMs) {
      this.#clock.runNext();
      if (this.steps > STEPS_MAX) throw new Error(`more than ${STEPS_MAX} steps`);
    }
    this.#clock.runUntil(atMs);
  }

  /** Everything is repaired; says how many election timeouts it took until a new proposal was applied everywhere. */
  #recover(): number {
    this.#note("faults stop; everything is repaired");
    const { config } = this.scenario;
    const { heartbeatTimeoutMs } = config;
    const latencyMaxMs = heartbeatTimeoutMs / 100;
    this.#load.stop();
    this.#network.behaviour = { ...RELIABLE, latencyMinMs: 0, latencyMaxMs };
    for (const machine of this.#machines) {
      machine.disk = { latencyMinMs: 0, latencyMaxMs, slowRate: 0, slowMaxMs: 0 };
    }
    this.#faults.stop();
    const startMs = this.nowMs;
    const limitMs = livenessLimitMs(this.scenario, this.#machines, latencyMaxMs);
    const liveness = new Liveness(this.#machines, this.#load);
    while (!liveness.isReached()) {
      this.#runUntil(this.nowMs + heartbeatTimeoutMs / 10);
      if (this.nowMs - startMs > limitMs) {
        throw new Error(
          `liveness: ${limitMs} ms after the last fault, what is new is not applied everywhere: ` +
            liveness.describe(),
        );
      }
    }
    const recoveryElectionTimeouts = (this.nowMs - startMs) / longestElectionTimeoutMs(config);
    // Long enough for a round of heartbeats, with which the last questions are answered.
    this.#runUntil(this.nowMs + heartbeatTimeoutMs / 2);
    return recoveryElectionTimeouts;
  }
}
