/**
 * Priority: whom operators want as the leader. Each node has its own, as a setting, and tells the leader in its answers; it
 * is no part of the configuration and plays no part in who gets a vote. So it is only ever a wish: voters of lower priority wait a
 * little longer before they stand for election, and a leader hands over once a voter of higher priority has kept up for long enough.
 *
 * @module
 */
import { isVoter, type ServerId } from "../model/configuration.ts";
import { mayChange } from "./members.ts";
import type { Step } from "./outcome.ts";
import type { Progress } from "./progress.ts";
import { configurationOf, type Handover, heartbeatIntervalMs, type Leader } from "./state.ts";
import { startTransfer } from "./transfer.ts";

/** The longest wait before a handover, in `handoverDelayMs`. */
const DELAY_FACTOR_MAX = 16;

/** Leadership that is back after less than so many times the last wait came back soon. */
const SOON_FACTOR = 10;

/**
 * Looks at every heartbeat which voters keep up, and since when: those that answer, and have what was in the log half a heartbeat timeout
 * ago. A search for the place where the logs agree ends that, see {@linkcode Progress.probe}.
 */
export function watchVoters(step: Step, leader: Leader): void {
  leader.highestPriority = undefined;
  for (const [, progress] of otherVoters(step, leader)) {
    watch(step, progress);
    if (progress.keepsUpSinceMs === undefined || progress.priority === undefined) continue;
    leader.highestPriority = Math.max(progress.priority, leader.highestPriority ?? 0);
  }
}

function watch({ state, nowMs }: Step, progress: Progress): void {
  const toleratedMs = state.config.heartbeatTimeoutMs / 2;
  const { catchUp, matchIndex } = progress;
  const isReached = catchUp !== undefined && matchIndex >= catchUp.targetIndex;
  const isLate = catchUp !== undefined && !isReached && nowMs - catchUp.beganMs >= toleratedMs;
  const isSilent = nowMs - progress.lastContactMs >= toleratedMs;
  const keepsUp = !isLate && !isSilent;
  if (!keepsUp) progress.keepsUpSinceMs = undefined;
  else if (isReached) progress.keepsUpSinceMs ??= catchUp.beganMs;
  if (!keepsUp || catchUp === undefined || isReached) {
    progress.catchUp = { targetIndex: state.log.lastIndex, beganMs: nowMs };
  }
}

/**
 * Hands over to the voter of the highest priority, if that is higher than this node's own and it has kept up for long enough. Not while
 * leadership is handed over already, the membership changes, or calls of several steps are under way.
 */
export function handOverToPreferred(step: Step, leader: Leader): void {
  const { state, nowMs } = step;
  if (leader.transfer !== undefined || leader.isHeld || !mayChange(step, leader)) return;
  const { leaderPriority } = state.config;
  if (leader.highestPriority === undefined || leader.highestPriority <= leaderPriority) return;
  const recentlyMs = 2 * heartbeatIntervalMs(state.config);
  for (const [id, { priority, keepsUpSinceMs, lastContactMs }] of otherVoters(step, leader)) {
    if (priority !== leader.highestPriority || keepsUpSinceMs === undefined) continue;
    const delayMs = handoverDelayMs(step);
    const sinceMs = Math.max(keepsUpSinceMs, state.lastHandover?.atMs ?? -Infinity);
    if (nowMs - sinceMs < delayMs || nowMs - lastContactMs >= recentlyMs) continue;
    state.lastHandover = { atMs: nowMs, delayMs };
    startTransfer(step, leader, id);
    return;
  }
}

/**
 * How long the voter must have kept up. A node that handed over, and soon leads again or still, waits twice as long
 * as before, up to a limit: whoever it handed over to seems to be of no use, however well it keeps up.
 */
function handoverDelayMs({ state, nowMs }: Step): number {
  const { handoverDelayMs } = state.config;
  const last: Handover | undefined = state.lastHandover;
  if (last === undefined || nowMs - last.atMs >= SOON_FACTOR * last.delayMs) return handoverDelayMs;
  return Math.min(2 * last.delayMs, DELAY_FACTOR_MAX * handoverDelayMs);
}

function otherVoters({ state }: Step, leader: Leader): [ServerId, Progress][] {
  const configuration = configurationOf(state);
  return [...leader.progress].filter(([id]) => isVoter(configuration, id));
}
