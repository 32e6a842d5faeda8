/**
 * What the cluster has committed: index by index the entry's term, and the term of the leader that committed it.
 * Several checkers compare nodes with it.
 *
 * @module
 */
import type { Index, Term } from "@coracle/core";

/** See the module's description. */
export class CommittedLog {
  /** Terms of the committed entries; index 0 is before the log. */
  readonly #terms: Term[] = [0 as Term];
  /** For each term, how far its leader has committed. */
  readonly #byLeaderTerm = new Map<Term, Index>();

  /** The last committed entry. */
  get lastIndex(): Index {
    return (this.#terms.length - 1) as Index;
  }

  /** Term of the committed entry at `index`, or `undefined` if none is committed there. */
  term(index: Index): Term | undefined {
    return this.#terms[index];
  }

  /** A leader of `leaderTerm` has committed the next entry, which is of `term`. */
  add(term: Term): void {
    this.#terms.push(term);
  }

  /** A leader of `leaderTerm` has committed everything up to `index`. */
  committedBy(leaderTerm: Term, index: Index): void {
    const before = this.#byLeaderTerm.get(leaderTerm) ?? 0;
    if (index > before) this.#byLeaderTerm.set(leaderTerm, index);
  }

  /** How far leaders of terms before `term` have committed. */
  lastIndexBefore(term: Term): Index {
    let last = 0;
    for (const [leaderTerm, index] of this.#byLeaderTerm) {
      if (leaderTerm < term && index > last) last = index;
    }
    return last as Index;
  }
}
