/**
 * A consensus that is played by a test.
 *
 * @module
 */
import { type Applied, type Index, type ReadLevel, toIndex, toTerm } from "@coracle/core";
import type { WordsFsm } from "@coracle/fsm-words";
import type { Replicator } from "../example.ts";

/** A consensus of one that applies at once, or fails with `problem`. */
export class PlayedRaft implements Replicator {
  /** What every call fails with. */
  problem: Error | undefined;
  /** Up to where it has applied. */
  appliedIndex: Index = toIndex(0);
  /** How long the last call was allowed to take. */
  timeoutMs: number | undefined;
  /** How many commands it was given. */
  applies = 0;

  /** `fsm`: what commands are applied to. */
  constructor(readonly fsm: WordsFsm) {}

  /** Applies `command`, at the next index. */
  apply(
    command: Uint8Array,
    { timeoutMs }: { timeoutMs: number },
  ): Promise<{ index: Index }> {
    this.applies += 1;
    this.timeoutMs = timeoutMs;
    if (this.problem !== undefined) return Promise.reject(this.problem);
    const index = this.appliedIndex = toIndex(this.appliedIndex + 1);
    this.fsm.apply({
      index,
      term: toTerm(1),
      type: "command",
      data: command.slice(),
      extensions: new Uint8Array(0),
      appendedAtMs: 0,
    });
    return Promise.resolve({ index });
  }

  /** Reads what is applied; at any level but `local` only without a problem. */
  read<Result>(
    query: () => Result,
    { level }: { level: ReadLevel },
  ): Promise<Applied<Result>> {
    if (this.problem !== undefined && level !== "local") return Promise.reject(this.problem);
    return Promise.resolve({ index: this.appliedIndex, response: query() });
  }
}
