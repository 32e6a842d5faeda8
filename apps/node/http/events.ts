/**
 * The status of a node as it changes, as server-sent events.
 *
 * @module
 */
import { delay } from "@std/async";
import type { Status } from "./schemas.ts";

/** How often it is looked whether something has changed that is told at once. */
const LOOK_INTERVAL_MS = 100;
/** How often anything else that has changed is told. */
const TELL_INTERVAL_MS = 1000;
/** A stream on which nothing is told says so, that nobody in between takes it for dead. */
const KEEP_ALIVE_MS = 15_000;

/** What is told at once. */
function headline({ state, term, leader, configurationIndex, lastSnapshotIndex }: Status): string {
  return JSON.stringify([state, term, leader?.id, configurationIndex, lastSnapshotIndex]);
}

/** What changes by itself when nothing happens. */
function unmoved(status: Status): string {
  const followers = status.followers.map(({ lastContactMs: _, ...follower }) => follower);
  return JSON.stringify({ ...status, followers, lastContactMs: undefined });
}

/**
 * Events until `signal` fires. Nothing is gathered for a reader that is slow: it skips to the latest. `status` is asked a few
 * times a second.
 */
export async function* statusEvents(
  status: () => Status,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let told: Status | undefined;
  let toldAtMs = -Infinity;
  let id = 0;
  try {
    while (!signal.aborted) {
      const now = status();
      const nowMs = performance.now();
      const sinceMs = nowMs - toldAtMs;
      if (
        told === undefined || headline(told) !== headline(now) ||
        sinceMs >= TELL_INTERVAL_MS && unmoved(told) !== unmoved(now)
      ) {
        told = now;
        toldAtMs = nowMs;
        id += 1;
        yield encoder.encode(`id: ${id}\nevent: status\ndata: ${JSON.stringify(now)}\n\n`);
      } else if (sinceMs >= KEEP_ALIVE_MS) {
        toldAtMs = nowMs;
        yield encoder.encode(": nothing has changed\n\n");
      }
      await delay(LOOK_INTERVAL_MS, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
