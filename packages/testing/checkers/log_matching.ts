/**
 * Log Matching: if two logs contain an entry with the same index and term, then the logs are identical in all
 * entries up through that index (Raft paper, figure 3).
 *
 * Checked entry by entry as they are written: an index and a term always mean the same bytes after an entry of
 * the same term. The rest follows by induction.
 *
 * @module
 */
import { type EntryRun, type Index, invariant, type Term } from "@coracle/core";
import type { Persist } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";

interface Known {
  readonly previousTerm: Term;
  readonly run: EntryRun;
  readonly start: number;
  readonly end: number;
}

/** See the module's description. */
export class LogMatching implements Checker {
  /** By index, then by term. */
  readonly #known: Map<Term, Known>[] = [];

  /** What a node writes must be what everybody else has there. */
  written(node: ObservedNode, { entries }: Persist): void {
    if (entries !== undefined) this.#check(node, entries);
  }

  #check(node: ObservedNode, run: EntryRun): void {
    const { bytes } = run;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let previousTerm = node.image.term((run.firstIndex - 1) as Index)!;
    let start = 0;
    for (let index = run.firstIndex as number; index <= run.lastIndex; index += 1) {
      const end = start + view.getUint32(start);
      const term = run.term(index as Index);
      const byTerm = this.#known[index] ??= new Map<Term, Known>();
      const known = byTerm.get(term);
      if (known === undefined) {
        byTerm.set(term, { previousTerm, run, start, end });
      } else if (known.previousTerm !== previousTerm || !areEqual(known, bytes, start, end)) {
        invariant(false, `log matching: ${node.id} has another entry ${index}@${term}`);
      }
      previousTerm = term;
      start = end;
    }
  }
}

function areEqual(known: Known, bytes: Uint8Array, start: number, end: number): boolean {
  const other = known.run.bytes;
  if (known.end - known.start !== end - start) return false;
  for (let at = 0; at < end - start; at += 1) {
    if (other[known.start + at] !== bytes[start + at]) return false;
  }
  return true;
}
