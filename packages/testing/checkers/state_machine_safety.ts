/**
 * State Machine Safety: if a node has applied an entry at an index, no other node ever applies a different one
 * there (Raft paper, figure 3). Compared are the bytes, as a checksum over everything applied so far; after a
 * restart a node applies everything after its snapshot again and must come to the same.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { type Index, invariant } from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";

/** See the module's description. */
export class StateMachineSafety implements Checker {
  /** The checksum of the first node that has applied up to an index. */
  readonly #digests: number[] = [0];
  /** For each node how far it has applied, and its checksum there. */
  readonly #applied: { index: number; digest: number }[] = [];

  /** A state machine that starts has applied nothing, or what is in its snapshot. */
  started(node: ObservedNode): void {
    this.#restore(node, node.state.commitIndex);
  }

  /** Applies what is to be applied. */
  stepped(node: ObservedNode, _input: Input, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === "commit") this.#apply(node, effect.index);
      if (effect.type === "installSnapshot") this.#restore(node, effect.lastIncludedIndex);
    }
  }

  /** What is in a snapshot is what somebody has applied. */
  #restore({ id, ordinal }: ObservedNode, index: Index): void {
    const digest = this.#digests[index];
    if (digest === undefined) {
      invariant(
        false,
        `state machine safety: nobody has applied ${index}, up to which ${id} begins`,
      );
    }
    this.#applied[ordinal] = { index, digest };
  }

  #apply(node: ObservedNode, upTo: Index): void {
    const applied = this.#applied[node.ordinal]!;
    // Entries are read from the disk: what is applied must be there.
    while (applied.index < upTo) {
      const run = node.image.read((applied.index + 1) as Index, 1 << 16);
      if (run === undefined) {
        invariant(false, `${node.id} is to apply ${applied.index + 1}, which is not on its disk`);
      }
      const { bytes } = run;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let start = 0;
      const last = Math.min(run.lastIndex, upTo);
      while (applied.index < last) {
        const end = start + view.getUint32(start);
        applied.digest = crc32(bytes.subarray(start, end), applied.digest);
        applied.index += 1;
        const known = this.#digests[applied.index] ??= applied.digest;
        if (known !== applied.digest) {
          invariant(
            false,
            `state machine safety: ${node.id} applies another entry ${applied.index}`,
          );
        }
        start = end;
      }
    }
  }
}
