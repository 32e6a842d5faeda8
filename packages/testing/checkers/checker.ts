/**
 * What a checker sees of a cluster, and what it may ask.
 *
 * @module
 */
import type {
  HardState,
  Index,
  LogReader,
  Message,
  Server,
  ServerId,
  StoreId,
} from "@coracle/core";
import type { Effect, Input, NodeState, Persist } from "@coracle/core/consensus";

/** A node as a checker sees it. */
export interface ObservedNode {
  /** Its name. */
  readonly id: ServerId;
  /** Its place in {@linkcode ObservedCluster.nodes}. */
  readonly ordinal: number;
  /** How often it was started. */
  readonly incarnation: number;
  /** Whether it runs. */
  readonly isUp: boolean;
  /** Its state; only while it is up. */
  readonly state: NodeState;
  /** What its disk holds, up or down. */
  readonly image: LogReader & { readonly hardState: HardState; readonly storeId: StoreId };
  /** Up to where the snapshots on its disk reach, if it has any. */
  readonly snapshotIndex?: Index;
}

/** All nodes, up or down. */
export interface ObservedCluster {
  /** The nodes, in an order that does not change. One that comes back under the name of one that is lost stands after it. */
  readonly nodes: readonly ObservedNode[];
}

/**
 * Whose disk a member of a configuration stands for: the one with the store that it names, even if that is lost by now; of those who
 * have had its name, the last, while it names none.
 */
export function nodeOf(
  { nodes }: ObservedCluster,
  { id, storeId }: Server,
): ObservedNode | undefined {
  return nodes.findLast((one) =>
    one.id === id && (storeId === undefined || one.image.storeId === storeId)
  );
}

/** Whom a message gets to: of those who have had a name, the last. */
export function nodeNamed({ nodes }: ObservedCluster, id: ServerId): ObservedNode | undefined {
  return nodes.findLast((one) => one.id === id);
}

/**
 * Watches a cluster and throws an `InvariantViolation` when what it stands for does not hold. It is told of
 * everything as it happens and keeps what it needs, so that a step costs little.
 */
export interface Checker {
  /** A node has started, on what its disk holds. */
  started?(node: ObservedNode): void;
  /** A node has taken a step. Messages that it sends in it and that wait for nothing may have been seen by {@linkcode Checker.sent}, or not yet. */
  stepped?(node: ObservedNode, input: Input, effects: readonly Effect[]): void;
  /** One write has taken effect on a node's disk. */
  written?(node: ObservedNode, write: Persist): void;
  /** A message has left a node: what it promises is given. */
  sent?(node: ObservedNode, to: ServerId, message: Message): void;
  /** Nothing will happen any more. */
  finished?(): void;
}
