/**
 * Makes the faults of a script happen.
 *
 * @module
 */
import { decodeConfiguration, findServer, isFounding, type ServerId } from "@coracle/core";
import { Prng } from "../prng.ts";
import type { Machine } from "./machine.ts";
import type { KnownMembers } from "./members.ts";
import { type Obstacle, Obstacles } from "./obstacles.ts";
import type { Prey, ScriptEvent, Strike, Target } from "./script.ts";
import type { World } from "./world.ts";

/** An event of one kind. */
export type EventOf<Kind extends ScriptEvent["kind"]> = Extract<ScriptEvent, { kind: Kind }>;

/** See the module's description. */
export class Faults {
  /** What stands between nodes. */
  readonly obstacles: Obstacles;
  /** Faults that have happened, by kind. */
  readonly counts = new Map<string, number>();
  readonly #world: World;
  readonly #members: KnownMembers;
  readonly #isChanging: () => boolean;
  readonly #newImpostor: (lost: Machine) => Machine;
  #hunts: EventOf<"hunt">[] = [];
  #isOn = true;

  /**
   * `isChanging`: whether somebody changes the membership at the moment. `newImpostor`: brings a machine with the name of one whose disk
   * is lost.
   */
  constructor(
    world: World,
    members: KnownMembers,
    isChanging: () => boolean,
    newImpostor: (lost: Machine) => Machine,
  ) {
    this.#world = world;
    this.#members = members;
    this.#isChanging = isChanging;
    this.#newImpostor = newImpostor;
    this.obstacles = new Obstacles(world);
  }

  /** Makes `event` happen, if it is a fault. Returns whether it is one. */
  strike(event: ScriptEvent): boolean {
    const { clock, network } = this.#world;
    switch (event.kind) {
      case "crash":
        this.#crash(event);
        return true;
      case "shutdown": {
        const machine = this.#running(event.target);
        if (machine !== undefined) this.#count(event.kind);
        machine?.shutdown(event.downMs);
        return true;
      }
      case "hunt":
        this.#hunts.push(event);
        return true;
      case "partition":
        this.#count(`partition: ${event.shape}`);
        this.obstacles.add(this.#partition(event), event.durationMs);
        return true;
      case "cut": {
        const [from, to] = [this.#machine(event.from).id, this.#machine(event.to).id];
        this.#count(event.isBothWays ? "cut both ways" : "cut one way");
        this.obstacles.add(
          (a, b) =>
            (a === from && b === to) || (event.isBothWays && a === to && b === from) ? Infinity : 0,
          event.durationMs,
        );
        return true;
      }
      case "slowLink": {
        const [from, to] = [this.#machine(event.from).id, this.#machine(event.to).id];
        this.#count(event.kind);
        this.obstacles.add(
          (a, b) => (a === from && b === to ? event.extraMs : 0),
          event.durationMs,
        );
        return true;
      }
      case "disconnect": {
        const [from, to] = [this.#machine(event.from), this.#machine(event.to)];
        if (from === to) return true;
        this.#count(event.kind);
        network.disconnect(from.id, to.id);
        return true;
      }
      case "breakSnapshots":
        if (network.snapshots.length > 0) this.#count(event.kind);
        network.breakSnapshots();
        return true;
      case "pause": {
        const machine = this.#running(event.target);
        if (machine !== undefined) this.#count(event.kind);
        machine?.pause(event.durationMs);
        return true;
      }
      case "wallJump":
        this.#count(event.kind);
        this.#machine(event.target).wallJumpMs += event.byMs;
        return true;
      case "stall": {
        this.#count(event.kind);
        const machine = this.#machine(event.target);
        machine.stalledUntilMs = Math.max(
          machine.stalledUntilMs,
          clock.now() + event.durationMs,
        );
        return true;
      }
      case "diskFault":
        this.#count(`diskFault: ${event.operation}`);
        this.#machine(event.target).diskFaults.push({ kind: event.operation, count: event.count });
        return true;
      case "fsmFault": {
        const { target, operation, count } = event;
        this.#count(`fsmFault: ${operation}`);
        this.#machine(target).fsmFault = { kind: operation, count };
        return true;
      }
      case "move":
        this.#move(event);
        return true;
      case "diskFull":
        this.#fillDisk(event);
        return true;
      case "rot":
        this.#rot(event);
        return true;
      case "wipe": {
        const machine = this.#machine(event.target);
        if (!this.#canBeLost(machine)) return true;
        this.#count(event.kind);
        machine.retire("its disk is lost");
        if (machine.random.chance(0.7) && this.#mayComeBack(machine)) this.#comeBack(machine);
        return true;
      }
      default:
        return false;
    }
  }

  /** A node has become the leader, tells another to take over, or is told: a moment that hunters wait for. */
  shows(machine: Machine, prey: Prey): void {
    const at = this.#hunts.findIndex((hunt) => hunt.prey === prey);
    if (at === -1 || !this.#isOn) return;
    const [{ strike, delayMs, durationMs }] = this.#hunts.splice(at, 1) as [EventOf<"hunt">];
    this.#world.clock.setTimer(delayMs, () => {
      if (!this.#isOn || machine.process === undefined) return;
      this.#count(`hunt: ${strike}`);
      if (strike === "power") machine.crash("power", durationMs);
      else if (strike === "pause") machine.pause(durationMs);
      else this.#obstruct(machine, strike, durationMs);
    });
  }

  #obstruct({ id }: Machine, strike: Exclude<Strike, "power" | "pause">, durationMs: number): void {
    const { network, machines, clock, scenario } = this.#world;
    const hearsNothing: Obstacle = (_, to) => to === id ? Infinity : 0;
    const isNotHeard: Obstacle = (from) => from === id ? Infinity : 0;
    if (strike === "mute") {
      // What it hears is about a time when it was heard.
      const lateMs = 0.8 * scenario.config.heartbeatTimeoutMs;
      this.obstacles.add((_, to) => to === id ? lateMs : 0, lateMs / 2 + durationMs);
      clock.setTimer(lateMs / 2, () => {
        if (this.#isOn) this.obstacles.add(isNotHeard, durationMs);
      });
      return;
    }
    this.obstacles.add(hearsNothing, durationMs);
    if (strike !== "deafen") this.obstacles.add(isNotHeard, durationMs);
    if (strike !== "unplug") return;
    for (const other of machines) {
      if (other.id !== id) network.disconnect(id, other.id);
    }
  }

  /** Nothing goes wrong any more. What is broken is another matter. */
  stop(): void {
    this.#isOn = false;
    this.#hunts = [];
    this.obstacles.clear();
    for (const machine of this.#world.machines) {
      machine.diskFaults = [];
      machine.fsmFault = undefined;
      machine.isMoving = false;
      machine.crashPoint = undefined;
      machine.diskCapacityBytes = Infinity;
      machine.stalledUntilMs = 0;
      machine.resume();
    }
  }

  #crash({ target, how, at, count, downMs }: EventOf<"crash">): void {
    const machine = this.#running(target);
    if (machine === undefined) return;
    this.#count(`crash: ${how}, ${at}`);
    if (at === "now") machine.crash(how, downMs);
    else machine.crashPoint = { at, count, kind: how, downMs };
  }

  /** One machine after the other: whoever has moved is not reached before the members know of it. */
  #move({ target, downMs }: EventOf<"move">): void {
    const machine = this.#running(target);
    if (machine === undefined || machine.isImpostor) return;
    const { settled, isSettled } = this.#members;
    const isKnown = ({ id, address, isMoving }: Machine): boolean =>
      !isMoving && (findServer(settled, id)?.address ?? address) === address;
    if (!isSettled || !this.#world.machines.every(isKnown)) return;
    this.#count("move");
    machine.move(downMs);
  }

  #fillDisk({ target, freeBytes, durationMs }: EventOf<"diskFull">): void {
    this.#count("diskFull");
    const machine = this.#machine(target);
    const capacityBytes = machine.disk.usedBytes + freeBytes;
    machine.diskCapacityBytes = capacityBytes;
    this.#world.clock.setTimer(durationMs, () => {
      if (machine.diskCapacityBytes === capacityBytes) machine.diskCapacityBytes = Infinity;
    });
  }

  #rot({ target, downMs }: EventOf<"rot">): void {
    const machine = this.#machine(target);
    if (!this.#canBeLost(machine)) return;
    machine.crash("power", downMs);
    const where = machine.rot();
    if (where === undefined) return;
    this.#count("rot");
    this.#world.note(`${machine.id}: ${where} flips`);
  }

  /** Whether what a machine's disk holds may be lost for ever: a majority of all others must remain. */
  #canBeLost(machine: Machine): boolean {
    if (machine.isLost || this.#isChanging() || !this.#members.isSettled) return false;
    const others = this.#world.machines.filter((one) => one !== machine && !one.isLost);
    return this.#members.isMajority(new Set(others.map(({ id }) => id)));
  }

  /**
   * Whether the machine may come back under its name with an empty disk (B31). There is only one such machine, and all others that could
   * take it for a member of a cluster that is just beginning know better: without that it is not found out (docs/divergences.md).
   */
  #mayComeBack({ id }: Machine): boolean {
    const { machines, scenario } = this.#world;
    const founders = machines.slice(0, scenario.voters);
    return scenario.voters > 1 && !machines.some(({ isImpostor }) => isImpostor) &&
      founders.every((one) => one.id === id || one.isLost || knowsStores(one));
  }

  #comeBack(lost: Machine): void {
    this.#count("wipe: comes back under its name");
    const { clock, scenario } = this.#world;
    const impostor = this.#newImpostor(lost);
    const afterMs = lost.random.between(0, 10) * scenario.config.heartbeatTimeoutMs;
    clock.setTimer(afterMs, () => impostor.start());
  }

  #partition({ shape, target, seed }: EventOf<"partition">): Obstacle {
    const random = new Prng(seed);
    const ids = random.shuffle(this.#world.machines.map(({ id }) => id));
    const victim = this.#machine(target).id;
    const place = new Map(ids.map((id, at) => [id, at]));
    const middle = random.int(1, Math.max(1, ids.length - 1));
    const side = (id: ServerId): boolean => (place.get(id) ?? 0) < middle;
    const passes = (from: ServerId, to: ServerId): boolean => {
      switch (shape) {
        case "split":
          return side(from) === side(to);
        case "isolate":
          return from !== victim && to !== victim;
        case "shatter":
          return false;
        case "bridge":
          // One node hears both sides.
          return side(from) === side(to) || from === victim || to === victim;
        case "ring": {
          const apart = Math.abs((place.get(from) ?? 0) - (place.get(to) ?? 0));
          return apart === 1 || apart === ids.length - 1;
        }
      }
    };
    return (from, to) => (passes(from, to) ? 0 : Infinity);
  }

  #machine(target: Target): Machine {
    const { machines } = this.#world;
    return (target === "leader" ? leaderOf(machines) : undefined) ??
      machines[(target === "leader" ? 0 : target) % machines.length]!;
  }

  #running(target: Target): Machine | undefined {
    const machine = this.#machine(target);
    return machine.process === undefined ? undefined : machine;
  }

  #count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }
}

/** The leader of the latest term, or `undefined`. */
export function leaderOf(machines: readonly Machine[]): Machine | undefined {
  let leader: Machine | undefined;
  for (const machine of machines) {
    if (!machine.isUp || machine.state.role.type !== "leader") continue;
    if (leader === undefined || machine.state.term > leader.state.term) leader = machine;
  }
  return leader;
}

/** Whether what a machine has on its disk names the store of anybody. */
function knowsStores({ image }: Machine): boolean {
  return image.firstIndex > 1 || image.configurations.some((index) => {
    const { data } = image.read(index, 1)!.entry(index);
    return !isFounding(decodeConfiguration(data));
  });
}
