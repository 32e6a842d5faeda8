/**
 * What followers answer to what the leader sends: how far their logs agree, or where to look for the place where they do (Raft paper, 5.3).
 *
 * @module
 */
import { invariant } from "../model/assert.ts";
import type { ServerId } from "../model/configuration.ts";
import { type AppendAccepted, type AppendRejected, NO_ROUND } from "../model/message.ts";
import { type Index, nextIndex, previousIndex } from "../model/numbers.ts";
import { advanceCommit, leaveIfRemoved } from "./leader.ts";
import type { LogView } from "./log_view.ts";
import { promoteWhenCaughtUp } from "./members.ts";
import type { Step } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { probedIndex, replicate } from "./replication.ts";
import type { Leader } from "./state.ts";
import { tellWhenUpToDate } from "./transfer.ts";

/** An answer of a follower has arrived. */
export function heard(step: Step, peer: ServerId, progress: Progress): void {
  if (progress.isSilent) {
    progress.isSilent = false;
    const lastContactMs = step.nowMs - progress.lastContactMs;
    step.effects.push({ type: "contactChanged", peer, answers: true, lastContactMs });
  }
  progress.lastContactMs = step.nowMs;
}

/** A follower's log agrees up to `matchIndex`; more may be sent, and something may have committed. */
export function accepted(
  step: Step,
  leader: Leader,
  from: string,
  progress: Progress,
  { matchIndex, round }: AppendAccepted,
): void {
  invariant(
    matchIndex <= step.state.log.lastIndex,
    `${from} claims entries up to ${matchIndex}, beyond the leader's own log`,
  );
  // While a snapshot is on its way, only what the log still reaches back to tells where to go on.
  if (progress.mode === "snapshot" && step.state.log.term(matchIndex) === undefined) return;
  // A snapshot answers no round, and any message up to now may have been refused before it was there.
  progress.accepted(matchIndex, round === NO_ROUND ? leader.round : round);
  advanceCommit(step, leader);
  leaveIfRemoved(step, leader);
  if (step.state.role !== leader) return;
  promoteWhenCaughtUp(step, leader, from, progress);
  tellWhenUpToDate(step, leader);
  replicate(step, leader, from, progress);
}

/** A follower has not got what comes before what it was sent: look for the place where the logs agree. */
export function rejected(
  step: Step,
  leader: Leader,
  from: string,
  progress: Progress,
  message: Pick<AppendRejected, "rejectedIndex" | "hintIndex" | "hintTerm" | "round">,
): void {
  const { hintIndex, hintTerm } = message;
  // A snapshot is on its way: what the follower has not got is no news.
  if (progress.mode === "snapshot") return;
  const { log } = step.state;
  if (mayHaveForgotten(progress, message)) {
    if (progress.mode === "replicate") {
      // Ask first for what it has acknowledged: the answer to that leaves no doubt.
      progress.probe(nextIndex(progress.matchIndex));
      replicate(step, leader, from, progress);
      return;
    }
    if (message.rejectedIndex === probedIndex(progress, log)) progress.forget();
  }
  if (isStale(log, progress, message)) return;
  const agreed = log.lastIndexOfTermAtMost(Math.min(hintIndex, log.lastIndex) as Index, hintTerm);
  // The search ends where the log begins. If the logs part before that, what the follower needs is not in the log any more.
  const inLog = agreed <= hintIndex && log.term(agreed)! <= hintTerm;
  progress.probe(inLog ? nextIndex(agreed) : previousIndex(log.firstIndex));
  replicate(step, leader, from, progress);
}

/**
 * Only an answer to the message in question counts: in `probe` there is one, in `replicate` none that is acknowledged
 * can be refused any more. And a hint before what the follower is known to have is older than that knowledge.
 */
function isStale(
  log: LogView,
  progress: Progress,
  { rejectedIndex, hintIndex }: Pick<AppendRejected, "rejectedIndex" | "hintIndex">,
): boolean {
  return hintIndex < progress.matchIndex ||
    (progress.mode === "probe"
      ? rejectedIndex !== probedIndex(progress, log)
      : rejectedIndex <= progress.matchIndex);
}

/**
 * Whether it seems that a follower's disk has lost what the follower had acknowledged (docs/storage-assumptions.md: the end
 * of a log that looks like a torn write): it refuses a message that was sent after the latest one that it agreed to. It may also
 * be that messages have overtaken each other; then some entries are sent twice. What is committed stays so in either case.
 */
function mayHaveForgotten(
  progress: Progress,
  { hintIndex, round }: Pick<AppendRejected, "hintIndex" | "round">,
): boolean {
  return hintIndex < progress.matchIndex && round > progress.matchRound;
}
