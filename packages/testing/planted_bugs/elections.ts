/**
 * Mistakes about votes and elections.
 *
 * @module
 */
import { type AppendAccepted, type Index, type Term, voterIds } from "@coracle/core";
import { configurationOf, step } from "@coracle/core/consensus";
import { testStoreId } from "../test_store_id.ts";
import { changingMessages, changingSends, changingWrites } from "./around_step.ts";
import type { PlantedBug } from "./planted_bug.ts";

/** See the module's description. */
export const ELECTION_BUGS: readonly PlantedBug[] = [
  {
    name: "vote-without-log-check",
    description: "a vote is given without a look at the candidate's log (B01, B06)",
    step: changingMessages((message) =>
      message.type === "vote" || message.type === "preVote"
        ? { ...message, lastLogTerm: Number.MAX_SAFE_INTEGER as Term }
        : message
    ),
  },
  {
    name: "vote-freed-by-stepping-back",
    description: "a candidate that steps back within its term forgets its vote (B03)",
    script: "election_06_step_back_keeps_vote_B03",
    step(state, input, nowMs) {
      const { term, role } = state;
      const effects = step(state, input, nowMs);
      if (role.type === "candidate" && state.role.type === "follower" && state.term === term) {
        state.votedFor = undefined;
      }
      return effects;
    },
  },
  {
    name: "vote-before-durable",
    description: "a vote is sent before it is on the disk (B02)",
    step: changingSends((send) =>
      send.message.type === "vote" || send.message.type === "voteResult"
        ? { ...send, after: undefined }
        : send
    ),
  },
  {
    name: "vote-not-written",
    description: "the disk is told the term and not the vote (B01)",
    step: changingWrites((write) =>
      write.hardState === undefined
        ? write
        : { ...write, hardState: { ...write.hardState, votedFor: undefined } }
    ),
  },
  {
    name: "election-majority-off-by-one",
    description: "a candidate needs one vote less than a majority (B58)",
    step(state, input, nowMs) {
      const { role } = state;
      if (role.type === "candidate" && role.phase === "vote" && role.granted.has(state.id)) {
        const other = voterIds(configurationOf(state)).find((id) => id !== state.id);
        if (other !== undefined) role.granted.set(other, testStoreId(other));
      }
      return step(state, input, nowMs);
    },
  },
  {
    name: "earlier-term-accepted",
    description: "a follower takes entries of a leader of an earlier term",
    step: changingMessages((message, state) =>
      message.type === "append" && message.term < state.term && state.role.type === "follower"
        ? { ...message, term: state.term }
        : message
    ),
  },
  {
    name: "later-term-counts-as-contact",
    description: "a deposed leader takes the refusal from a later term for an answer (B07)",
    world: "leased",
    step: changingMessages((message, state) => {
      const { role, term } = state;
      if (message.type !== "appendRejected" || role.type !== "leader") return message;
      if (message.term <= term) return message;
      const accepted: AppendAccepted = {
        type: "appendAccepted",
        term,
        matchIndex: 0 as Index,
        round: role.round,
        priority: 1,
        storeId: message.storeId,
      };
      return accepted;
    }),
  },
];
