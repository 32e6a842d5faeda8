/**
 * A leader that is confirmed was the leader when it was asked: nobody had been elected in a later term by then
 * (thesis 6.4). Every question is answered once, and by the end of the run.
 *
 * @module
 */
import { invariant, type Term } from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedCluster, ObservedNode } from "./checker.ts";

interface Question {
  readonly ordinal: number;
  readonly incarnation: number;
  /** The latest term in which somebody had been elected when it was asked. */
  readonly electedTerm: Term;
}

/** See the module's description. */
export class ConfirmedLeadership implements Checker {
  readonly #cluster: ObservedCluster;
  readonly #questions = new Map<number, Question>();
  #electedTerm = 0 as Term;

  /** `cluster`: whose questions must be answered in the end. */
  constructor(cluster: ObservedCluster) {
    this.#cluster = cluster;
  }

  /** Remembers questions and looks at answers. */
  stepped(node: ObservedNode, input: Input, effects: readonly Effect[]): void {
    const { state, ordinal, incarnation } = node;
    if (input.type === "verify") {
      this.#questions.set(input.id, { ordinal, incarnation, electedTerm: this.#electedTerm });
    }
    for (const effect of effects) {
      if (effect.type !== "verified") continue;
      const question = this.#questions.get(effect.id);
      if (question === undefined) {
        invariant(false, `confirmed leadership: question ${effect.id} is answered twice`);
      }
      this.#questions.delete(effect.id);
      if (effect.confirmed && question.electedTerm > state.term) {
        invariant(
          false,
          `confirmed leadership: ${node.id} is confirmed in term ${state.term}, and when it was asked ` +
            `there was a leader of term ${question.electedTerm}`,
        );
      }
    }
    if (state.role.type === "leader" && state.term > this.#electedTerm) {
      this.#electedTerm = state.term;
    }
  }

  /** Questions to nodes that have not crashed since have been answered. */
  finished(): void {
    for (const [id, { ordinal, incarnation }] of this.#questions) {
      const node = this.#cluster.nodes[ordinal]!;
      if (node.isUp && node.incarnation === incarnation) {
        invariant(false, `confirmed leadership: question ${id} to ${node.id} is never answered`);
      }
    }
  }
}
