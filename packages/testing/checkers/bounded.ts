/**
 * Everything is bounded: what is on its way to a follower, and what a leader has appended and not committed. One
 * message, or one proposal, is always allowed, however large.
 *
 * @module
 */
import { encodeConfiguration, ENTRY_HEADER_SIZE_BYTES, invariant } from "@coracle/core";
import type { NodeState } from "@coracle/core/consensus";
import type { Checker, ObservedNode } from "./checker.ts";

/** See the module's description. */
export class Bounded implements Checker {
  /** Looks at the leader's books. */
  stepped({ id, state }: ObservedNode): void {
    const { role, config } = state;
    if (role.type !== "leader") return;
    for (const [peer, progress] of role.progress) {
      const { inflightMessages, inflightSizeBytes } = progress;
      const isWithin = inflightMessages <= config.inflightMessagesMax &&
        (inflightMessages <= 1 || inflightSizeBytes < config.inflightSizeMaxBytes ||
          inflightSizeBytes < config.inflightSizeMaxBytes + messageSizeMax(state));
      if (!isWithin) {
        invariant(
          false,
          `bounded: ${id} has ${inflightMessages} messages with ${inflightSizeBytes} bytes on their ` +
            `way to ${peer}`,
        );
      }
    }
    const { uncommitted, uncommittedSizeBytes } = role;
    if (uncommitted.length > 1 && uncommittedSizeBytes > config.uncommittedSizeMaxBytes) {
      invariant(false, `bounded: ${id} has ${uncommittedSizeBytes} bytes uncommitted`);
    }
  }
}

/** A message is as large as is allowed, or one entry: a command, or the members. */
function messageSizeMax({ config, configurations }: NodeState): number {
  const members = encodeConfiguration(configurations.latest.configuration).length;
  const data = Math.max(config.commandSizeMaxBytes, members);
  return Math.max(config.appendSizeMaxBytes, ENTRY_HEADER_SIZE_BYTES + data);
}
