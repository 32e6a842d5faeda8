/**
 * Long work in pieces, with everything else in between.
 *
 * @module
 */

/** How long all who do long work may do so, together, before others have their turn. */
const WORK_MAX_MS = 5;

let pausedAtMs = -Infinity;

/**
 * To be awaited now and then by whoever reads and writes without end: lets everything else go first if that had to wait for
 * 5 milliseconds. Reads and writes that need not wait end within the same turn of the event loop, and the runtime looks for
 * what has arrived on other connections only when nothing at all is left to do, or every 61st time. So a promise, or
 * `setImmediate`, is not enough: only a timer leaves it nothing to do.
 */
export async function takeTurns(): Promise<void> {
  if (performance.now() - pausedAtMs < WORK_MAX_MS) return;
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  pausedAtMs = performance.now();
}
