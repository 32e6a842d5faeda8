/**
 * What is true of every node between any two steps, as sentences that run. Tests and the simulator call it
 * after every step.
 *
 * @module
 */
import { invariant } from "../model/assert.ts";
import { findServer, isVoter } from "../model/configuration.ts";
import type { NodeState } from "./state.ts";

/** Throws an `InvariantViolation` that names the sentence that does not hold for `state`. */
export function checkInvariants(state: NodeState): void {
  const { log, role, unsaved, announced } = state;
  const at = `${state.id}@${state.term}: `;
  invariant(
    !unsaved.hardState && unsaved.entries === undefined && unsaved.truncateFrom === undefined,
    at + "a step hands out everything that it changed of the durable state",
  );
  invariant(state.commitIndex <= log.lastIndex, at + "what is committed is in the log");
  invariant(log.durableIndex <= log.lastIndex, at + "what is durable is in the log");
  invariant(
    announced.commitIndex <= state.commitIndex && announced.commitIndex <= log.durableIndex,
    at + "what is applied is committed and on this node's disk",
  );
  invariant(log.lastTerm <= state.term, at + "no entry is of a term that the node has not seen");
  const { latest, settled } = state.configurations;
  invariant(latest.index <= log.lastIndex, at + "the configuration in force is in the log");
  invariant(
    settled.index <= state.commitIndex,
    at + "the configuration that others may be rolled back to is committed",
  );
  if (role.type === "candidate" && role.phase === "vote") {
    invariant(state.votedFor === state.id, at + "a candidate has voted for itself");
  }
  if (role.type === "leader") {
    invariant(log.lastIndex >= role.noopIndex, at + "a leader never drops entries");
    invariant(log.lastTerm === state.term, at + "a leader's last entry is of its own term");
    let uncommittedSizeBytes = 0;
    for (const one of role.uncommitted) uncommittedSizeBytes += one.sizeBytes;
    invariant(
      uncommittedSizeBytes === role.uncommittedSizeBytes,
      at + "the size of uncommitted entries is their sum",
    );
    for (const [id, progress] of role.progress) {
      invariant(progress.matchIndex < progress.nextIndex, `${at}${id}: match is before next`);
      invariant(
        progress.nextIndex <= log.lastIndex + 1,
        `${at}${id}: next is in the log or after it`,
      );
      const { storeId } = findServer(latest.configuration, id) ?? {};
      invariant(
        progress.matchIndex === 0 || !isVoter(latest.configuration, id) ||
          (storeId !== undefined && storeId === progress.storeId),
        `${at}${id}: of a voter, only what is in the store that its name stands for counts`,
      );
      invariant(
        progress.confirmedRound <= role.round,
        `${at}${id}: no round is answered in advance`,
      );
    }
  }
}
