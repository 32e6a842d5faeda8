/**
 * What operators do to a cluster: they change its members, replace machines that are lost, move the leadership, take
 * snapshots and change settings. They know which machines are lost, and take no step that would leave the cluster without a
 * majority of the others.
 *
 * @module
 */
import {
  type Configuration,
  findServer,
  RaftError,
  type ServerId,
  type Suffrage,
  voterIds,
} from "@coracle/core";
import { Prng } from "../prng.ts";
import { type EventOf, leaderOf } from "./faults.ts";
import { FsmFault } from "./faulty_fsm.ts";
import type { Machine } from "./machine.ts";
import { nodeClient } from "./node_client.ts";
import type { ScriptEvent, Target } from "./script.ts";
import type { World } from "./world.ts";

/** How many machines a cluster ever has. */
const MACHINES_MAX = 14;

/** See the module's description. */
export class Operators {
  readonly #world: World;
  readonly #newMachine: () => Machine;
  readonly #end = new AbortController();
  #changing = 0;

  /** `newMachine`: brings another machine, which is off. */
  constructor(world: World, newMachine: () => Machine) {
    this.#world = world;
    this.#newMachine = newMachine;
  }

  /** Whether the membership is being changed. */
  get isChanging(): boolean {
    return this.#changing > 0;
  }

  /** Nothing is changed any more: what is under way is given up. */
  stop(): void {
    this.#end.abort(new Error("the operators go home"));
  }

  /** Does what `event` says, if it is for an operator. */
  operate(event: ScriptEvent): void {
    switch (event.kind) {
      case "member":
        return this.#changeMembers(event);
      case "transfer":
        return this.#transfer(event);
      case "stepDown":
        return this.#do(leaderOf(this.#world.machines), (client) => client.stepDown());
      case "snapshot":
        return this.#do(this.#serving(event.target), (client) => client.snapshot());
      case "verify":
        return this.#do(
          this.#serving(event.target),
          (client) => client.verifyLeader({ timeoutMs: this.#timeoutMs }),
        );
      case "barrier":
        return this.#do(
          this.#serving(event.target),
          (client) => client.barrier({ timeoutMs: this.#timeoutMs }),
        );
      case "reload":
        return this.#reload(event);
      default:
        return;
    }
  }

  get #timeoutMs(): number {
    return 10 * this.#world.scenario.config.heartbeatTimeoutMs;
  }

  #changeMembers({ change, seed }: EventOf<"member">): void {
    const random = new Prng(seed);
    const leader = leaderOf(this.#world.machines);
    if (leader === undefined || !leader.isServing) return;
    const { configuration } = leader.process!.raft!.configuration();
    const options = { timeoutMs: this.#timeoutMs, signal: this.#end.signal };
    const moved = this.#moved(configuration);
    if (moved !== undefined && random.chance(0.7)) {
      const { id, address } = moved;
      const isNonvoter = findServer(configuration, id)?.suffrage === "nonvoter";
      return this.#change(
        leader,
        (client) =>
          isNonvoter
            ? client.addNonvoter(id, address, options)
            : client.addVoter(id, address, options),
      );
    }
    switch (change) {
      case "addVoter": {
        const { id, address } = this.#candidate(configuration, random);
        const immediately = random.chance(0.2);
        return this.#change(
          leader,
          (client) => client.addVoter(id, address, { ...options, immediately }),
        );
      }
      case "addNonvoter": {
        const { id, address } = this.#candidate(configuration, random);
        return this.#change(leader, (client) => client.addNonvoter(id, address, options));
      }
      case "demoteVoter": {
        const id = this.#dispensable(configuration, random, "voter");
        if (id === undefined) return;
        return this.#change(leader, (client) => client.demoteVoter(id, options));
      }
      case "removeServer": {
        const id = this.#dispensable(configuration, random);
        if (id === undefined) return;
        return this.#change(leader, (client) => client.removeServer(id, options));
      }
      case "replace": {
        const lost = configuration.servers.find(({ id }) => this.#isLost(id));
        if (lost === undefined) return;
        const { id, address } = this.#candidate({ servers: [] }, random, configuration);
        const others = configuration.servers.filter((server) => server !== lost);
        const target = { servers: [...others, { id, address, suffrage: lost.suffrage }] };
        return this.#change(leader, (client) => client.changeConfiguration(target, options));
      }
      case "changeConfiguration": {
        const target = this.#otherConfiguration(configuration, random);
        if (target === undefined) return;
        return this.#change(leader, (client) => client.changeConfiguration(target, options));
      }
    }
  }

  /**
   * A machine that is no member, or whose suffrage may change: one that was removed, one without a vote, or a new one. It runs. One that
   * is about to stop, since it was removed, would do so after it was added: it is added again when it has stopped.
   */
  #candidate(configuration: Configuration, random: Prng, besides = configuration): Machine {
    const { machines } = this.#world;
    const candidates = machines.filter(({ id, isLost, isLeaving }) =>
      !isLost && !isLeaving && findServer(configuration, id)?.suffrage !== "voter" &&
      findServer(besides, id)?.suffrage !== "voter"
    );
    const isFull = machines.length >= MACHINES_MAX;
    const machine = candidates.length > 0 && (isFull || random.chance(0.5))
      ? random.pick(candidates)
      : isFull
      ? random.pick(machines.filter(({ isImpostor, isLeaving }) => !isImpostor && !isLeaving))
      : this.#newMachine();
    machine.start();
    return machine;
  }

  /** A member without which a majority of the voters is not lost. */
  #dispensable(
    configuration: Configuration,
    random: Prng,
    suffrage?: Suffrage,
  ): ServerId | undefined {
    const going = configuration.servers.filter((server) =>
      (suffrage === undefined || server.suffrage === suffrage) &&
      this.#mayGo(configuration, server.id)
    );
    return going.length === 0 ? undefined : random.pick(going).id;
  }

  /** A member that has another address than its leader knows. */
  #moved({ servers }: Configuration): Machine | undefined {
    return this.#world.machines.find(({ id, address, isLost }) =>
      !isLost && servers.some((one) => one.id === id && one.address !== address)
    );
  }

  #mayGo({ servers }: Configuration, id: ServerId): boolean {
    return this.#isSafe({ servers: servers.filter((one) => one.id !== id) });
  }

  #otherConfiguration(configuration: Configuration, random: Prng): Configuration | undefined {
    const moved = this.#moved(configuration);
    const servers = configuration.servers.map((server) =>
      server.id === moved?.id ? { ...server, address: moved.address } : server
    );
    for (let coming = random.int(0, 2); coming > 0; coming -= 1) {
      const { id, address } = this.#candidate({ servers }, random);
      if (findServer({ servers }, id) === undefined) {
        servers.push({ id, address, suffrage: random.pick(["voter", "voter", "nonvoter"]) });
      }
    }
    for (let going = random.int(0, 2); going > 0 && servers.length > 1; going -= 1) {
      servers.splice(random.int(0, servers.length - 1), 1);
    }
    const target = { servers };
    // New ones come first, old ones go last and in any order: those that are lost may be the last to go.
    const lostGoing = voterIds(configuration).filter((id) =>
      this.#isLost(id) && findServer(target, id) === undefined
    );
    return this.#isSafe(target, lostGoing.length) ? target : undefined;
  }

  /**
   * Whether a majority of the voters, and of as many more that are lost, is not lost; whoever of those that are to vote gets to first.
   */
  #isSafe(configuration: Configuration, lostBesides = 0): boolean {
    // The worst is that only those get to vote that are lost.
    const counting = configuration.servers.filter(({ id, suffrage }) =>
      suffrage === "voter" || suffrage === "staging" && this.#isLost(id)
    );
    const present = counting.filter(({ id }) => !this.#isLost(id));
    return 2 * present.length > counting.length + lostBesides;
  }

  #isLost(id: ServerId): boolean {
    return this.#world.machines.find((one) => one.id === id)!.isLost;
  }

  #transfer({ seed }: EventOf<"transfer">): void {
    const random = new Prng(seed);
    const leader = leaderOf(this.#world.machines);
    if (leader === undefined || !leader.isServing) return;
    const { configuration } = leader.process!.raft!.configuration();
    const to = random.pick(configuration.servers).id;
    const options = random.chance(0.5) ? { to } : {};
    const isOver = this.#endsInTime(leader);
    this.#do(leader, (client) => {
      const transfer = client.transferLeadership(options).finally(isOver);
      if (!random.chance(0.3)) return transfer;
      // Whoever does not take over may be out of order: it loses its vote, unless others have been lost meanwhile.
      return transfer.catch((error) => {
        const isGone = this.#end.signal.aborted || !leader.isServing;
        if (error.code !== "transfer-failed" || isGone) throw error;
        const now = leader.process!.raft!.configuration().configuration;
        if (!this.#mayGo(now, to)) throw error;
        return client.demoteVoter(to, { timeoutMs: this.#timeoutMs, signal: this.#end.signal });
      });
    });
  }

  /** Fails unless what is returned is called before a leader that runs must have given up handing over. */
  #endsInTime({ id, process }: Machine): () => void {
    const { clock, scenario } = this.#world;
    const { gate } = process!;
    if (gate.isPaused) return () => {};
    const { pauses } = gate;
    // Settings may be reloaded meanwhile; clocks may be slow, but not slower than the world's.
    return clock.setTimer(4 * scenario.config.heartbeatTimeoutMs, () => {
      if (!gate.isOpen || gate.pauses > pauses) return;
      this.#world.fail(new Error(`takeover: ${id} hands over and comes to no end`));
    });
  }

  #reload({ target, seed }: EventOf<"reload">): void {
    const random = new Prng(seed);
    const machine = this.#serving(target);
    const raft = machine?.process?.raft;
    if (machine === undefined || raft === undefined) return;
    const { heartbeatTimeoutMs } = this.#world.scenario.config;
    const changes = {
      trailingLogs: random.pick([0, 5, 1000]),
      snapshotThreshold: random.pick([3, 50, 8192]),
      snapshotIntervalMs: random.pick([1, 5, 20]) * heartbeatTimeoutMs,
      electionTimeoutMs: random.pick([1, 2]) * heartbeatTimeoutMs,
    };
    this.#do(machine, () =>
      this.#world.calls.make(
        "reloadConfig",
        machine.id,
        machine.process!.calls,
        () => Promise.resolve(raft.reloadConfig(changes)),
      ));
  }

  #serving(target: Target): Machine | undefined {
    const { machines } = this.#world;
    const leader = target === "leader" ? leaderOf(machines) : undefined;
    const machine = leader ?? machines[(target === "leader" ? 0 : target) % machines.length]!;
    return machine.isServing ? machine : undefined;
  }

  #change(
    leader: Machine,
    action: (client: ReturnType<typeof nodeClient>) => Promise<unknown>,
  ): void {
    this.#changing += 1;
    this.#do(leader, (client) => action(client).finally(() => this.#changing -= 1));
  }

  #do(
    machine: Machine | undefined,
    action: (client: ReturnType<typeof nodeClient>) => Promise<unknown>,
  ): void {
    if (machine === undefined || !machine.isServing) return;
    action(nodeClient(this.#world, machine, machine.process!)).catch((error) => {
      // How it ended is counted where it was called. A snapshot rejects with what the state machine throws.
      if (!(error instanceof RaftError || error instanceof FsmFault)) this.#world.fail(error);
    });
  }
}
