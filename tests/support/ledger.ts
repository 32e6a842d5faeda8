/**
 * A state machine that remembers what it was told: which writes of which client it has applied, and how often. Two replicas
 * that have applied the same are equal, and a write that is missing or doubled is seen.
 *
 * A command is the text `client:serial`. For tests of large snapshots it can carry any number of bytes more, made when
 * they are written and checked when they are read, so that they need no memory.
 *
 * @module
 */
import type { Entry, Fsm } from "@coracle/core";

const BALLAST_CHUNK_SIZE_BYTES = 256 * 1024;
const LINE_END = 10;

/** See the module's description. */
export class LedgerFsm implements Fsm<number> {
  readonly #serials = new Map<string, Set<number>>();
  #count = 0;

  /** `ballastSizeBytes`: bytes that every snapshot carries beside the ledger. */
  constructor(readonly ballastSizeBytes: number) {}

  /** How many commands were applied. */
  get count(): number {
    return this.#count;
  }

  /** Which of `serials` were never applied for `client`. */
  missing(client: string, serials: readonly number[]): number[] {
    const known = this.#serials.get(client);
    return serials.filter((serial) => known?.has(serial) !== true);
  }

  /** The number of commands applied, and a hash of what they were: equal on equal replicas. */
  digest(): string {
    let hash = 0;
    for (const [client, serials] of [...this.#serials].sort(([a], [b]) => a < b ? -1 : 1)) {
      let sum = 0;
      for (const serial of serials) sum = (sum + Math.imul(serial, 0x9e3779b1)) | 0;
      for (const char of client) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0;
      hash = (Math.imul(hash, 31) + sum) | 0;
    }
    return `${this.#count}:${hash >>> 0}`;
  }

  /** Notes the write. A write that was noted before is counted all the same. */
  apply(entry: Entry): number {
    const text = new TextDecoder().decode(entry.data.subarray(0, 64));
    const [client = "", serial = ""] = text.split(":", 2);
    if (client !== "") {
      const serials = this.#serials.get(client) ?? new Set();
      this.#serials.set(client, serials.add(parseInt(serial)));
    }
    this.#count += 1;
    return this.#count;
  }

  /** The ledger as one line of JSON, as it is now; then the ballast, made when it is asked for. */
  snapshot(): Iterable<Uint8Array> {
    const serials = [...this.#serials].map(([client, set]) => [client, [...set]]);
    const ledger = { count: this.#count, serials };
    return lineAndBallast(JSON.stringify(ledger) + "\n", this.ballastSizeBytes);
  }

  /** The inverse of {@linkcode LedgerFsm.snapshot}. Throws if a byte of the ballast is wrong or missing. */
  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    let line: number[] | undefined = [];
    let at = 0;
    for await (const chunk of data) {
      let from = 0;
      if (line !== undefined) {
        const end = chunk.indexOf(LINE_END);
        for (const byte of end === -1 ? chunk : chunk.subarray(0, end)) line.push(byte);
        if (end === -1) continue;
        this.#take(JSON.parse(new TextDecoder().decode(Uint8Array.from(line))));
        line = undefined;
        from = end + 1;
      }
      for (let offset = from; offset < chunk.length; offset += 1, at += 1) {
        if (chunk[offset] !== ballastByte(at)) {
          throw new Error(`byte ${at} of the ballast is wrong`);
        }
      }
    }
    if (at !== this.ballastSizeBytes) {
      throw new Error(`${at} bytes of ballast came; expected are ${this.ballastSizeBytes}`);
    }
  }

  #take({ count, serials }: { count: number; serials: [string, number[]][] }): void {
    this.#count = count;
    this.#serials.clear();
    for (const [client, list] of serials) this.#serials.set(client, new Set(list));
  }
}

function ballastByte(at: number): number {
  return (at ^ (at >>> 8) ^ (at >>> 16)) & 0xff;
}

function* lineAndBallast(line: string, sizeBytes: number): Iterable<Uint8Array> {
  yield new TextEncoder().encode(line);
  for (let from = 0; from < sizeBytes; from += BALLAST_CHUNK_SIZE_BYTES) {
    const chunk = new Uint8Array(Math.min(BALLAST_CHUNK_SIZE_BYTES, sizeBytes - from));
    for (let at = 0; at < chunk.length; at += 1) chunk[at] = ballastByte(from + at);
    yield chunk;
  }
}
