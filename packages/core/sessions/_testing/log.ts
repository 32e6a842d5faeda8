/**
 * A log in memory for tests of sessions, and a state machine that notices every command that it is given.
 *
 * @module
 */
import { type Entry, NO_BYTES } from "../../model/entry.ts";
import { toIndex, toTerm } from "../../model/numbers.ts";
import type { Fsm } from "../../ports/fsm.ts";
import { encodeEnvelope, type Envelope } from "../envelope.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `text` as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** `bytes` as text. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** What is in an entry, besides its index. */
export interface EntryParts {
  readonly data?: string | Uint8Array;
  readonly envelope?: Envelope;
  readonly own?: string;
  readonly atMs?: number;
}

/** The entry at `index`. */
export function entryOf(index: number, { data = "", envelope, own, atMs = 0 }: EntryParts): Entry {
  const ownBytes = own === undefined ? NO_BYTES : bytesOf(own);
  return {
    index: toIndex(index),
    term: toTerm(1),
    type: "command",
    data: typeof data === "string" ? bytesOf(data) : data.slice(),
    extensions: envelope === undefined ? ownBytes : encodeEnvelope(envelope, ownBytes),
    appendedAtMs: atMs,
  };
}

/** A command of a session. */
export function command(session: number, serial: number, lowest = 1): Envelope {
  return { kind: "command", session: toIndex(session), serial, lowest };
}

/** What a {@linkcode Recorder} answers. */
export interface Recorded {
  /** How many commands it has applied. */
  readonly count: number;
  /** The command. */
  readonly text: string;
}

/** A state machine that remembers its commands. */
export class Recorder implements Fsm<Recorded> {
  /** Commands and extensions in the order in which they were applied, as text. */
  commands: string[] = [];

  apply(entry: Entry): Recorded | Promise<Recorded> {
    return this.record(entry);
  }

  /** Applies `entry`. */
  record({ data, extensions }: Entry): Recorded {
    const text = textOf(data);
    this.commands.push(extensions.length === 0 ? text : `${text}+${textOf(extensions)}`);
    return { count: this.commands.length, text };
  }

  snapshot(): Uint8Array[] {
    const bytes = bytesOf(JSON.stringify(this.commands));
    return [bytes.subarray(0, 3), bytes.subarray(3)];
  }

  async restore(data: AsyncIterable<Uint8Array>): Promise<void> {
    this.commands = JSON.parse(textOf(await bytesFrom(data)));
  }
}

/** A {@linkcode Recorder} that takes commands in batches, and remembers how many came together. */
export class BatchRecorder extends Recorder {
  readonly sizes: number[] = [];

  /** `isAsync`: whether each batch makes its caller wait. */
  constructor(readonly isAsync: boolean = false) {
    super();
  }

  applyBatch(entries: readonly Entry[]): Recorded[] | Promise<Recorded[]> {
    this.sizes.push(entries.length);
    const apply = () => entries.map((entry) => this.record(entry));
    return this.isAsync ? Promise.resolve().then(apply) : apply();
  }
}

/** Feeds a state machine. */
export class Log<Response> {
  /** Index of the last entry. */
  index = 0;

  constructor(readonly fsm: Fsm<Response>) {}

  /** Appends an entry, applies it and returns the answer. */
  async apply(parts: EntryParts): Promise<Response> {
    this.index += 1;
    return await this.fsm.apply(entryOf(this.index, parts));
  }
}

/** All bytes of `data`. */
export async function bytesFrom(
  data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of data) chunks.push(chunk.slice());
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** `bytes` as a stream of chunks of `size`. */
export async function* streamOf(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}
