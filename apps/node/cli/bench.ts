/**
 * `bench`: a small load, to see how a cluster takes it. For figures that can be compared, see bench/README.md.
 *
 * @module
 */
import { ClientError } from "../client/leader_client.ts";
import { WordsClient } from "../client/words_client.ts";
import { quietGrpc } from "../grpc/quiet.ts";
import { failureOf } from "./admin.ts";
import type { ClientOptions } from "./client_options.ts";
import { clientSettings } from "./client_settings.ts";
import { EXIT, type ExitCode, report } from "./exit.ts";
import { type LatencySummary, latencySummary } from "./latency.ts";
import { type Column, printJson, printTable } from "./output.ts";
import { Progress } from "./progress.ts";
import { StopRequest } from "./stop_request.ts";

/** What `bench` is asked to do. */
export interface BenchOptions extends ClientOptions {
  /** Whether words are added, or read. */
  readonly kind: "add" | "read";
  /** How many calls to make. */
  readonly calls: number;
  /** How many may be on their way at once. */
  readonly concurrency: number;
  /** Bytes of a word. */
  readonly wordBytes: number;
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** What came of a load. */
export interface BenchResult {
  /** Calls that succeeded. */
  readonly done: number;
  /** Calls that failed and had no effect. */
  readonly failed: number;
  /** Calls that failed and may have had one. */
  readonly unknown: number;
  /** How long it took. */
  readonly elapsedMs: number;
  /** Calls that succeeded, for each second. */
  readonly perSecond: number;
  /** How long those took that succeeded, looking for a leader included. */
  readonly latencyMs: LatencySummary;
}

const COLUMNS: readonly Column<BenchResult>[] = [
  { title: "DONE", value: ({ done }) => done },
  { title: "FAILED", value: ({ failed, unknown }) => failed + unknown },
  { title: "SECONDS", value: ({ elapsedMs }) => fixed(elapsedMs / 1000) },
  { title: "PER SECOND", value: ({ perSecond }) => Math.round(perSecond) },
  { title: "P50 MS", value: ({ latencyMs }) => fixed(latencyMs.p50) },
  { title: "P90 MS", value: ({ latencyMs }) => fixed(latencyMs.p90) },
  { title: "P99 MS", value: ({ latencyMs }) => fixed(latencyMs.p99) },
  { title: "P99.9 MS", value: ({ latencyMs }) => fixed(latencyMs.p999) },
  { title: "MAX MS", value: ({ latencyMs }) => fixed(latencyMs.max) },
];

/** Puts the load on the cluster, and prints how it took it. A signal ends it early, with what there is by then. */
export async function bench(options: BenchOptions): Promise<ExitCode> {
  quietGrpc();
  using client = new WordsClient(await clientSettings(options));
  const call = options.kind === "add"
    ? (number: number) => client.addWord(wordOf(number, options.wordBytes))
    : () => client.words();
  using stop = new StopRequest();
  const { result, problem } = await load(call, options, stop.requested);
  if (options.json) printJson(result);
  else printTable([result], COLUMNS);
  if (problem !== undefined) {
    report(failureOf(problem, "the first call that failed"), options.json);
  }
  if (result.unknown > 0) return EXIT.unknown;
  return result.failed > 0 ? EXIT.failed : EXIT.ok;
}

/** A word of so many bytes. Words of one load differ as long as their numbers fit. */
function wordOf(number: number, bytes: number): string {
  return number.toString(36).padStart(bytes, "0").slice(-bytes);
}

async function load(
  call: (number: number) => Promise<unknown>,
  { calls, concurrency }: BenchOptions,
  stopRequested: Promise<unknown>,
): Promise<{ result: BenchResult; problem: ClientError | undefined }> {
  const latencies: number[] = [];
  const progress = Progress.onTerminal("calls");
  let next = 0;
  let failed = 0;
  let unknown = 0;
  let problem: ClientError | undefined;
  let stopped = false;
  void stopRequested.then(() => stopped = true);
  const worker = async () => {
    while (next < calls && !stopped) {
      next += 1;
      const startedMs = performance.now();
      try {
        await call(next);
        latencies.push(performance.now() - startedMs);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        problem ??= error;
        if (error.outcome === "unknown") unknown += 1;
        else failed += 1;
        // Whoever finds no leader in all its time need not look for one again.
        if (!error.refused && error.outcome === "not-written") stopped = true;
      }
      progress.update(latencies.length, next / calls);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: concurrency }, worker));
  const elapsedMs = performance.now() - startedMs;
  progress.clear();
  const done = latencies.length;
  const perSecond = done / (elapsedMs / 1000);
  const latencyMs = latencySummary(latencies);
  return { result: { done, failed, unknown, elapsedMs, perSecond, latencyMs }, problem };
}

function fixed(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(value < 10 ? 2 : 1);
}
