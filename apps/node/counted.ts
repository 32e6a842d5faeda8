/**
 * Numbers of things, as people read them.
 *
 * @module
 */

/** `1 segment`, `2 segments`, `1,000 segments`. `plural`: where it is not the singular and an s. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? singular : plural}`;
}
