/**
 * How fast a snapshot is written to the disk and read from it, in how much memory, and what a log that is written to
 * at the same time notices of it. See README.md beside this file.
 *
 * @module
 */
import { EntryRun, NO_BYTES, toIndex, toTerm } from "@coracle/core";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { flag, numbers, refuseUnknownOptions } from "./options.ts";

/** What one phase was like. */
interface Phase {
  readonly phase: "log alone" | "write" | "read";
  /** Megabytes of data a second; 0 where none is moved. */
  readonly mb_per_s: number;
  /** Batches of 100 commands of 128 bytes that the log made durable meanwhile, one after another. */
  readonly log_batches: number;
  readonly log_p50_ms: number;
  readonly log_p99_ms: number;
  readonly log_max_ms: number;
  /** The longest time for which nothing else could run. */
  readonly pause_max_ms: number;
  /** The most memory of the process. */
  readonly rss_max_mib: number;
}

refuseUnknownOptions(["json", "mib"]);
const json = flag("json");
const [mib] = numbers("mib", "1024");
const sizeBytes = mib! * 1024 * 1024;
const directory = await Deno.makeTempDir({ prefix: "coracle-bench-" });
try {
  await using log = await FsLogStore.open({ directory });
  await using store = await FsSnapshotStore.open({ directory });
  print(await measured("log alone", 0, log, () => new Promise((ended) => setTimeout(ended, 2000))));
  const chunk = Uint8Array.from({ length: 64 * 1024 }, (_, at) => at * 31);
  print(
    await measured("write", sizeBytes, log, async () => {
      const sink = await store.create();
      for (let done = 0; done < sizeBytes; done += chunk.length) await sink.write(chunk);
      const configuration = { index: toIndex(0), configuration: { servers: [] } };
      await sink.commit({
        lastIncludedIndex: toIndex(1),
        lastIncludedTerm: toTerm(1),
        configuration,
      });
    }),
  );
  print(
    await measured("read", sizeBytes, log, async () => {
      await using source = await store.open(store.list()[0]!.id);
      let left = sizeBytes;
      for await (const block of source.read()) left -= block.length;
      if (left !== 0) throw new Error(`${left} bytes were not read`);
    }),
  );
} finally {
  await Deno.remove(directory, { recursive: true });
}

async function measured(
  phase: Phase["phase"],
  bytes: number,
  log: FsLogStore,
  work: () => Promise<void>,
): Promise<Phase> {
  const PERIOD_MS = 5;
  let pauseMaxMs = 0;
  let rssMax = 0;
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    pauseMaxMs = Math.max(pauseMaxMs, nowMs - lastMs - PERIOD_MS);
    lastMs = nowMs;
    rssMax = Math.max(rssMax, Deno.memoryUsage().rss);
  }, PERIOD_MS);
  const ended = new AbortController();
  const writing = writeLog(log, ended.signal);
  const beganMs = performance.now();
  await work();
  const seconds = (performance.now() - beganMs) / 1000;
  ended.abort();
  const latencies = await writing;
  clearInterval(timer);
  const quantile = (share: number): number =>
    rounded(latencies[Math.floor(share * (latencies.length - 1))] ?? 0);
  return {
    phase,
    mb_per_s: Math.round(bytes / 1e6 / seconds),
    log_batches: latencies.length,
    log_p50_ms: quantile(.5),
    log_p99_ms: quantile(.99),
    log_max_ms: quantile(1),
    pause_max_ms: rounded(pauseMaxMs),
    rss_max_mib: Math.round(rssMax / 1024 / 1024),
  };
}

/** Writes batches until `ended`; resolves with how long each took, in order of that. */
async function writeLog(log: FsLogStore, ended: AbortSignal): Promise<number[]> {
  const command = { type: "command", data: new Uint8Array(128), extensions: NO_BYTES } as const;
  const commands = Array.from({ length: 100 }, () => command);
  const nothing = { hardState: undefined, reset: undefined, truncateFrom: undefined };
  const latencies: number[] = [];
  while (!ended.aborted) {
    const entries = EntryRun.encode(toIndex(log.lastIndex + 1), toTerm(1), 0, commands);
    const beganMs = performance.now();
    await log.persist([{ ...nothing, entries }]);
    latencies.push(performance.now() - beganMs);
  }
  return latencies.sort((a, b) => a - b);
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function print(phase: Phase): void {
  if (json) {
    console.log(JSON.stringify(phase));
    return;
  }
  const { phase: name, mb_per_s, log_batches, log_p50_ms, log_p99_ms, log_max_ms } = phase;
  console.log(
    `${name.padEnd(9)} ${mb_per_s} MB/s; log: ${log_batches} batches, p50 ${log_p50_ms} ms, ` +
      `p99 ${log_p99_ms} ms, max ${log_max_ms} ms; longest pause ${phase.pause_max_ms} ms; ` +
      `at most ${phase.rss_max_mib} MiB of memory`,
  );
}
