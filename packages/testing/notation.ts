/**
 * Inputs, effects and messages in few words, for traces and golden scripts: `n1@2` is the node n1 in term 2,
 * `5@3` is entry 5 of term 3.
 *
 * @module
 */
import {
  assertNever,
  type Configuration,
  type ConfigurationChange,
  decodeConfiguration,
  DEFAULT_CONFIG,
  type Entry,
  type EntryRun,
  type Index,
  type Message,
  type SnapshotPoint,
  type StoreId,
  type Term,
} from "@coracle/core";
import type { Effect, Input, NodeState, Persist } from "@coracle/core/consensus";
import { storeText } from "./test_store_id.ts";

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

/**
 * `n1 n2* n3? n4+`: a star for a voter whose store has no name yet, a question mark for a member without a vote, a plus for one that is
 * to get it. `n1#2` is n1 with its second disk.
 */
export function configurationText({ servers }: Configuration): string {
  return servers.map(({ id, suffrage, storeId }) => {
    const marks = { voter: storeId === undefined ? "*" : "", nonvoter: "?", staging: "+" };
    return id + marks[suffrage] + (storeId === undefined ? "" : storeText(storeId));
  }).join(" ");
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
    case "restore":
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
      const { storeId } = message;
      const log = positionText(message.lastLogIndex, message.lastLogTerm);
      const store = storeId === undefined ? "any store" : storeText(storeId);
      return `${message.type}@${message.term} log ${log}${store === "" ? "" : ` to ${store}`}`;
    }
    case "preVoteResult": {
      const answer = message.granted ? "yes" : "no";
      return `preVoteResult@${message.term} ${answer} to term ${message.proposedTerm}` +
        fromText(message);
    }
    case "voteResult":
      return `voteResult@${message.term} ${message.granted ? "yes" : "no"}${fromText(message)}`;
    case "timeoutNow":
      return `timeoutNow@${message.term}`;
    case "readIndex":
      return `readIndex ${message.id}`;
    case "readIndexResult":
      return `readIndexResult ${message.id}: ${message.readIndex ?? "refused"}`;
    case "append": {
      const { entries, prevLogIndex, prevLogTerm, leaderCommit, round } = message;
      const after = `after ${positionText(prevLogIndex, prevLogTerm)}`;
      const what = entries === undefined ? "" : ` ${runText(entries)}`;
      const flags = (message.leased ? " leased" : "") + (message.yields ? " yields" : "") +
        (message.storeRefused ? " to a store that does not count" : "") +
        (message.removed ? " to one that is no member any more" : "");
      return `append@${message.term} ${after}${what} commit ${leaderCommit} round ${round}${flags}`;
    }
    case "appendAccepted": {
      const { term, matchIndex, round, priority } = message;
      const stated = priority === DEFAULT_CONFIG.leaderPriority ? "" : ` priority ${priority}`;
      return `accepted@${term} match ${matchIndex} round ${round}${stated}${fromText(message)}`;
    }
    case "appendRejected": {
      const hint = positionText(message.hintIndex, message.hintTerm);
      return `rejected@${message.term} after ${message.rejectedIndex} hint ${hint} ` +
        `round ${message.round}${fromText(message)}`;
    }
    default:
      return assertNever(message);
  }
}

/** Which store a message is from, if it is not its sender's first. */
function fromText({ storeId }: { readonly storeId: StoreId }): string {
  const store = storeText(storeId);
  return store === "" ? "" : ` from ${store}`;
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
    case "read":
      return `read ${input.id} ${input.level}`;
    case "changeConfiguration":
      return `change ${changeText(input.change)}` +
        (input.prevIndex === undefined ? "" : ` of ${input.prevIndex}`);
    case "transferLeadership":
      return `transfer to ${input.target ?? "the best"}`;
    case "stepDown":
      return "step down";
    case "holdLeadership":
      return input.isHeld ? "hold leadership" : "leadership need not be held";
    case "snapshotSent": {
      const how = input.arrived ? "has" : "has not got";
      return `${input.peer} ${how} the snapshot up to ${input.lastIncludedIndex}`;
    }
    case "snapshotReceived":
      return `<- ${input.from} snapshot@${input.term} ${pointText(input)}`;
    case "reload":
      return "other settings";
    case "disconnected":
      return `disconnected from ${input.peer}`;
    case "bootstrap":
      return `bootstrap ${configurationText(input.configuration)}`;
    default:
      return assertNever(input);
  }
}

/** `addVoter n4`, `removeServer n1`. */
function changeText(change: ConfigurationChange): string {
  const immediately = change.type === "addVoter" && change.immediately ? " immediately" : "";
  return `${change.type} ${change.id}${immediately}`;
}

/** `up to 5@2, members n1 n2 since 1`. */
export function pointText(
  { lastIncludedIndex, lastIncludedTerm, configuration }: SnapshotPoint,
): string {
  const members = configurationText(configuration.configuration);
  return `up to ${positionText(lastIncludedIndex, lastIncludedTerm)}, members ${members} ` +
    `since ${configuration.index}`;
}

/** `w3: term 2 vote n1, drop from 5, add [5@2 noop]`. */
export function writeText({ id, hardState, reset, truncateFrom, entries }: Persist): string {
  const parts: string[] = [];
  if (hardState !== undefined) {
    parts.push(`term ${hardState.term} vote ${hardState.votedFor ?? "none"}`);
  }
  if (reset !== undefined) parts.push(`begin after ${positionText(reset.index, reset.term)}`);
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
    case "readReady":
      return `read ${effect.id}: ${
        effect.readIndex === undefined ? "refused" : `once ${effect.readIndex} is applied`
      }`;
    case "configurationProposed":
      return effect.index === undefined
        ? `change refused: ${effect.refusal!.type}`
        : `change is entry ${effect.index}`;
    case "transferred":
      return `transfer: ${effect.outcome}`;
    case "sendSnapshot":
      return `-> ${effect.to} snapshot@${effect.term}`;
    case "installSnapshot":
      return `restore ${pointText(effect)}`;
    case "contactChanged":
      return `${effect.peer} ${effect.answers ? "answers again" : "does not answer"}`;
    case "storeChanged":
      return `${effect.peer} has another store, ${storeText(effect.storeId)}, which does not count`;
    case "storeRefused":
      return effect.by === undefined
        ? "its store counts again"
        : `its store does not count for ${effect.by}`;
    case "otherCluster":
      return `takes nothing from ${effect.leader}, which leads another cluster`;
    case "removed":
      return "is no member any more";
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
