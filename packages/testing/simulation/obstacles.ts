/**
 * What stands between nodes: partitions, cut links and slow ones, which come and go independently of each other. A link works
 * when nothing stands in its way.
 *
 * @module
 */
import type { ServerId } from "@coracle/core";
import type { World } from "./world.ts";

/** How an obstacle affects the way from one node to another: `Infinity` if nothing gets through, else how much longer it takes in milliseconds. */
export type Obstacle = (from: ServerId, to: ServerId) => number;

/** See the module's description. */
export class Obstacles {
  readonly #world: World;
  readonly #present = new Set<Obstacle>();

  /** Nothing stands between the nodes of `world`. */
  constructor(world: World) {
    this.#world = world;
  }

  /** Puts something between nodes for a while. */
  add(obstacle: Obstacle, durationMs: number): void {
    this.#present.add(obstacle);
    this.apply();
    this.#world.clock.setTimer(durationMs, () => {
      if (this.#present.delete(obstacle)) this.apply();
    });
  }

  /** Nothing stands between nodes any more. */
  clear(): void {
    this.#present.clear();
    this.#world.network.heal();
  }

  /** Makes the network what the obstacles say, also for nodes that are new. */
  apply(): void {
    const { network, machines } = this.#world;
    for (const { id: from } of machines) {
      for (const { id: to } of machines) {
        if (from === to) continue;
        let extraMs = 0;
        for (const obstacle of this.#present) extraMs += obstacle(from, to);
        if (extraMs === Infinity) network.cut(from, to);
        else {
          network.mend(from, to);
          network.slow(from, to, extraMs);
        }
      }
    }
  }
}
