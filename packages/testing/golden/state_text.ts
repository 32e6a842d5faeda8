/**
 * What a node knows, in a few lines of a golden script.
 *
 * @module
 */
import { assertNever, DEFAULT_CONFIG, type Index } from "@coracle/core";
import type { NodeState } from "@coracle/core/consensus";
import type { CoreNode } from "../core_node.ts";
import { nodeText, positionText, writeText } from "../notation.ts";

/** `1@1 2@2 | 3@2`: the entries' positions; those after the bar are not durable. */
export function logText(node: CoreNode): string {
  const log = node.isUp ? node.state.log : node.image;
  const durableIndex = node.isUp ? node.state.log.durableIndex : node.image.lastIndex;
  const words: string[] = [];
  for (let index = log.firstIndex as number; index <= log.lastIndex; index += 1) {
    if (index === durableIndex + 1) words.push("|");
    words.push(positionText(index as Index, log.term(index as Index)));
  }
  return words.join(" ");
}

/** Role, term, vote, log and commit index; for a leader each follower; the writes that wait. */
export function stateLines(node: CoreNode): string[] {
  if (!node.isUp) {
    const { term, votedFor } = node.image.hardState;
    return [
      `${node.id} is down, its disk: term ${term} vote ${votedFor ?? "none"} ${logText(node)}`,
    ];
  }
  const { state } = node;
  const { commitIndex, announced, votedFor } = state;
  return [
    `${nodeText(state)} ${roleText(state)}, vote ${votedFor ?? "none"}, log ${logText(node)}, ` +
    `commit ${commitIndex} apply ${announced.commitIndex}${snapshotText(node)}`,
    ...progressLines(state),
    ...node.waiting.map((write) => `  waiting ${writeText(write)}`),
  ];
}

function snapshotText({ snapshot }: CoreNode): string {
  if (snapshot === undefined) return "";
  const { lastIncludedIndex, lastIncludedTerm } = snapshot;
  return `, snapshot up to ${positionText(lastIncludedIndex, lastIncludedTerm)}`;
}

function roleText({ role }: NodeState): string {
  switch (role.type) {
    case "follower":
      return role.leader === undefined ? "follower" : `follower of ${role.leader}`;
    case "candidate":
      return `candidate (${role.phase}, yes from ${
        [...role.granted.keys()].sort().join(" ") || "none"
      })`;
    case "leader": {
      const { round, transfer } = role;
      if (transfer === undefined) return `leader, round ${round}`;
      return `leader, round ${round}, hands over to ${transfer.target}${
        transfer.told ? " (told)" : ""
      }`;
    }
    default:
      return assertNever(role);
  }
}

function progressLines({ role }: NodeState): string[] {
  if (role.type !== "leader") return [];
  return [...role.progress].map(([id, progress]) => {
    const flights = progress.inflightMessages === 0
      ? ""
      : `, ${progress.inflightMessages} in flight (${progress.inflightSizeBytes} bytes)`;
    const paused = progress.paused ? " paused" : "";
    const { priority = DEFAULT_CONFIG.leaderPriority } = progress;
    const stated = priority === DEFAULT_CONFIG.leaderPriority ? "" : `, priority ${priority}`;
    return `  ${id} ${progress.mode}${paused} match ${progress.matchIndex} ` +
      `next ${progress.nextIndex}${flights}${stated}`;
  });
}
