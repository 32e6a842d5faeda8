/**
 * Leadership is handed over to whoever can take it: the node that is told to stand for election has everything on its disk that is in
 * the leader's log, and the leader takes no more commands meanwhile (thesis 3.10).
 *
 * @module
 */
import { invariant, type ServerId, type Term } from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedCluster, ObservedNode } from "./checker.ts";

/** See the module's description. */
export class Takeover implements Checker {
  readonly #cluster: ObservedCluster;

  /** `cluster`: whose disks are looked at. */
  constructor(cluster: ObservedCluster) {
    this.#cluster = cluster;
  }

  /** Looks at whom a leader tells, and at what it takes. */
  stepped(node: ObservedNode, input: Input, effects: readonly Effect[]): void {
    const { role } = node.state;
    const handsOver = role.type === "leader" && role.transfer !== undefined;
    for (const effect of effects) {
      if (effect.type === "send" && effect.message.type === "timeoutNow") {
        this.#told(node, effect.to, effect.message.term);
      } else if (
        handsOver && input.type === "propose" && effect.type === "persist" &&
        effect.entries !== undefined
      ) invariant(false, `takeover: ${node.id} takes commands while it hands over`);
    }
  }

  #told({ id, state: { log } }: ObservedNode, to: ServerId, term: Term): void {
    const { lastIndex } = log;
    const lastTerm = log.term(lastIndex);
    const holds = ({ image, snapshotIndex }: ObservedNode): boolean =>
      image.firstIndex > lastIndex + 1 || (snapshotIndex ?? 0) >= lastIndex ||
      image.term(lastIndex) === lastTerm;
    // The leader may not know yet that a disk is lost and another has its name. In a later term others decide what is in a log.
    const isExcused = this.#cluster.nodes.some((one) =>
      one.id === to && (holds(one) || one.image.hardState.term > term)
    );
    if (isExcused) return;
    invariant(
      false,
      `takeover: ${id} tells ${to} to take over, whose disk does not hold ${lastIndex}@${lastTerm}`,
    );
  }
}
