/**
 * Figures over time: throughput of the cluster, and how long each node's disk takes. What nobody could say is a gap.
 *
 * @module
 */
import uPlot from "./uplot.js";

/** How far back they go. */
const LENGTH_SECONDS = 180;
/** How much time there is room for at first. */
const LEAST_SECONDS = 30;
const HEIGHT_PX = 130;

/** One chart, in an element whose width it takes. */
export class Chart {
  #parent;
  #unit;
  #filled;
  /** @type {string[]} */
  #names = [];
  /** @type {string[]} */
  #colours = [];
  #times = [];
  /** @type {Map<string, (number | null)[]>} */
  #values = new Map();
  #plot;

  /**
   * @param {HTMLElement} parent
   * @param {{ unit: string, filled?: boolean }} options
   */
  constructor(parent, { unit, filled = false }) {
    this.#parent = parent;
    this.#unit = unit;
    this.#filled = filled;
    new ResizeObserver(() => this.#resize()).observe(parent);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#make());
  }

  /**
   * Goes on by one moment: a value for each name, in order, or none; `colours` are names of custom properties.
   *
   * @param {number} nowMs since 1970
   * @param {readonly { name: string, colour: string, value: number | undefined }[]} values
   */
  add(nowMs, values) {
    this.#times.push(nowMs / 1000);
    const given = new Map(values.map(({ name, value }) => [name, value ?? null]));
    for (const name of new Set([...this.#values.keys(), ...given.keys()])) {
      const series = this.#values.get(name) ?? this.#times.slice(1).map(() => null);
      series.push(given.get(name) ?? null);
      this.#values.set(name, series);
    }
    while (this.#times[0] < nowMs / 1000 - LENGTH_SECONDS) {
      this.#times.shift();
      for (const series of this.#values.values()) series.shift();
    }
    const names = values.map(({ name }) => name);
    if (String(names) !== String(this.#names) || this.#plot === undefined) {
      this.#names = names;
      this.#colours = values.map(({ colour }) => colour);
      this.#make();
    } else {
      this.#plot.setData(this.#data());
    }
  }

  #data() {
    return [this.#times, ...this.#names.map((name) => this.#values.get(name))];
  }

  #resize() {
    this.#plot?.setSize({ width: this.#parent.clientWidth, height: HEIGHT_PX });
  }

  #make() {
    if (this.#names.length === 0) return;
    this.#plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--quiet"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    this.#plot = new uPlot(
      {
        width: this.#parent.clientWidth,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 4, 0, 0],
        scales: {
          x: {
            range: () => {
              const now = this.#times.at(-1) ?? 0;
              const first = Math.max(this.#times[0] ?? now, now - LENGTH_SECONDS);
              return [Math.min(first, now - LEAST_SECONDS), now];
            },
          },
          y: { range: (_plot, _least, most) => [0, niceMost(most)] },
        },
        axes: [
          {
            ...axis,
            size: 26,
            space: 70,
            values: (plot, splits) => splits.map((at) => timeText(at, plot.scales.x)),
          },
          {
            ...axis,
            size: 52,
            space: 30,
            values: (_plot, splits) =>
              splits.map((value) => `${value.toLocaleString("en")}${this.#unit}`),
          },
        ],
        series: [
          {},
          ...this.#names.map((name, at) => ({
            label: name,
            stroke: colour(this.#colours[at]),
            width: 2,
            points: { show: false },
            ...(this.#filled ? { fill: `${colour(this.#colours[at])}33` } : {}),
          })),
        ],
      },
      this.#data(),
      this.#parent,
    );
  }
}

/** Room above the highest, and never a scale of nothing. */
function niceMost(most) {
  return Math.max(1, (most ?? 0) * 1.15);
}

/** None at the left edge, where the other axis has its own. */
function timeText(seconds, { min, max }) {
  if (seconds - min < (max - min) * 0.08) return "";
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}
