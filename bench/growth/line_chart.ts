/**
 * Curves as SVG: a panel for each figure, over what was varied. Points stand at even distances, since what is varied goes up by
 * factors.
 *
 * @module
 */
import { escapeXml, shortNumber } from "../peers/chart.ts";

/** One curve with its axis. */
export interface Panel {
  /** What goes up, and in what. */
  readonly title: string;
  /** What is varied. */
  readonly varied: string;
  readonly points: readonly { readonly at: number; readonly value: number }[];
}

const COLUMNS = 2;
const PANEL_WIDTH = 380;
const PANEL_HEIGHT = 200;
const LEFT = 24;
const RIGHT = 34;
const TOP = 46;
const BOTTOM = 44;
const HEAD_HEIGHT = 30;

/** The chart as a document. Its colours fit a light page and a dark one. Each panel's axis begins at zero. */
export function lineChartSvg(title: string, panels: readonly Panel[]): string {
  const height = HEAD_HEIGHT + Math.ceil(panels.length / COLUMNS) * PANEL_HEIGHT;
  const parts = panels.map((panel, at) => {
    const x = at % COLUMNS * PANEL_WIDTH;
    const y = HEAD_HEIGHT + Math.floor(at / COLUMNS) * PANEL_HEIGHT;
    return `<g transform="translate(${x} ${y})">\n${panelSvg(panel)}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${
    COLUMNS * PANEL_WIDTH
  } ${height}" role="img" aria-label="${escapeXml(title)}">
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f; text-anchor: middle; }
  .head { font-weight: 600; font-size: 15px; text-anchor: start; }
  .title { font-weight: 600; text-anchor: start; }
  .axis { stroke: #9aa4ae; }
  .curve { fill: none; stroke: #0a7d5a; stroke-width: 2; }
  circle { fill: #0a7d5a; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .axis { stroke: #6b7682; }
    .curve { stroke: #2fbf8f; }
    circle { fill: #2fbf8f; }
  }
</style>
<text class="head" x="${LEFT}" y="18">${escapeXml(title)}</text>
${parts.join("\n")}
</svg>
`;
}

function panelSvg({ title, varied, points }: Panel): string {
  const most = Math.max(...points.map(({ value }) => value), Number.MIN_VALUE);
  const bottom = PANEL_HEIGHT - BOTTOM;
  const step = (PANEL_WIDTH - LEFT - RIGHT) / Math.max(1, points.length - 1);
  const places = points.map(({ at, value }, number) => ({
    at,
    value,
    x: LEFT + 10 + number * (step - 20 / Math.max(1, points.length - 1)),
    y: bottom - value / most * (bottom - TOP),
  }));
  return [
    text("title", LEFT, 18, title),
    `<line class="axis" x1="${LEFT}" y1="${bottom}" x2="${PANEL_WIDTH - RIGHT}" y2="${bottom}"/>`,
    `<polyline class="curve" points="${
      places.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ")
    }"/>`,
    ...places.flatMap(({ at, value, x, y }) => [
      `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3"/>`,
      text("value", x, y - 8, shortNumber(value)),
      text("at", x, bottom + 16, at.toLocaleString("en")),
    ]),
    text("at", (LEFT + PANEL_WIDTH - RIGHT) / 2, bottom + 32, varied),
  ].join("\n");
}

function text(kind: string, x: number, y: number, content: string): string {
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y.toFixed(1)}">${
    escapeXml(content)
  }</text>`;
}
