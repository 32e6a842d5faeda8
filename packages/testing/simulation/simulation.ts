/**
 * One run: a cluster of whole nodes in a world that one seed determines. First what the script says happens (safety phase).
 * Then faults stop for as few nodes as can still decide, and they must get something done (liveness phase; TigerBeetle calls
 * these nodes the core). Then everything is repaired, and all nodes must be the same.
 *
 * @module
 */
import type { Configuration, Entry, Fsm, Message, ServerId, SnapshotPoint } from "@coracle/core";
import type { Effect, Input, Persist } from "@coracle/core/consensus";
import type { Checker, ObservedCluster } from "../checkers/checker.ts";
import { allCheckers } from "../checkers/mod.ts";
import { MemoryNetwork } from "../memory_network.ts";
import { effectText, inputText, nodeText } from "../notation.ts";
import { Prng } from "../prng.ts";
import { settle, VirtualClock } from "../virtual_clock.ts";
import { Aftermath } from "./aftermath.ts";
import { AppliedStates } from "./applied_states.ts";
import { calmed, type CalmPart } from "./calm.ts";
import { Calls } from "./calls.ts";
import { Clients } from "./clients.ts";
import { Faults } from "./faults.ts";
import { Machine } from "./machine.ts";
import { KnownMembers } from "./members.ts";
import { Operators } from "./operators.ts";
import type { Plant } from "./plant.ts";
import type { Process } from "./process.ts";
import { drawClockError, drawScenario, type Scenario } from "./scenario.ts";
import { drawScript, eventText, type ScriptEvent } from "./script.ts";
import type { Workload } from "./workload.ts";
import type { Watcher, World } from "./world.ts";

/** A run is longer than any should be: it goes round in a circle. */
const STEPS_MAX = 2_000_000;

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
  readonly #aftermath: Aftermath;
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
    this.#faults = new Faults(
      world,
      this.#members,
      () => this.#operators.isChanging,
      (lost) => this.#newImpostor(lost),
    );
    this.#clients = new Clients(world);
    this.#aftermath = new Aftermath({
      world,
      members: this.#members,
      clients: this.#clients,
      random,
      time: {
        runUntil: (atMs) => this.#runUntil(atMs),
        settled: () => this.#settled(),
      },
    });
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
    this.#faults.stop();
    this.#operators.stop();
    await this.#settled();
    const recoveryElectionTimeouts = await this.#aftermath.recover();
    await this.#aftermath.heal();
    for (const checker of this.#checkers) checker.finished?.();
    const committed = Math.max(...this.nodes.map((one) => (one.isUp ? one.state.commitIndex : 0)));
    const terms = Math.max(...this.nodes.map((one) => (one.isUp ? one.state.term : 0)));
    await this.#aftermath.stop();
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
        return this.#faults.shows(machine, "elected");
      case "send":
        if (effect.message.type === "timeoutNow") this.#handsOver(machine, effect.to);
        return;
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

  #handsOver(machine: Machine, to: ServerId): void {
    this.#count("takeover");
    this.#faults.shows(machine, "handing over");
    const successor = this.nodes.find(({ id }) => id === to);
    if (successor !== undefined) this.#faults.shows(successor, "successor");
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

  /** A machine with the name of one whose disk is lost. What it is like follows from that one, so that others stay as they are. */
  #newImpostor({ id, random, bootstrap, incarnation }: Machine): Machine {
    const clockError = drawClockError(random, this.scenario);
    const machine = new Machine(
      this.#world,
      id,
      this.nodes.length,
      clockError,
      random.uint32(),
      true,
    );
    machine.bootstrap = random.chance(0.5) ? bootstrap : undefined;
    // Its processes are others than those before.
    machine.incarnation = incarnation;
    this.nodes.push(machine);
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
}
