/**
 * The ways to put a mistake around the step function.
 *
 * @module
 */
import {
  type Append,
  type Index,
  type IndexedConfiguration,
  type Message,
  type ServerId,
  voterIds,
} from "@coracle/core";
import {
  configurationOf,
  Configurations,
  type Effect,
  type Input,
  type Leader,
  type NodeState,
  type Persist,
  type Send,
  step,
  type StepFunction,
} from "@coracle/core/consensus";

/** Changes messages before they are received. */
export function changingMessages(
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
export function changingSends(change: (send: Send, state: NodeState) => Send): StepFunction {
  return (state, input, nowMs) =>
    step(state, input, nowMs).map((one) => one.type === "send" ? change(one, state) : one);
}

/** Changes what is written. */
export function changingWrites(change: (write: Persist) => Persist): StepFunction {
  return (state, input, nowMs) =>
    step(state, input, nowMs).map((one) => one.type === "persist" ? change(one) : one);
}

/** A leader commits up to what `reached` says, if that is more. */
export function committing(reached: (state: NodeState, leader: Leader) => number): StepFunction {
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
export function afterAppends(
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

/** The node takes everything up to `commit` for committed. */
export function advance(state: NodeState, effects: Effect[], commit: number): void {
  state.commitIndex = commit as Index;
  state.configurations.committed(commit as Index);
  const applicable = Math.min(commit, state.log.durableIndex) as Index;
  if (applicable > state.announced.commitIndex) {
    state.announced.commitIndex = applicable;
    effects.push({ type: "commit", index: applicable });
  }
}

/** What a majority of voters has reached. */
export function middle(state: NodeState, matchOf: (id: ServerId) => number): number {
  return middleOf(voterIds(configurationOf(state)), matchOf);
}

/** What a majority of `ids` has reached. */
export function middleOf(ids: readonly ServerId[], matchOf: (id: ServerId) => number): number {
  const matches = ids.map(matchOf).sort((a, b) => b - a);
  return matches[Math.floor(matches.length / 2)] ?? 0;
}

/** What a node is known to have on its disk. */
export function matchIn(state: NodeState, leader: Leader): (id: ServerId) => number {
  return (id) =>
    id === state.id ? state.log.durableIndex : leader.progress.get(id)?.matchIndex ?? 0;
}

/** `index` if its entry is of the node's own term, else 0. */
export function ofOwnTerm(state: NodeState, index: number): number {
  return state.log.term(index as Index) === state.term ? index : 0;
}

/** During the steps that `which` chooses, the leader takes something of its own term for committed, if `what` asks whether it is. */
export function forgettingOwnEntry(which: (input: Input) => boolean): StepFunction {
  return (state, input, nowMs) => {
    const { role } = state;
    if (role.type !== "leader" || !which(input)) return step(state, input, nowMs);
    const { noopIndex } = role;
    const leader = role as { noopIndex: Index };
    leader.noopIndex = 0 as Index;
    const effects = step(state, input, nowMs);
    leader.noopIndex = noopIndex;
    return effects;
  };
}

/** The configuration in force, as it is. */
export function latestOf({ configurations }: NodeState): IndexedConfiguration {
  const { get } = Object.getOwnPropertyDescriptor(Configurations.prototype, "latest")!;
  return get!.call(configurations);
}

/** While `act` runs, the node takes what `pretended` says for the configuration in force. */
export function pretending<Result>(
  state: NodeState,
  pretended: () => IndexedConfiguration,
  act: () => Result,
): Result {
  const { configurations } = state;
  const before = configurations.unsettled.slice(0, -1);
  return during(
    configurations,
    { latest: pretended, unsettled: () => [...before, pretended()] },
    act,
  );
}

/** While `act` runs, the properties of `object` that `getters` names are what they say. */
export function during<Result>(
  object: object,
  getters: Readonly<Record<string, () => unknown>>,
  act: () => Result,
): Result {
  for (const [name, get] of Object.entries(getters)) {
    Object.defineProperty(object, name, { get, configurable: true });
  }
  try {
    return act();
  } finally {
    for (const name of Object.keys(getters)) delete (object as Record<string, unknown>)[name];
  }
}
