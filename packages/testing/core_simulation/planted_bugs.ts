/**
 * Known mistakes, to show that the simulation finds them. Each is made around the real step function: it changes
 * what goes in, what comes out, or the state in between. For tests only.
 *
 * @module
 */
import {
  type Append,
  type AppendAccepted,
  type AppendRejected,
  type Index,
  isVoter,
  type Message,
  type Term,
  voterIds,
} from "@coracle/core";
import {
  configurationOf,
  type Effect,
  type Input,
  type Leader,
  type NodeState,
  type Persist,
  type Send,
  step,
  type StepFunction,
} from "@coracle/core/consensus";

/** A mistake. */
export interface PlantedBug {
  /** Its name, for the command line. */
  readonly name: string;
  /** What is wrong, in words; with the number of the case where it has one. */
  readonly description: string;
  /** The step function with the mistake in it. */
  readonly step: StepFunction;
}

/** All mistakes that can be planted. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
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
        if (other !== undefined) role.granted.add(other);
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
    name: "commit-of-earlier-term-by-counting",
    description: "an entry of an earlier term is committed by counting copies (B10, figure 8)",
    step: committing((state, leader) =>
      middle(
        state,
        (id) => id === state.id ? state.log.durableIndex : leader.progress.get(id)!.matchIndex,
      )
    ),
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
    name: "place-not-compared",
    description: "a follower does not compare the entry before those it is sent",
    step: changingMessages((message, state) => {
      if (message.type !== "append") return message;
      const prevLogTerm = state.log.term(message.prevLogIndex);
      return prevLogTerm === undefined ? message : { ...message, prevLogTerm };
    }),
  },
  {
    name: "truncation-without-conflict",
    description: "a late append removes the entries after its own (B11)",
    step: afterAppends((state, { term, entries }, effects, nowMs) => {
      if (term !== state.term || entries === undefined) return;
      const { lastIndex } = entries;
      if (state.log.lastIndex <= lastIndex || state.log.term(lastIndex) !== entries.lastTerm) {
        return;
      }
      const truncateFrom = (lastIndex + 1) as Index;
      state.log.truncate(truncateFrom);
      const id = state.nextPersistId++;
      state.log.written(id, nowMs);
      effects.push({
        type: "persist",
        id,
        hardState: undefined,
        reset: undefined,
        truncateFrom,
        entries: undefined,
      });
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
  {
    name: "later-term-counts-as-contact",
    description: "a deposed leader takes the refusal from a later term for an answer (B07)",
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
      };
      return accepted;
    }),
  },
  {
    name: "stale-round-confirms",
    description: "any answer confirms a question, also one to an older message (B56)",
    step: changingMessages((message, { role }) =>
      message.type === "appendAccepted" && role.type === "leader"
        ? { ...message, round: role.round }
        : message
    ),
  },
  {
    name: "nonvoters-confirm",
    description: "answers of members without a vote confirm a question (B57)",
    step(state, input, nowMs) {
      const { role } = state;
      const configuration = configurationOf(state);
      if (
        role.type === "leader" && input.type === "received" && !isVoter(configuration, input.from)
      ) {
        for (const message of input.messages) {
          if (message.type !== "appendAccepted" || message.term !== state.term) continue;
          for (const [id, progress] of role.progress) {
            if (!isVoter(configuration, id)) continue;
            progress.confirmedRound = Math.max(progress.confirmedRound, message.round);
            progress.lastContactMs = nowMs;
          }
        }
      }
      return step(state, input, nowMs);
    },
  },
  {
    name: "refusal-carries-round",
    description: "the refusal of an earlier term's append answers a round of that term (B56)",
    step(state, input, nowMs) {
      const effects = step(state, input, nowMs);
      if (input.type !== "received") return effects;
      const stale = input.messages.find((one) => one.type === "append" && one.term < state.term);
      if (stale?.type !== "append") return effects;
      return effects.map((effect) =>
        effect.type === "send" && effect.message.type === "appendRejected" &&
          effect.message.round === 0
          ? { ...effect, message: { ...effect.message, round: stale.round } }
          : effect
      );
    },
  },
  {
    name: "probe-moves-on",
    description: "a probe does not stay at its place, and its rejection looks stale",
    step: changingMessages((message, { role }, from) => {
      if (message.type !== "appendRejected" || role.type !== "leader") return message;
      const progress = role.progress.get(from);
      if (progress?.mode !== "probe" || !progress.paused) return message;
      // Only the rejection of a heartbeat behind everything that was sent is taken for current.
      return staleRejection(message);
    }),
  },
];

/** Changes messages before they are received. */
function changingMessages(
  change: (message: Message, state: NodeState, from: string) => Message,
): StepFunction {
  return (state, input, nowMs) => {
    if (input.type !== "received") return step(state, input, nowMs);
    const effects: Effect[] = [];
    // One by one, since each may change the state that the next is changed by.
    for (const message of input.messages) {
      const changed: Input = { ...input, messages: [change(message, state, input.from)] };
      effects.push(...step(state, changed, nowMs));
    }
    return effects;
  };
}

/** Changes messages before they are sent. */
function changingSends(change: (send: Send, state: NodeState) => Send): StepFunction {
  return (state, input, nowMs) =>
    step(state, input, nowMs).map((one) => one.type === "send" ? change(one, state) : one);
}

/** Changes what is written. */
function changingWrites(change: (write: Persist) => Persist): StepFunction {
  return (state, input, nowMs) =>
    step(state, input, nowMs).map((one) => one.type === "persist" ? change(one) : one);
}

/** A leader commits up to what `reached` says, if that is more. */
function committing(reached: (state: NodeState, leader: Leader) => number): StepFunction {
  return (state, input, nowMs) => {
    const effects = step(state, input, nowMs);
    if (state.role.type === "leader") {
      const commit = reached(state, state.role);
      if (commit > state.commitIndex) advance(state, effects, commit);
    }
    return effects;
  };
}

/** Does something after each append that was received. */
function afterAppends(
  act: (state: NodeState, message: Append, effects: Effect[], nowMs: number) => void,
): StepFunction {
  return (state, input, nowMs) => {
    const effects = step(state, input, nowMs);
    if (input.type !== "received" || state.role.type !== "follower") return effects;
    for (const message of input.messages) {
      if (message.type === "append") act(state, message, effects, nowMs);
    }
    return effects;
  };
}

function advance(state: NodeState, effects: Effect[], commit: number): void {
  state.commitIndex = commit as Index;
  state.configurations.committed(commit as Index);
  const applicable = Math.min(commit, state.log.durableIndex) as Index;
  if (applicable > state.announced.commitIndex) {
    state.announced.commitIndex = applicable;
    effects.push({ type: "commit", index: applicable });
  }
}

function middle(state: NodeState, matchOf: (id: string) => number): number {
  const matches = voterIds(configurationOf(state)).map(matchOf).sort((a, b) => b - a);
  return matches[Math.floor(matches.length / 2)] ?? 0;
}

function ofOwnTerm(state: NodeState, index: number): number {
  return state.log.term(index as Index) === state.term ? index : 0;
}

function staleRejection(message: AppendRejected): AppendRejected {
  return { ...message, rejectedIndex: -1 as Index };
}
