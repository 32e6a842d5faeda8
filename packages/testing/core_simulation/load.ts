/**
 * Clients: they propose commands, each different from all others, and ask whether a node leads.
 *
 * @module
 */
import { NO_BYTES, type Proposal } from "@coracle/core";
import { leaderOf, repeatedly, type World } from "./faults.ts";
import { COMMAND_SIZE_MAX_BYTES } from "./scenario.ts";
import type { SimulatedNode } from "./simulated_node.ts";

/** Room for the number of a command. */
const COMMAND_SIZE_MIN_BYTES = 10;

const DOT = 46;

/** See the module's description. */
export class Load {
  readonly #world: World;
  #isOn = false;
  #commands = 0;
  #questions = 0;

  /** Clients of `world`, silent before {@linkcode Load.start}. */
  constructor(world: World) {
    this.#world = world;
  }

  /** From now on clients call. */
  start(): void {
    this.#isOn = true;
    const { proposeIntervalMs, verifyIntervalMs } = this.#world.scenario;
    repeatedly(this.#world, proposeIntervalMs, () => this.#isOn, () => {
      this.propose(this.#target(), this.#world.random.int(1, 4));
    });
    repeatedly(this.#world, verifyIntervalMs, () => this.#isOn, () => {
      this.#questions += 1;
      this.#target().input({ type: "verify", id: this.#questions });
    });
  }

  /** No client calls any more. */
  stop(): void {
    this.#isOn = false;
  }

  /** Proposes `count` new commands to a node. */
  propose(node: SimulatedNode, count: number): void {
    const proposals = Array.from({ length: count }, () => this.#command());
    const appendedAtMs = Math.floor(this.#world.clock.wallTime());
    node.input({ type: "propose", proposals, appendedAtMs });
  }

  #command(): Proposal {
    this.#commands += 1;
    // Readable in a trace: a number, and dots up to a random length.
    const data = new Uint8Array(
      this.#world.random.int(COMMAND_SIZE_MIN_BYTES, COMMAND_SIZE_MAX_BYTES),
    );
    const name = `c${this.#commands}`;
    for (let at = 0; at < data.length; at += 1) {
      data[at] = at < name.length ? name.charCodeAt(at) : DOT;
    }
    return { type: "command", data, extensions: NO_BYTES };
  }

  /** Mostly the leader, or one who takes itself for the leader; clients err. */
  #target(): SimulatedNode {
    const { random, nodes } = this.#world;
    const leader = random.chance(0.5) ? leaderOf(nodes) : undefined;
    if (leader !== undefined) return leader;
    const leaders = nodes.filter(({ core }) => core.isUp && core.state.role.type === "leader");
    return random.pick(leaders.length > 0 && random.chance(0.8) ? leaders : nodes);
  }
}
