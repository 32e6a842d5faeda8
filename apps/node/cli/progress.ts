/**
 * A progress bar on a terminal; elsewhere it says nothing.
 *
 * @module
 */
import { counted } from "../counted.ts";

const REDRAW_INTERVAL_MS = 100;
const BAR_WIDTH = 24;
const KIB = 1024;

const SINGULAR = { words: "word", calls: "call", entries: "entry" } as const;

/** What is counted. */
export type ProgressUnit = "words" | "calls" | "entries" | "bytes";

/** Shows how far something has come. */
export class Progress {
  readonly #show: (text: string) => void;
  readonly #startedMs = performance.now();
  #drawnMs = -Infinity;

  readonly #unit: ProgressUnit;

  /** Draws with `show`, or not at all without. */
  constructor(show: ((text: string) => void) | undefined, unit: ProgressUnit = "words") {
    this.#show = show ?? (() => {});
    this.#unit = unit;
  }

  /** On standard error, if that is a terminal. */
  static onTerminal(unit: ProgressUnit = "words"): Progress {
    if (!Deno.stderr.isTerminal()) return new Progress(undefined);
    const encoder = new TextEncoder();
    return new Progress((text) => void Deno.stderr.writeSync(encoder.encode(text)), unit);
  }

  /** Says that `count` are done, which is `share` (0 to 1) of all if that is known. */
  update(count: number, share: number | undefined): void {
    const nowMs = performance.now();
    if (nowMs - this.#drawnMs < REDRAW_INTERVAL_MS) return;
    this.#drawnMs = nowMs;
    this.#show(`\r${progressLine(count, share, nowMs - this.#startedMs, this.#unit)}\x1b[K`);
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
  unit: ProgressUnit = "words",
): string {
  const perSecond = elapsedMs > 0 ? Math.round(count / (elapsedMs / 1000)) : 0;
  const figures = unit === "bytes"
    ? `${sizeText(count)}, ${sizeText(perSecond)}/s`
    : `${counted(count, SINGULAR[unit], unit)}, ${perSecond.toLocaleString("en")}/s`;
  if (share === undefined) return figures;
  const filled = Math.round(Math.min(1, share) * BAR_WIDTH);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  return `${bar} ${Math.floor(Math.min(1, share) * 100).toString().padStart(3)}%  ${figures}`;
}

/** A size as people write it. */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let at = 0;
  for (; value >= KIB && at < units.length - 1; at += 1) value /= KIB;
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`;
}
