/**
 * This project against hashicorp/raft and against what the machine can do, in one run: `deno task bench:peers`.
 *
 * In each round everybody is measured, one after the other, so that a machine that is slower for a while is slower for all. What
 * counts are medians over the rounds, and ratios; absolute times are those of this machine at this hour.
 *
 * - `--rounds=3`, `--seconds=3` of each measurement of calls, `--entries=1000000` of the long log, `--idle=20` seconds.
 * - `--only=calls,failover,log,idle`: some of it.
 * - `--out=DIR`: where `results.json` and `chart.svg` go; nowhere by default.
 *
 * @module
 */
import { CORACLE, type Program } from "../cluster.ts";
import type { Measurement } from "../measure.ts";
import { numbers, option, refuseUnknownOptions } from "../options.ts";
import { type BarGroup, chartSvg } from "./chart.ts";
import { programs } from "./programs.ts";
import { isMoreBetter, type ResultRow, Results, tableText } from "./results.ts";
import {
  CALL_ROWS,
  callFigures,
  type Extent,
  type Figure,
  measureCalls,
  measureFailover,
  measureIdle,
  measureLongLog,
} from "./rows.ts";

const LIMIT = "limit";
const PARTS = ["calls", "failover", "log", "idle"] as const;

refuseUnknownOptions(["rounds", "seconds", "entries", "idle", "only", "out"]);
const [rounds] = numbers("rounds", "3");
const extent: Extent = {
  seconds: numbers("seconds", "3")[0]!,
  entries: numbers("entries", "1000000")[0]!,
  idleSeconds: numbers("idle", "20")[0]!,
};
const only = option("only", PARTS.join(",")).split(",");
for (const part of only) {
  if ((PARTS as readonly string[]).includes(part)) continue;
  console.error(`--only=${part}: allowed are ${PARTS.join(", ")}`);
  Deno.exit(2);
}

const directory = await Deno.makeTempDir({ prefix: "coracle-peers-" });
try {
  const all = await programs(directory);
  const results = new Results();
  for (let round = 1; round <= rounds!; round += 1) {
    for (const nodes of [3, 5, 7]) {
      if (!only.includes("calls")) continue;
      for (const program of all) {
        await take(
          round,
          results,
          program,
          `${nodes} nodes`,
          () => measureCalls(program, nodes, extent),
        );
      }
      console.error(`round ${round}: ${LIMIT}, ${nodes} nodes`);
      results.add(LIMIT, await measureLimit(nodes));
    }
    for (const program of all) {
      if (only.includes("failover")) {
        await take(round, results, program, "failover", () => measureFailover(program));
      }
      if (only.includes("log")) {
        await take(round, results, program, "a long log", () => measureLongLog(program, extent));
      }
      if (only.includes("idle")) {
        await take(round, results, program, "idle", () => measureIdle(program, extent));
      }
    }
  }
  const rows = results.rows();
  const others = all.filter((one) => one !== CORACLE).map(({ name }) => name);
  console.log(tableText(rows, { own: CORACLE.name, others, limit: LIMIT }));
  const out = option("out", "");
  if (out !== "") await save(out, rows);
} finally {
  await Deno.remove(directory, { recursive: true });
}

async function take(
  round: number,
  results: Results,
  program: Program,
  what: string,
  measure: () => Promise<Figure[]>,
): Promise<void> {
  console.error(`round ${round}: ${program.name}, ${what}`);
  results.add(program.name, await measure());
}

/** The same calls of the program that does nothing but replicate and sync. */
async function measureLimit(nodes: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const row of CALL_ROWS.filter((one) => one.nodes === nodes)) {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        `${import.meta.dirname}/limit.ts`,
        `--nodes=${nodes}`,
        `--conc=${row.conc}`,
        `--size=${row.size}`,
        `--seconds=${extent.seconds}`,
      ],
      stderr: "inherit",
    }).output();
    if (!success) throw new Error("the limit could not be measured");
    figures.push(
      ...callFigures(row, JSON.parse(new TextDecoder().decode(stdout)) as Measurement),
    );
  }
  return figures;
}

async function save(out: string, rows: readonly ResultRow[]): Promise<void> {
  await Deno.mkdir(out, { recursive: true });
  const facts = { deno: Deno.version.deno, cores: navigator.hardwareConcurrency, rounds, extent };
  await Deno.writeTextFile(
    `${out}/results.json`,
    JSON.stringify({ ...facts, rows }, undefined, 2) + "\n",
  );
  const groups = rows.filter(({ unit, row }) =>
    isMoreBetter(unit) && /^(1|64|1024) appliers, 128 B, 3|readers/.test(row)
  ).map(({ row, summaries }): BarGroup => ({
    title: `${row}: calls a second`,
    bars: Object.entries(summaries).map(([label, { median }]) => ({
      label,
      value: median,
      isOwn: label === CORACLE.name,
    })),
  }));
  await Deno.writeTextFile(
    `${out}/chart.svg`,
    chartSvg("Calls a second, longer is better", groups),
  );
}
