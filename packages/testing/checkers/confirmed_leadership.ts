/**
 * A leader that is confirmed was the leader when it was asked: nobody had been elected in a later term by then
 * (thesis 6.4). Every question is answered once, and by the end of the run.
 *
 * @module
 */
import { invariant, type Term } from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";

interface Question {
  readonly node: ObservedNode;
  readonly incarnation: number;
  /** The latest term in which somebody had been elected when it was asked. */
  readonly electedTerm: Term;
}

/** See the module's description. */
export class ConfirmedLeadership implements Checker {
  /** By the node's name and the question's number. */
  readonly #questions = new Map<string, Question>();
  #electedTerm = 0 as Term;

  /** A node that starts again numbers its questions anew. */
  started(node: ObservedNode): void {
    for (const [name, question] of this.#questions) {
      if (question.node === node) this.#questions.delete(name);
    }
  }

  /** Remembers questions and looks at answers. */
  stepped(node: ObservedNode, input: Input, effects: readonly Effect[]): void {
    const { state, id, incarnation } = node;
    if (input.type === "verify") {
      const question = { node, incarnation, electedTerm: this.#electedTerm };
      this.#questions.set(`${id} ${input.id}`, question);
    }
    for (const effect of effects) {
      if (effect.type !== "verified") continue;
      const question = this.#questions.get(`${id} ${effect.id}`);
      if (question === undefined) {
        invariant(false, `confirmed leadership: question ${effect.id} to ${id} is answered twice`);
      }
      this.#questions.delete(`${id} ${effect.id}`);
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
    for (const [name, { node, incarnation }] of this.#questions) {
      if (node.isUp && node.incarnation === incarnation) {
        invariant(false, `confirmed leadership: the question ${name} is never answered`);
      }
    }
  }
}
