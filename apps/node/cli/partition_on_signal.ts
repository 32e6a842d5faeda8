/**
 * SIGUSR1 cuts a node of a development cluster off from the other ones, SIGUSR2 lets it back: so the command that has started it
 * tells it, as it kills and pauses it.
 *
 * @module
 */
import type { Logger } from "@coracle/core";
import type { Partition } from "../partition.ts";

/** Listens for the signals, as long as it is not disposed of. */
export class PartitionOnSignal implements Disposable {
  readonly #cutOff: () => void;
  readonly #heal: () => void;

  /** Tells `partition`. */
  constructor(partition: Partition, logger: Logger) {
    this.#cutOff = () => {
      logger.info("this node is cut off from the others");
      partition.cutOff();
    };
    this.#heal = () => {
      logger.info("this node is cut off no longer");
      partition.heal();
    };
    Deno.addSignalListener("SIGUSR1", this.#cutOff);
    Deno.addSignalListener("SIGUSR2", this.#heal);
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGUSR1", this.#cutOff);
    Deno.removeSignalListener("SIGUSR2", this.#heal);
  }
}
