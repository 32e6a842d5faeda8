/**
 * Whether something grows that should not, while the work stays the same.
 *
 * A process takes more memory while it warms up, and what it has swings with garbage collection and with its role. So the first
 * quarter does not count, and medians are compared: that of the last quarter with that of the second.
 *
 * @module
 */

/** How something has developed. */
export interface Growth {
  readonly what: string;
  readonly unit: string;
  /** The median of the second quarter. */
  readonly early: number;
  /** The median of the last quarter. */
  readonly late: number;
  /** How much more is allowed. */
  readonly allowed: number;
  readonly grows: boolean;
}

/** What may be more, and by how much: a share of what it was, and at least so much. */
export interface Allowance {
  readonly share: number;
  readonly least: number;
}

/** Judges `values`, which were taken at even distances over the life of one process. */
export function judgeGrowth(
  what: string,
  unit: string,
  values: readonly number[],
  { share, least }: Allowance,
): Growth {
  const quarter = Math.floor(values.length / 4);
  const early = median(values.slice(quarter, 2 * quarter));
  const late = median(values.slice(values.length - quarter));
  const allowed = Math.max(early * share, least);
  return { what, unit, early, late, allowed, grows: late - early > allowed };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
