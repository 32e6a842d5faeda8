/**
 * What mutual TLS costs: the same measurement with and without it, in turns.
 *
 * @module
 */
import { makeTlsFiles } from "../tests/support/tls_files.ts";
import { type BenchNode, CORACLE, coracleInTls, withCluster } from "./cluster.ts";
import type { Measurement } from "./measure.ts";
import type { Load } from "./node.ts";

/** What is compared. */
export interface Comparison {
  /** How many nodes. */
  readonly nodes: number;
  /** How often each load is measured, without and with. */
  readonly rounds: number;
  /** The loads. */
  readonly loads: readonly Load[];
}

/** One load without and with TLS: the medians over the rounds. */
export interface Compared {
  /** Callers. */
  readonly conc: number;
  /** Bytes of a command. */
  readonly size: number;
  /** Without. */
  readonly plain: Measurement;
  /** With. */
  readonly tls: Measurement;
}

/** Two clusters run at the same time; one of them is measured while the other has nothing to do, in turns. */
export async function compareTls(
  { nodes, rounds, loads }: Comparison,
  report: (compared: Compared) => void,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "coracle-bench-certs-" });
  try {
    await makeTlsFiles(directory, Array.from({ length: nodes }, (_, at) => `n${at + 1}`));
    await withCluster(
      CORACLE,
      nodes,
      (plain) =>
        withCluster(coracleInTls(directory), nodes, async (tls) => {
          for (const load of loads) {
            const measured = await inTurns(plain, tls, load, rounds);
            report({ conc: load.conc, size: load.size, ...measured });
          }
        }),
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function inTurns(
  plain: BenchNode,
  tls: BenchNode,
  load: Load,
  rounds: number,
): Promise<Pick<Compared, "plain" | "tls">> {
  const results = { plain: [] as Measurement[], tls: [] as Measurement[] };
  for (let round = 0; round < rounds; round += 1) {
    // The one that is second finds warmer caches, or a hotter processor: that must not always be the same.
    const order = round % 2 === 0 ? ["plain", "tls"] as const : ["tls", "plain"] as const;
    for (const which of order) {
      const node = which === "plain" ? plain : tls;
      results[which].push(await node.ask<Measurement>({ type: "measure", ...load }));
    }
  }
  return { plain: median(results.plain), tls: median(results.tls) };
}

/** The measurement in the middle, by how many calls a second. */
function median(measurements: readonly Measurement[]): Measurement {
  const sorted = measurements.toSorted((a, b) => a.applies_per_s - b.applies_per_s);
  return sorted[Math.floor(sorted.length / 2)]!;
}
