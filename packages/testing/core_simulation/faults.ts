/**
 * Everything that goes wrong beside the network's own bad days: power, partitions, links, connections, disks, and
 * nodes that stand still.
 *
 * @module
 */
import type { MemoryNetwork } from "../memory_network.ts";
import type { Prng } from "../prng.ts";
import type { VirtualClock } from "../virtual_clock.ts";
import type { FaultIntervals, Scenario } from "./scenario.ts";
import type { SimulatedNode } from "./simulated_node.ts";

/** How often what went wrong. */
export interface FaultCounts {
  /** Nodes that lost power. */
  crash: number;
  /** Times the network fell apart. */
  partition: number;
  /** Links that let nothing through one way. */
  cut: number;
  /** Connections that broke with both ends noticing. */
  disconnect: number;
  /** Disks that completed nothing for a while. */
  stall: number;
  /** Nodes that did nothing for a while. */
  pause: number;
  /** Messages lost, by chance or for any of these reasons. */
  lost: number;
  /** Messages that arrived twice. */
  repeated: number;
  /** Messages that were overtaken. */
  reordered: number;
}

/** No faults. */
export function noFaults(): FaultCounts {
  return {
    crash: 0,
    partition: 0,
    cut: 0,
    disconnect: 0,
    stall: 0,
    pause: 0,
    lost: 0,
    repeated: 0,
    reordered: 0,
  };
}

/** What faults and load happen to. */
export interface World {
  /** The time. */
  readonly clock: VirtualClock;
  /** The network. */
  readonly network: MemoryNetwork;
  /** Decides everything. */
  readonly random: Prng;
  /** How often and how long. */
  readonly scenario: Scenario;
  /** The nodes. */
  readonly nodes: readonly SimulatedNode[];
}

/** Calls `action` again and again, at random, `meanMs` apart on average, as long as `isOn` says so. */
export function repeatedly(
  { clock, random }: World,
  meanMs: number,
  isOn: () => boolean,
  action: () => void,
): void {
  if (meanMs === Infinity) return;
  const next = (): void => {
    clock.setTimer(-Math.log(1 - random.next()) * meanMs, () => {
      if (!isOn()) return;
      action();
      next();
    });
  };
  next();
}

/** See the module's description. */
export class Faults {
  /** What has happened so far. */
  readonly counts: FaultCounts = noFaults();
  readonly #world: World;
  readonly #note: (line: string) => void;
  #isOn = false;
  /** Counts partitions, so that one that was replaced does not heal its successor. */
  #partition = 0;

  /** Faults in `world`, none before {@linkcode Faults.start}. `note` is told of each, in words. */
  constructor(world: World, note: (line: string) => void) {
    this.#world = world;
    this.#note = note;
  }

  /** From now on things go wrong. */
  start(): void {
    this.#isOn = true;
    const { faults } = this.#world.scenario;
    for (const kind of Object.keys(faults) as (keyof FaultIntervals)[]) {
      repeatedly(
        this.#world,
        faults[kind],
        () => this.#isOn,
        () => this.#strike(kind, this.#victim()),
      );
    }
  }

  /** A node has become the leader. */
  elected(node: SimulatedNode): void {
    const { clock, random, scenario } = this.#world;
    if (!this.#isOn || !random.chance(scenario.leaderHuntRate)) return;
    const { config, network, disk } = scenario;
    // Mostly so soon that what it has just sent reaches some and not others, or that it has heard of some only.
    const roundTripMs = 2 * network.latencyMaxMs + disk.latencyMaxMs;
    const withinMs = random.pick([
      network.latencyMaxMs,
      4 * roundTripMs,
      config.heartbeatTimeoutMs / 2,
    ]);
    const delayMs = random.between(0, withinMs);
    clock.setTimer(delayMs, () => {
      if (!this.#isOn) return;
      const kinds = (["partition", "partition", "crash", "cut", "pause"] as const)
        .filter((kind) => scenario.faults[kind] !== Infinity);
      if (kinds.length > 0) this.#strike(random.pick(kinds), node);
    });
  }

  /** Nothing goes wrong any more, and what went wrong is repaired. */
  stop(): void {
    this.#isOn = false;
    this.#world.network.heal();
    for (const node of this.#world.nodes) {
      node.unstall();
      if (node.core.isUp) node.resume();
      else this.#restart(node);
    }
  }

  #strike(kind: keyof FaultIntervals, node: SimulatedNode): void {
    this.counts[kind] += 1;
    switch (kind) {
      case "crash":
        return this.#crash(node);
      case "partition":
        return this.#fallApart(node);
      case "cut":
        return this.#cut(node);
      case "disconnect":
        return this.#disconnect(node);
      case "stall": {
        const durationMs = this.#durationMs();
        this.#note(`the disk of ${node.id} stalls for ${durationMs.toFixed(0)} ms`);
        node.stall(durationMs);
        return;
      }
      case "pause": {
        const durationMs = this.#durationMs();
        this.#note(`${node.id} stands still for ${durationMs.toFixed(0)} ms`);
        node.pause(durationMs);
        return;
      }
    }
  }

  #crash(node: SimulatedNode): void {
    const { clock, network, random, nodes } = this.#world;
    if (!node.core.isUp) return;
    this.#note(`${node.id} loses power`);
    node.crash();
    if (random.chance(0.5)) {
      for (const { id } of nodes) if (id !== node.id) network.disconnect(node.id, id);
    }
    clock.setTimer(this.#durationMs(), () => {
      if (this.#isOn && !node.core.isUp) this.#restart(node);
    });
  }

  #restart(node: SimulatedNode): void {
    this.#note(`${node.id} starts again`);
    node.start();
  }

  /** `victim` is alone, or with some others. */
  #fallApart(victim: SimulatedNode): void {
    const { clock, network, random, nodes, scenario } = this.#world;
    const others = random.shuffle(nodes.filter((node) => node !== victim));
    const kind = random.next();
    let at = random.int(0, others.length);
    if (kind < 0.3) {
      // Members without a vote stay with the victim: they must be of no use to it.
      const isNonvoter = ({ core }: SimulatedNode): boolean => core.ordinal >= scenario.voters;
      others.sort((a, b) => Number(isNonvoter(b)) - Number(isNonvoter(a)));
      at = others.filter(isNonvoter).length;
    }
    const split = kind > 0.9
      ? [...others, victim].map((node) => [node])
      : [[victim, ...others.slice(0, at)], others.slice(at)];
    const groups = split.map((group) => group.map(({ id }) => id)).filter(({ length }) =>
      length > 0
    );
    this.#note(`partition: ${groups.map((group) => group.join(" ")).join(" / ")}`);
    network.partition(...groups);
    this.#partition += 1;
    const partition = this.#partition;
    clock.setTimer(this.#durationMs(), () => {
      if (!this.#isOn || partition !== this.#partition) return;
      this.#note("the network is whole again");
      network.heal();
    });
  }

  /** One link, or all links from a node, or all to it, let nothing through. */
  #cut({ id }: SimulatedNode): void {
    const { clock, network, random, nodes } = this.#world;
    const others = nodes.map((node) => node.id).filter((one) => one !== id);
    if (others.length === 0) return;
    const kind = random.int(0, 3);
    const cut = kind < 2 ? [random.pick(others)] : others;
    const pairs = cut.map((one): [string, string] => kind % 2 === 0 ? [id, one] : [one, id]);
    this.#note(`cut: ${pairs.map(([from, to]) => `${from} -> ${to}`).join(", ")}`);
    for (const [from, to] of pairs) network.cut(from, to);
    clock.setTimer(this.#durationMs(), () => {
      if (!this.#isOn) return;
      for (const [from, to] of pairs) network.mend(from, to);
    });
  }

  #disconnect({ id }: SimulatedNode): void {
    const { network, random, nodes } = this.#world;
    const others = nodes.filter((node) => node.id !== id);
    if (others.length === 0) return;
    const other = random.pick(others).id;
    this.#note(`the connection between ${id} and ${other} breaks`);
    network.disconnect(id, other);
  }

  /** Often the leader: it has most to lose. */
  #victim(): SimulatedNode {
    const { random, nodes } = this.#world;
    const leader = random.chance(0.4) ? leaderOf(nodes) : undefined;
    return leader ?? random.pick(nodes);
  }

  #durationMs(): number {
    const { random, scenario } = this.#world;
    return random.between(0, scenario.faultMaxMs);
  }
}

/** The leader of the latest term, or `undefined`. */
export function leaderOf(nodes: readonly SimulatedNode[]): SimulatedNode | undefined {
  let leader: SimulatedNode | undefined;
  for (const node of nodes) {
    if (!node.core.isUp || node.core.state.role.type !== "leader") continue;
    if (leader === undefined || node.core.state.term > leader.core.state.term) leader = node;
  }
  return leader;
}
