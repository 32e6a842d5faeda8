/**
 * A progress bar on a terminal; elsewhere it says nothing.
 *
 * @module
 */

const REDRAW_INTERVAL_MS = 100;
const BAR_WIDTH = 24;

/** Shows how far something has come. */
export class Progress {
  readonly #show: (text: string) => void;
  readonly #startedMs = performance.now();
  #drawnMs = -Infinity;

  /** Draws with `show`, or not at all without. */
  constructor(show: ((text: string) => void) | undefined) {
    this.#show = show ?? (() => {});
  }

  /** On standard error, if that is a terminal. */
  static onTerminal(): Progress {
    if (!Deno.stderr.isTerminal()) return new Progress(undefined);
    const encoder = new TextEncoder();
    return new Progress((text) => void Deno.stderr.writeSync(encoder.encode(text)));
  }

  /** Says that `count` are done, which is `share` (0 to 1) of all if that is known. */
  update(count: number, share: number | undefined): void {
    const nowMs = performance.now();
    if (nowMs - this.#drawnMs < REDRAW_INTERVAL_MS) return;
    this.#drawnMs = nowMs;
    this.#show(`\r${progressLine(count, share, nowMs - this.#startedMs)}\x1b[K`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#drawnMs > -Infinity) this.#show("\r\x1b[K");
  }
}

/** What the bar looks like after `elapsedMs`. */
export function progressLine(
  count: number,
  share: number | undefined,
  elapsedMs: number,
): string {
  const perSecond = elapsedMs > 0 ? Math.round(count / (elapsedMs / 1000)) : 0;
  const figures = `${count.toLocaleString("en")} words, ${perSecond.toLocaleString("en")}/s`;
  if (share === undefined) return figures;
  const filled = Math.round(Math.min(1, share) * BAR_WIDTH);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  return `${bar} ${Math.floor(Math.min(1, share) * 100).toString().padStart(3)}%  ${figures}`;
}
