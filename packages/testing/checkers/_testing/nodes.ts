/**
 * Nodes in states that a checker must find right or wrong.
 *
 * @module
 */
import { assertThrows } from "@std/assert";
import {
  type Configuration,
  DEFAULT_CONFIG,
  encodeConfiguration,
  EntryRun,
  InvariantViolation,
  NO_BYTES,
  type Proposal,
  toIndex,
  toTerm,
} from "@coracle/core";
import type { Input, Leader, Persist } from "@coracle/core/consensus";
import { CoreNode } from "../../core_node.ts";
import { testStoreId } from "../../test_store_id.ts";

/** Time passes. */
export const TICK: Input = { type: "tick" };
/** Three voters. */
export const MEMBERS: Configuration = {
  servers: ["n1", "n2", "n3"].map((id) => ({
    id,
    address: id,
    suffrage: "voter",
    storeId: testStoreId(id),
  })),
};

/** A command. */
export function command(text: string): Proposal {
  return { type: "command", data: new TextEncoder().encode(text), extensions: NO_BYTES };
}

/** Commands from index `first` on, of one term. */
export function run(first: number, term: number, ...texts: string[]): EntryRun {
  return EntryRun.encode(toIndex(first), toTerm(term), 0, texts.map(command));
}

/** A write with nothing in it but `part`. */
export function persist(part: Partial<Persist>): Persist {
  return {
    type: "persist",
    id: 1,
    hardState: undefined,
    reset: undefined,
    truncateFrom: undefined,
    entries: undefined,
    ...part,
  };
}

/** A node that runs, with the configuration as entry 1 of term 1 and then `entries` on its disk. */
export function nodeWith(ordinal: number, ...entries: EntryRun[]): CoreNode {
  const node = new CoreNode({ id: `n${ordinal + 1}`, ordinal, config: DEFAULT_CONFIG, seed: 1 }, {
    send: () => {},
    stepped: () => {},
  });
  const first = EntryRun.encode(toIndex(1), toTerm(1), 0, [
    { type: "configuration", data: encodeConfiguration(MEMBERS), extensions: NO_BYTES },
  ]);
  const term = toTerm(entries.at(-1)?.lastTerm ?? 1);
  node.image.apply({
    hardState: { term, votedFor: undefined },
    reset: undefined,
    truncateFrom: undefined,
    entries: first,
  });
  for (const one of entries) node.image.apply(persist({ entries: one }));
  node.start(0);
  return node;
}

/** Three nodes that run, with the same log. */
export function trio(...entries: EntryRun[]): CoreNode[] {
  return [0, 1, 2].map((ordinal) => nodeWith(ordinal, ...entries));
}

/** Makes a node lead in `term`. */
export function lead(node: CoreNode, term: number): Leader {
  node.state.term = toTerm(term);
  const role: Leader = {
    type: "leader",
    noopIndex: toIndex(2),
    progress: new Map(),
    round: 1,
    confirmations: [],
    heldReads: [],
    roundStarts: [],
    transfer: undefined,
    leaseGivenUp: false,
    isHeld: false,
    highestPriority: undefined,
    leaving: new Map(),
    uncommitted: [],
    uncommittedSizeBytes: 0,
    heartbeatAtMs: 0,
    quorumCheckAtMs: 0,
    commitBroadcastAtMs: 0,
  };
  node.state.role = role;
  return role;
}

/** The node takes entries up to `index` for committed. */
export function commitUpTo(node: CoreNode, index: number): void {
  node.state.commitIndex = toIndex(index);
}

/** `act` must break a sentence, in words that contain `sentence`. */
export function violation(sentence: string, act: () => void): void {
  assertThrows(act, InvariantViolation, sentence);
}
