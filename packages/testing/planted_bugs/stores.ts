/**
 * Mistakes about whose disk a voter has (B31).
 *
 * @module
 */
import { findServer, type Message } from "@coracle/core";
import { configurationOf, type NodeState, step } from "@coracle/core/consensus";
import { changingMessages, latestOf, pretending } from "./around_step.ts";
import type { PlantedBug } from "./planted_bug.ts";

/** See the module's description. */
export const STORE_BUGS: readonly PlantedBug[] = [
  {
    name: "other-store-votes",
    description: "a vote counts from whatever disk it is (B31)",
    script: "store_01_wiped_voter_B31",
    step: changingMessages((message, state, from) => {
      switch (message.type) {
        case "preVote":
        case "vote":
          return { ...message, storeId: state.storeId };
        case "preVoteResult":
        case "voteResult":
          return fromNamedStore(message, state, from);
        default:
          return message;
      }
    }),
  },
  {
    name: "other-store-acknowledges",
    description: "an acknowledgement counts from whatever disk it is (B31)",
    script: "store_02_leader_takes_nothing_B31",
    step: changingMessages((message, state, from) =>
      message.type === "appendAccepted" || message.type === "appendRejected"
        ? fromNamedStore(message, state, from)
        : message
    ),
  },
  {
    name: "unnamed-stores-elect",
    description: "a majority elects a leader, even if nobody knows which stores it has (B31)",
    script: "store_04_half_must_be_named",
    step(state, input, nowMs) {
      const isElection = input.type === "received" &&
        input.messages.every(({ type }) => type === "preVoteResult" || type === "voteResult");
      if (!isElection || state.role.type !== "candidate") return step(state, input, nowMs);
      const { index, configuration } = latestOf(state);
      const unnamed = {
        servers: configuration.servers.map(({ id, address, suffrage }) => ({
          id,
          address,
          suffrage,
        })),
      };
      return pretending(
        state,
        // Until it is elected: then it writes down what it knows.
        () => state.role.type === "candidate" ? { index, configuration: unnamed } : latestOf(state),
        () => step(state, input, nowMs),
      );
    },
  },
];

/** `message` as if it came from the store that its sender's name stands for. */
function fromNamedStore<Answer extends Message & { readonly storeId: string }>(
  message: Answer,
  state: NodeState,
  from: string,
): Answer {
  const storeId = findServer(configurationOf(state), from)?.storeId ?? message.storeId;
  return { ...message, storeId };
}
