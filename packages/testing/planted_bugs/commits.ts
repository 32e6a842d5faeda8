/**
 * Mistakes about what is committed, and what counts for it.
 *
 * @module
 */
import { type Index, voterIds } from "@coracle/core";
import { configurationOf, step } from "@coracle/core/consensus";
import {
  advance,
  afterAppends,
  changingSends,
  committing,
  matchIn,
  middle,
  ofOwnTerm,
} from "./around_step.ts";
import type { PlantedBug } from "./planted_bug.ts";

/** See the module's description. */
export const COMMIT_BUGS: readonly PlantedBug[] = [
  {
    name: "commit-of-earlier-term-by-counting",
    description: "an entry of an earlier term is committed by counting copies (B10, figure 8)",
    step: committing((state, leader) => middle(state, matchIn(state, leader))),
  },
  {
    name: "leader-counts-itself-before-durable",
    description: "the leader counts its own copy before it is on its disk (B16)",
    step: committing((state, leader) =>
      ofOwnTerm(
        state,
        middle(state, (id) =>
          id === state.id ? state.log.lastIndex : leader.progress.get(id)!.matchIndex),
      )
    ),
  },
  {
    name: "commit-quorum-not-sorted",
    description: "the commit index is taken from the middle of a list that is not sorted (B15)",
    step: committing((state, leader) => {
      const matches = voterIds(configurationOf(state)).map((id) =>
        id === state.id ? state.log.durableIndex : leader.progress.get(id)!.matchIndex
      );
      return ofOwnTerm(state, matches[Math.floor(matches.length / 2)] ?? 0);
    }),
  },
  {
    name: "commit-beyond-compared",
    description: "a follower commits entries that the message has not compared (B13)",
    step: afterAppends((state, message, effects) => {
      const commit = Math.min(message.leaderCommit, state.log.lastIndex);
      if (message.term === state.term && commit > state.commitIndex) {
        advance(state, effects, commit);
      }
    }),
  },
  {
    name: "acknowledged-before-durable",
    description: "a follower acknowledges entries before they are on its disk (B16)",
    step: changingSends((send) =>
      send.message.type === "appendAccepted" ? { ...send, after: undefined } : send
    ),
  },
  {
    name: "heartbeat-claims-too-much",
    description: "the answer to a heartbeat claims the whole log, compared or not",
    step: changingSends((send, state) => {
      const { message, after } = send;
      if (message.type !== "appendAccepted" || after !== undefined) return send;
      return { ...send, message: { ...message, matchIndex: state.log.durableIndex } };
    }),
  },
  {
    name: "heartbeat-claims-before-term-durable",
    description: "the answer to a heartbeat claims entries while the node could forget the term",
    script: "restart_05_term_forgotten",
    step(state, input, nowMs) {
      if (input.type !== "received") return step(state, input, nowMs);
      return input.messages.flatMap((message) =>
        step(state, { ...input, messages: [message] }, nowMs).map((effect) => {
          if (message.type !== "append" || message.entries !== undefined) return effect;
          if (effect.type !== "send" || effect.message.type !== "appendAccepted") return effect;
          const matchIndex = Math.min(message.prevLogIndex, state.log.durableIndex) as Index;
          return { ...effect, message: { ...effect.message, matchIndex } };
        })
      );
    },
  },
  {
    name: "applied-before-durable",
    description: "a node applies what is committed before it is on its own disk",
    step(state, input, nowMs) {
      const effects = step(state, input, nowMs);
      const { announced, commitIndex } = state;
      if (commitIndex > announced.commitIndex) {
        announced.commitIndex = commitIndex;
        effects.push({ type: "commit", index: commitIndex });
      }
      return effects;
    },
  },
];
