/**
 * What a caller experiences: how many calls a second, and how long each takes.
 *
 * @module
 */
import type { Load } from "./node.ts";

/** The figures of one measurement, as all peers print them. */
export interface Measurement {
  /** Number of concurrent callers. */
  readonly conc: number;
  /** Bytes of a command. */
  readonly size: number;
  /** Calls answered in a second. */
  readonly applies_per_s: number;
  /** Median time of one call, in milliseconds. */
  readonly p50_ms: number;
  /** 99th percentile. */
  readonly p99_ms: number;
  /** Longest. */
  readonly max_ms: number;
}

type Call = (command: Uint8Array) => Promise<unknown>;

/** Lets `conc` callers call for `seconds`, after they have warmed up. */
export async function measure(
  call: Call,
  { conc, size, seconds, warmUpSeconds = 1 }: Load,
): Promise<Measurement> {
  const command = new Uint8Array(size).fill(97);
  await run(call, command, conc, warmUpSeconds);
  const { latencies, elapsedSeconds } = await run(call, command, conc, seconds);
  latencies.sort();
  const quantile = (share: number) =>
    Number((latencies[Math.floor(share * (latencies.length - 1))] ?? 0).toFixed(3));
  return {
    conc,
    size,
    applies_per_s: Math.round(latencies.length / elapsedSeconds),
    p50_ms: quantile(.5),
    p99_ms: quantile(.99),
    max_ms: quantile(1),
  };
}

/** Lets `conc` callers make `count` calls together; returns how many seconds that took. */
export async function fill(
  call: Call,
  { count, conc, size }: { readonly count: number; readonly conc: number; readonly size: number },
): Promise<number> {
  const command = new Uint8Array(size).fill(97);
  const beganMs = performance.now();
  let taken = 0;
  await Promise.all(Array.from({ length: conc }, async () => {
    while (taken < count) {
      taken += 1;
      await call(command);
    }
  }));
  return (performance.now() - beganMs) / 1000;
}

async function run(
  call: Call,
  command: Uint8Array,
  conc: number,
  seconds: number,
): Promise<{ latencies: Float64Array; elapsedSeconds: number }> {
  const latencies = new Numbers();
  const beganMs = performance.now();
  const endsMs = beganMs + seconds * 1000;
  await Promise.all(Array.from({ length: conc }, async () => {
    for (let atMs; (atMs = performance.now()) < endsMs;) {
      await call(command);
      latencies.push(performance.now() - atMs);
    }
  }));
  return { latencies: latencies.all(), elapsedSeconds: (performance.now() - beganMs) / 1000 };
}

/** Many numbers in eight bytes each, outside of the heap that the measured code shares with the one that measures it. */
class Numbers {
  readonly #full: Float64Array[] = [];
  #last = new Float64Array(2 ** 16);
  #length = 0;

  push(number: number): void {
    if (this.#length === this.#last.length) {
      this.#full.push(this.#last);
      this.#last = new Float64Array(2 ** 16);
      this.#length = 0;
    }
    this.#last[this.#length++] = number;
  }

  /** All of them. Nothing is pushed any more. */
  all(): Float64Array {
    const parts = [...this.#full.splice(0), this.#last.subarray(0, this.#length)];
    const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}
