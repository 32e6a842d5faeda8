/**
 * Waits for a fact that can be observed, with a deadline.
 *
 * @module
 */
import { delay } from "@std/async";

/** Long enough for a busy machine; what is wrong for good is found out after this long. */
export const PATIENCE_MS = 30_000;
const PROBE_INTERVAL_MS = 20;

/**
 * Asks `probe` again and again until it answers with something other than `undefined` or `false`, and resolves to
 * that. Rejects after `timeoutMs` with what was waited for, and with what `describe` says of how things are instead.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = PATIENCE_MS, describe = () => "" }: {
    readonly timeoutMs?: number;
    readonly describe?: () => string;
  } = {},
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadlineMs) {
      throw new Error(`not within ${timeoutMs} ms: ${what} ${describe()}`.trimEnd());
    }
    await delay(PROBE_INTERVAL_MS);
  }
}
