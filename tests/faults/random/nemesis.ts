/**
 * Makes faults, one after another and sometimes two at once, and sees that the cluster works whenever it can.
 *
 * @module
 */
import { delay } from "@std/async";
import type { Prng } from "@coracle/testing";
import { eventually } from "../../support/eventually.ts";
import type { FaultyCluster, FaultyNode } from "../lab/faulty_cluster.ts";
import type { Machine } from "../lab/machine.ts";
import type { Clients } from "./clients.ts";
import { DISK_FAULTS } from "./disk_faults.ts";
import type { Fault, World, Wound } from "./fault.ts";
import { NETWORK_FAULTS } from "./network_faults.ts";
import { PROCESS_FAULTS } from "./process_faults.ts";
import { canElect } from "./reach.ts";

/** So many words more must be acknowledged before it is believed that the cluster works. */
const WORDS_OF_PROGRESS = 20;
const HOLD_MIN_MS = 300;
const HOLD_MAX_MS = 2500;
const SECOND_FAULT = 0.25;
const OPEN_WOUNDS_MAX = 2;

/** See the module's description. */
export class Nemesis {
  /** How often each fault was made. */
  readonly made = new Map<string, number>();
  /** The longest time until the cluster worked again after all was healed, in milliseconds. */
  longestRecoveryMs = 0;
  readonly #cluster: FaultyCluster;
  readonly #clients: Clients;
  readonly #prng: Prng;
  readonly #faults: readonly Fault[];
  readonly #wounds: { readonly name: string; readonly wound: Wound }[] = [];

  /** It makes what `machine` allows. */
  constructor(cluster: FaultyCluster, clients: Clients, machine: Machine, prng: Prng) {
    this.#cluster = cluster;
    this.#clients = clients;
    this.#prng = prng;
    this.#faults = [...NETWORK_FAULTS, ...PROCESS_FAULTS, ...DISK_FAULTS]
      .filter(({ needs }) => needs.every((means) => machine.missing[means] === undefined));
  }

  /** Makes faults until `untilMs` on this process's clock; in the end all is healed and the cluster works. */
  async run(untilMs: number): Promise<void> {
    await this.#progress("at the beginning");
    while (performance.now() < untilMs) {
      const name = await this.#make();
      if (name === undefined) continue;
      if (this.#wounds.length < OPEN_WOUNDS_MAX && this.#prng.chance(SECOND_FAULT)) {
        await this.#make();
      }
      await this.#hold();
      await this.#heal();
    }
  }

  /** What is wrong at present, to be read. */
  get state(): string {
    return this.#wounds.map(({ name }) => name).join(" and ") || "nothing";
  }

  async #make(): Promise<string | undefined> {
    const { name, make } = this.#prng.pick(this.#faults);
    const world = await this.#world();
    const wound = world && await make(world);
    if (wound === undefined) return undefined;
    this.made.set(name, (this.made.get(name) ?? 0) + 1);
    this.#wounds.push({ name, wound });
    await this.#applyLosses();
    return name;
  }

  async #world(): Promise<World | undefined> {
    const cluster = this.#cluster;
    const able = cluster.nodes.filter((node) => node.isRunning && !this.#isDisabled(node));
    if (able.length === 0) return undefined;
    const leads = await Promise.all(able.map((node) => node.leads()));
    const leader = able[leads.indexOf(true)] ?? this.#prng.pick(able);
    const followers = this.#prng.shuffle(able.filter((node) => node !== leader));
    return { cluster, prng: this.#prng, leader, followers };
  }

  /** A fault lasts for a while; and where a majority is whole and connected, for as long as it needs to go on. */
  async #hold(): Promise<void> {
    const heldMs = this.#prng.between(HOLD_MIN_MS, HOLD_MAX_MS);
    // Not a wait for anything: this is how long the fault lasts.
    await Promise.all([delay(heldMs), this.#canWork() ? this.#progress(`with ${this.state}`) : 0]);
  }

  async #heal(): Promise<void> {
    const healed = this.state;
    this.#tend();
    for (const { wound } of this.#wounds.splice(0).reverse()) await wound.heal();
    await this.#applyLosses();
    const beganMs = performance.now();
    await this.#progress(`after ${healed}`);
    this.longestRecoveryMs = Math.max(this.longestRecoveryMs, performance.now() - beganMs);
  }

  async #progress(when: string): Promise<void> {
    const goal = this.#clients.progress + WORDS_OF_PROGRESS;
    await eventually(`words are acknowledged ${when}`, () => {
      this.#tend();
      return this.#clients.progress >= goal;
    });
  }

  async #applyLosses(): Promise<void> {
    await this.#cluster.network?.lose(this.#wounds.flatMap(({ wound }) => wound.losses));
  }

  #isDisabled(node: FaultyNode): boolean {
    return this.#wounds.some(({ wound }) => wound.disabled.includes(node));
  }

  #canWork(): boolean {
    const { nodes } = this.#cluster;
    const able = nodes.flatMap((node, at) => this.#isDisabled(node) ? [] : [at]);
    return canElect(nodes.length, able, this.#wounds.flatMap(({ wound }) => wound.losses));
  }

  /**
   * A node ends only because of what was done to it. One that had no room may find out when it has some again; it is
   * started then.
   */
  #tend(): void {
    for (const node of this.#cluster.nodes) {
      if (node.isRunning || this.#isDisabled(node)) continue;
      const ranOut = node.disk !== undefined && /No space left on device.*\n$/.test(node.log);
      if (!ranOut) throw new Error(`${node.id} has ended by itself with ${this.state}`);
      node.start();
    }
  }
}
