/**
 * Bars as SVG, for a README: a group for each row, a bar for each program, longer is better.
 *
 * @module
 */

/** One bar. */
export interface Bar {
  /** Whose. */
  readonly label: string;
  /** How long, in the group's unit. */
  readonly value: number;
  /** Whether it is the one that is to be seen first. */
  readonly isOwn: boolean;
}

/** Bars that are compared with each other. */
export interface BarGroup {
  /** What was measured, and in what. */
  readonly title: string;
  /** The bars, in order. */
  readonly bars: readonly Bar[];
}

const WIDTH = 820;
const LABEL_WIDTH = 320;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 16;
const BAR_GAP = 4;
const TITLE_HEIGHT = 26;
const GROUP_GAP = 14;

/** The chart as a document. Its colours fit a light page and a dark one. */
export function chartSvg(title: string, groups: readonly BarGroup[]): string {
  const parts: string[] = [];
  let y = 34;
  for (const { title, bars } of groups) {
    parts.push(text(0, y + 14, title, "title"));
    y += TITLE_HEIGHT;
    const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
    for (const { label, value, isOwn } of bars) {
      const width = Math.max(1, value / most * (WIDTH - LABEL_WIDTH - VALUE_WIDTH));
      const middle = y + BAR_HEIGHT - 4;
      parts.push(text(LABEL_WIDTH - 8, middle, label, "label"));
      parts.push(
        `<rect class="${isOwn ? "own" : "other"}" x="${LABEL_WIDTH}" y="${y}" ` +
          `width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
      );
      parts.push(text(LABEL_WIDTH + width + 6, middle, shortNumber(value), "value"));
      y += BAR_HEIGHT + BAR_GAP;
    }
    y += GROUP_GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" ` +
    `aria-label="${escapeXml(title)}">
<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .head { font-weight: 600; font-size: 15px; }
  .title { font-weight: 600; }
  .label { text-anchor: end; }
  .own { fill: #0a7d5a; }
  .other { fill: #9aa4ae; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .own { fill: #2fbf8f; }
    .other { fill: #6b7682; }
  }
</style>
${text(0, 18, title, "head")}
${parts.join("\n")}
</svg>
`;
}

function text(x: number, y: number, content: string, kind: string): string {
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y}">${escapeXml(content)}</text>`;
}

/** Text as it stands in a document. */
export function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/** A number of a chart: short, since it stands beside what it belongs to. */
export function shortNumber(value: number): string {
  if (value >= 10_000) return `${Math.round(value / 1000)} k`;
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toPrecision(2);
}
