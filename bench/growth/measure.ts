/**
 * What is measured to see how cost grows: one thing is varied at a time.
 *
 * @module
 */
import { CORACLE, undisturbed, withCluster } from "../cluster.ts";
import type { Measurement } from "../measure.ts";
import { catchUpOf, caughtUp } from "../peers/rows.ts";
import { peakRssMib } from "../process_facts.ts";

/** How much is measured. */
export interface GrowthExtent {
  /** Seconds of each measurement of calls. */
  readonly seconds: number;
  /** Seconds for which callers call before. */
  readonly warmUpSeconds: number;
}

/** One point of a curve. */
export interface Point {
  /** How many appliers, nodes, bytes or entries. */
  readonly at: number;
  /** The figures, by name. */
  readonly values: Readonly<Record<string, number>>;
}

/** Something that is varied. */
export interface Series {
  /** What. */
  readonly varied: string;
  /** What stays the same. */
  readonly fixed: string;
  readonly points: readonly Point[];
}

const CONC = 64;
const SIZE = 128;
const FILL_CONC = 512;

/** More appliers at once. */
export async function overAppliers(
  appliers: readonly number[],
  extent: GrowthExtent,
): Promise<Series> {
  return await undisturbed(() =>
    withCluster(CORACLE, 3, async (leader) => {
      const points: Point[] = [];
      for (const conc of appliers) {
        const load = { conc, size: SIZE, ...extent };
        points.push({ at: conc, values: calls(await leader.ask({ type: "measure", ...load })) });
      }
      return { varied: "appliers", fixed: `${SIZE} B, 3 nodes`, points };
    })
  );
}

/** More bytes in each command. */
export async function overSizes(sizes: readonly number[], extent: GrowthExtent): Promise<Series> {
  return await undisturbed(() =>
    withCluster(CORACLE, 3, async (leader) => {
      const points: Point[] = [];
      for (const size of sizes) {
        const load = { conc: CONC, size, ...extent };
        const measured = await leader.ask<Measurement>({ type: "measure", ...load });
        const mibPerSecond = measured.applies_per_s * size / 1024 / 1024;
        points.push({ at: size, values: { ...calls(measured), "MiB/s": mibPerSecond } });
      }
      return { varied: "bytes", fixed: `${CONC} appliers, 3 nodes`, points };
    })
  );
}

/** More nodes. */
export async function overNodes(nodes: readonly number[], extent: GrowthExtent): Promise<Series> {
  const points: Point[] = [];
  for (const count of nodes) {
    const measured = await withCluster(
      CORACLE,
      count,
      (leader) => leader.ask<Measurement>({ type: "measure", conc: CONC, size: SIZE, ...extent }),
    );
    points.push({ at: count, values: calls(measured) });
  }
  return { varied: "nodes", fixed: `${CONC} appliers, ${SIZE} B`, points };
}

/** A longer log, of which no snapshot is made: how fast it goes on, how long it takes to open it, and to have all of it on a new node. */
export async function overLengths(
  lengths: readonly number[],
  extent: GrowthExtent,
): Promise<Series> {
  const points: Point[] = [];
  for (const at of lengths) {
    points.push({
      at,
      values: await undisturbed(() => longLog(at, extent)),
    });
  }
  return { varied: "entries in the log", fixed: `${CONC} appliers, ${SIZE} B, 3 nodes`, points };
}

async function longLog(count: number, extent: GrowthExtent): Promise<Point["values"]> {
  return await withCluster(CORACLE, 3, async (leader, cluster) => {
    await leader.ask({ type: "fill", count, conc: FILL_CONC, size: SIZE });
    const last = await leader.ask<number>({ type: "last" });
    const follower = cluster.nodes.find((node) => node !== leader)!;
    await caughtUp(follower, last);
    await cluster.kill(follower);
    const { node, openSeconds } = await cluster.restart(follower);
    await caughtUp(node, last);
    const appliedSeconds = (performance.now() - node.startedMs) / 1000;

    const { newcomer, catchUpSeconds } = await catchUpOf(leader, cluster, last);
    await leader.ask({ type: "removeServer", id: newcomer.id });
    await cluster.kill(newcomer);

    // Last, since it makes the log longer. A short log has not warmed up the nodes as a long one has.
    const { seconds, warmUpSeconds } = extent;
    const load = { conc: CONC, size: SIZE, seconds, warmUpSeconds: 3 * warmUpSeconds };
    const measured = await leader.ask<Measurement>({ type: "measure", ...load });
    return {
      ...calls(measured),
      "open s": openSeconds,
      "restart until applied s": appliedSeconds,
      "catch-up s": catchUpSeconds,
      "catch-up entries/s": last / catchUpSeconds,
      "leader's peak MiB": await peakRssMib(leader.pid),
    };
  });
}

function calls({ applies_per_s, p50_ms, p99_ms }: Measurement): Point["values"] {
  return { "calls/s": applies_per_s, "p50 ms": p50_ms, "p99 ms": p99_ms };
}
