/**
 * What a soak has shown, and whether that is good enough.
 *
 * @module
 */
import type { Book } from "./book.ts";
import type { Disturbances } from "./disturbances.ts";
import { type Growth, judgeGrowth } from "./growth.ts";
import type { SoakLoad } from "./load.ts";
import { type Latencies, latencies, type NodeSample, type Sample } from "./samples.ts";
import type { SoakPlan } from "./soak.ts";

/** See the module's description. */
export interface Report {
  readonly plan: SoakPlan;
  readonly words: {
    readonly acknowledged: number;
    /** Acknowledged, and seen on the disks of a majority. */
    readonly seen: number;
    readonly notWritten: number;
    readonly unknown: number;
    /** Not sent, since too many waited for an answer. */
    readonly heldBack: number;
    /** Connections of clients that were given up, since a node answered nothing. */
    readonly connectionsGivenUp: number;
  };
  /** Of the words that nothing of the soak, and nothing else on this machine, has disturbed. */
  readonly undisturbed: Latencies;
  /** What was done to the nodes, how often. */
  readonly disturbances: readonly (readonly [what: string, count: number])[];
  /** The term in the end. */
  readonly term: number;
  /** Snapshots that the node that was left alone has made. */
  readonly snapshots: number;
  /** Snapshots that nodes were sent. */
  readonly snapshotsReceived: number;
  /** What the node that was left alone takes. */
  readonly growth: readonly Growth[];
  /** The most memory that each node was seen to have, in any of its lives. */
  readonly peakRssMib: Readonly<Record<string, number>>;
  /** What is wrong; nothing if all is well. */
  readonly problems: readonly string[];
  readonly samples: readonly Sample[];
}

/** Below this, a process is still warming up: how its memory grows says nothing. */
const JUDGED_FROM_MS = 10 * 60_000;
const MEMORY = { share: 0.1, least: 16 };
const HANDLES = { share: 0, least: 4 };
const DISK = { share: 0.25, least: 8 };

/** Judges. */
export function report(
  { plan, book, disturbances, load, samples, times, best }: {
    readonly plan: SoakPlan;
    readonly book: Book;
    readonly disturbances: Pick<Disturbances, "counts">;
    readonly load: Pick<SoakLoad, "heldBack" | "givenUp">;
    readonly samples: readonly Sample[];
    /** Of all undisturbed words, in milliseconds. */
    readonly times: number[];
    /** The numbers of the best words, by node. */
    readonly best: readonly (readonly (number | undefined)[])[];
  },
): Report {
  const nodes = samples.flatMap((sample) => sample.nodes);
  const undisturbed = latencies(times);
  const growth = growthOf(nodes.filter(({ id }) => id === "n1"));
  const problems = [...book.problems];
  for (const [at, numbers] of best.entries()) {
    const [wanted, found] = [book.highest(3).join(), numbers.join()];
    if (found !== wanted) problems.push(`the best words of n${at + 1} are ${found}, not ${wanted}`);
  }
  if (plan.durationMs >= JUDGED_FROM_MS) {
    for (const { what, unit, early, late, grows } of growth) {
      if (grows) {
        problems.push(
          `${what} grow from ${early.toFixed(1)} to ${late.toFixed(1)} ${unit}`.trimEnd(),
        );
      }
    }
  }
  // On a machine that was busy with other things all the time, there is none, and nothing can be said.
  const p99Ms = undisturbed.p99Ms ?? 0;
  if (p99Ms > plan.p99MaxMs) {
    problems.push(
      `undisturbed words took ${p99Ms.toFixed(1)} ms (p99); allowed are ${plan.p99MaxMs}`,
    );
  }
  return {
    plan,
    words: {
      acknowledged: book.acknowledged,
      seen: book.settled,
      notWritten: book.notWritten,
      unknown: book.unknown,
      heldBack: load.heldBack,
      connectionsGivenUp: load.givenUp,
    },
    undisturbed,
    disturbances: disturbances.counts(),
    term: Math.max(0, ...nodes.map(({ term }) => term)),
    snapshots: Math.max(0, ...nodes.filter(({ id }) => id === "n1").map((one) => one.snapshots)),
    snapshotsReceived: sumOfLives(nodes),
    growth,
    peakRssMib: Object.fromEntries(
      [...Map.groupBy(nodes, ({ id }) => id)]
        .map(([id, its]) => [id, Math.max(...its.map(({ rssMib }) => rssMib))]),
    ),
    problems,
    samples,
  };
}

function growthOf(samples: readonly NodeSample[]): Growth[] {
  const judge = (what: string, unit: string, of: keyof NodeSample, allowance: typeof MEMORY) =>
    judgeGrowth(what, unit, samples.map((one) => Number(one[of])), allowance);
  return [
    judge("memory of n1", "MiB", "rssMib", MEMORY),
    judge("open handles of n1", "", "handles", HANDLES),
    judge("files of n1", "MiB", "diskMib", DISK),
  ];
}

/** Each process counts its own. */
function sumOfLives(samples: readonly NodeSample[]): number {
  const lives = Map.groupBy(samples, ({ pid }) => pid).values();
  return lives.reduce(
    (sum, life) => sum + Math.max(...life.map(({ snapshotsReceived }) => snapshotsReceived)),
    0,
  );
}

/** The report for people. */
export function reportText(of: Report): string {
  const { words, undisturbed, growth, peakRssMib, problems, plan } = of;
  const peaks = Object.entries(peakRssMib).map(([id, mib]) => `${id} ${mib.toFixed(0)} MiB`);
  return [
    `words        ${words.acknowledged} acknowledged, ${words.seen} of them seen on the disks of a majority; ` +
    `${words.notWritten} refused, ${words.unknown} unknown, ${words.heldBack} held back; ${words.connectionsGivenUp} connections given up`,
    undisturbed.count === 0
      ? "undisturbed  no word: the machine was busy with other things"
      : `undisturbed  ${undisturbed.count} words: p50 ${undisturbed.p50Ms?.toFixed(1)} ms, ` +
        `p99 ${undisturbed.p99Ms?.toFixed(1)} ms; allowed are ${plan.p99MaxMs}`,
    `disturbed    ${of.disturbances.map(([what, count]) => `${count} × ${what}`).join(", ")}`,
    `elections    to term ${of.term}`,
    `snapshots    ${of.snapshots} made by n1; ${of.snapshotsReceived} sent to followers`,
    ...growth.map(({ what, unit, early, late, allowed }) =>
      `growth       ${what}: ${early.toFixed(1)} in the second quarter, ${
        late.toFixed(1)
      } in the last, ${unit}; ` +
      `allowed are ${allowed.toFixed(1)} more`
    ),
    `peak memory  ${peaks.join(", ")}`,
    problems.length === 0 ? "nothing is wrong" : ["WRONG:", ...problems].join("\n  "),
  ].join("\n");
}
