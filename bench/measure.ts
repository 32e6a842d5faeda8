/**
 * What an applier experiences: how many commands a second, and how long each takes.
 *
 * @module
 */

/** The figures of one measurement, as all peers print them. */
export interface Measurement {
  /** Who was measured. */
  readonly peer: string;
  /** Number of concurrent appliers. */
  readonly conc: number;
  /** Bytes of a command. */
  readonly size: number;
  /** Commands applied in a second. */
  readonly applies_per_s: number;
  /** Median time of one call, in milliseconds. */
  readonly p50_ms: number;
  /** 99th percentile. */
  readonly p99_ms: number;
  /** Longest. */
  readonly max_ms: number;
}

/** Runs `conc` appliers for `seconds`, after one second of warming up. */
export async function measure(
  apply: (command: Uint8Array) => Promise<unknown>,
  conc: number,
  size: number,
  seconds: number,
): Promise<Measurement> {
  const command = new Uint8Array(size).fill(97);
  await run(apply, command, conc, 1);
  const { latencies, elapsedSeconds } = await run(apply, command, conc, seconds);
  latencies.sort((a, b) => a - b);
  const quantile = (share: number) =>
    Number(latencies[Math.floor(share * (latencies.length - 1))]!.toFixed(3));
  return {
    peer: "coracle",
    conc,
    size,
    applies_per_s: Math.round(latencies.length / elapsedSeconds),
    p50_ms: quantile(.5),
    p99_ms: quantile(.99),
    max_ms: quantile(1),
  };
}

async function run(
  apply: (command: Uint8Array) => Promise<unknown>,
  command: Uint8Array,
  conc: number,
  seconds: number,
): Promise<{ latencies: number[]; elapsedSeconds: number }> {
  const latencies: number[] = [];
  const beganMs = performance.now();
  const endsMs = beganMs + seconds * 1000;
  await Promise.all(Array.from({ length: conc }, async () => {
    for (let atMs; (atMs = performance.now()) < endsMs;) {
      await apply(command);
      latencies.push(performance.now() - atMs);
    }
  }));
  return { latencies, elapsedSeconds: (performance.now() - beganMs) / 1000 };
}
