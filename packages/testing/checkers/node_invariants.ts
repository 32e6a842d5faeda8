/**
 * What is true of every node between any two steps: the consensus' own sentences.
 *
 * @module
 */
import { checkInvariants } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";

/** See the module's description. */
export class NodeInvariants implements Checker {
  /** A node that has just started. */
  started(node: ObservedNode): void {
    checkInvariants(node.state);
  }

  /** After every step. */
  stepped(node: ObservedNode): void {
    checkInvariants(node.state);
  }
}
