/**
 * Inputs, effects and messages in few words, for traces and golden scripts: `n1@2` is the node n1 in term 2,
 * `5@3` is entry 5 of term 3.
 *
 * @module
 */
import {
  assertNever,
  type Configuration,
  decodeConfiguration,
  type Entry,
  type EntryRun,
  type Index,
  type Message,
  type Term,
} from "@coracle/core";
import type { Effect, Input, NodeState, Persist } from "@coracle/core/consensus";

/** Longest list of entries that is written out. */
const ENTRIES_MAX = 6;

/** `n1@2`. */
export function nodeText({ id, term }: { readonly id: string; readonly term: Term }): string {
  return `${id}@${term}`;
}

/** `5@3`; `0` for the beginning of the log. */
export function positionText(index: Index, term: Term | undefined): string {
  return index === 0 ? "0" : `${index}@${term ?? "?"}`;
}

/** `n1 n2 n3?`: a question mark for a member without a vote. */
export function configurationText({ servers }: Configuration): string {
  return servers.map(({ id, suffrage }) => suffrage === "voter" ? id : `${id}?`).join(" ");
}

/** `5@3 noop`, `6@3 "x"`, `1@1 members n1 n2`. */
export function entryText(entry: Entry): string {
  const position = positionText(entry.index, entry.term);
  switch (entry.type) {
    case "command": {
      const text = new TextDecoder().decode(entry.data.subarray(0, 20));
      const more = entry.data.length > 20 ? `… ${entry.data.length} bytes` : "";
      return `${position} ${JSON.stringify(text)}${more}`;
    }
    case "noop":
    case "barrier":
      return `${position} ${entry.type}`;
    case "configuration":
      return `${position} members ${configurationText(decodeConfiguration(entry.data))}`;
    default:
      return assertNever(entry.type);
  }
}

/** `[5@3 noop, 6@3 "x"]`; of a long run only the ends. */
export function runText(run: EntryRun): string {
  const { count, firstIndex, lastIndex } = run;
  if (count <= ENTRIES_MAX) return `[${run.entries().map(entryText).join(", ")}]`;
  return `[${entryText(run.entry(firstIndex))} … ${entryText(run.entry(lastIndex))}]`;
}

/** A message: its type, its term, and what it says. */
export function messageText(message: Message): string {
  switch (message.type) {
    case "preVote":
    case "vote": {
      const log = positionText(message.lastLogIndex, message.lastLogTerm);
      return `${message.type}@${message.term} log ${log}`;
    }
    case "preVoteResult": {
      const answer = message.granted ? "yes" : "no";
      return `preVoteResult@${message.term} ${answer} to term ${message.proposedTerm}`;
    }
    case "voteResult":
      return `voteResult@${message.term} ${message.granted ? "yes" : "no"}`;
    case "append": {
      const { entries, prevLogIndex, prevLogTerm, leaderCommit, round } = message;
      const after = `after ${positionText(prevLogIndex, prevLogTerm)}`;
      const what = entries === undefined ? "" : ` ${runText(entries)}`;
      return `append@${message.term} ${after}${what} commit ${leaderCommit} round ${round}`;
    }
    case "appendAccepted":
      return `accepted@${message.term} match ${message.matchIndex} round ${message.round}`;
    case "appendRejected": {
      const hint = positionText(message.hintIndex, message.hintTerm);
      return `rejected@${message.term} after ${message.rejectedIndex} hint ${hint} ` +
        `round ${message.round}`;
    }
    default:
      return assertNever(message);
  }
}

/** What happened to a node. */
export function inputText(input: Input): string {
  switch (input.type) {
    case "tick":
      return "tick";
    case "received":
      return `<- ${input.from} ${input.messages.map(messageText).join("; ")}`;
    case "persisted":
      return `disk has w${input.id}`;
    case "propose": {
      const { proposals } = input;
      const texts = proposals.slice(0, ENTRIES_MAX).map(({ type, data }) =>
        type === "command" ? JSON.stringify(new TextDecoder().decode(data.subarray(0, 20))) : type
      );
      if (proposals.length > ENTRIES_MAX) texts.push(`… ${proposals.length} in all`);
      return `propose ${texts.join(" ")}`;
    }
    case "verify":
      return `verify ${input.id}`;
    case "disconnected":
      return `disconnected from ${input.peer}`;
    case "bootstrap":
      return `bootstrap ${configurationText(input.configuration)}`;
    default:
      return assertNever(input);
  }
}

/** `w3: term 2 vote n1, drop from 5, add [5@2 noop]`. */
export function writeText({ id, hardState, truncateFrom, entries }: Persist): string {
  const parts: string[] = [];
  if (hardState !== undefined) {
    parts.push(`term ${hardState.term} vote ${hardState.votedFor ?? "none"}`);
  }
  if (truncateFrom !== undefined) parts.push(`drop from ${truncateFrom}`);
  if (entries !== undefined) parts.push(`add ${runText(entries)}`);
  return `w${id}: ${parts.join(", ")}`;
}

/** What a node wants done. */
export function effectText(effect: Effect, state: NodeState): string {
  switch (effect.type) {
    case "persist":
      return `write ${writeText(effect)}`;
    case "send": {
      const after = effect.after === undefined ? "" : ` (once w${effect.after} is durable)`;
      return `-> ${effect.to} ${messageText(effect.message)}${after}`;
    }
    case "commit":
      return `apply up to ${positionText(effect.index, state.log.term(effect.index))}`;
    case "proposed": {
      const { firstIndex, count, refusal } = effect;
      const because = refusal === undefined ? "" : `, the rest refused: ${refusal}`;
      if (count === 0) return `proposed: refused: ${refusal}`;
      const range = count === 1 ? `${firstIndex}` : `${firstIndex}..${firstIndex + count - 1}`;
      return `proposed: entry ${range}${because}`;
    }
    case "verified":
      return `verify ${effect.id}: ${effect.confirmed ? "confirmed" : "refused"}`;
    case "bootstrapped":
      return effect.after === undefined
        ? "bootstrap refused"
        : `bootstrapped with w${effect.after}`;
    case "roleChanged": {
      const { role, leader, reason } = effect;
      const whom = role === "follower" && leader !== undefined ? ` of ${leader}` : "";
      return `is ${role}${whom}: ${reason}`;
    }
    case "configurationChanged":
      return `members since ${effect.index}: ${configurationText(effect.configuration)}`;
    default:
      return assertNever(effect);
  }
}
