/**
 * Looks at a store without opening it: takes no lock, writes nothing, and goes on after damage as
 * far as it can. For people and tools that want to know what a directory holds, while its node is
 * stopped.
 *
 * @module
 */
import type { Entry, HardState, Index, Term } from "@coracle/core";
import type { Damage } from "./damage.ts";
import { denoFileSystem } from "./deno_files.ts";
import { type FileSystem, FileTooLargeError, type ReadFile, readWholeSync } from "./files.ts";
import { decodeIdentity, type StoreIdentity } from "./format/identity.ts";
import { IDENTITY_SIZE_MAX_BYTES } from "./identity_file.ts";
import { inspectSnapshots, type SnapshotInspection } from "./inspect_snapshots.ts";
import { type Segment, type StorePaths, storePaths } from "./layout.ts";
import { LogState } from "./log_state.ts";
import { type BadBatch, findBatch, scanBatches } from "./scan.ts";
import { ScratchBuffer } from "./scratch.ts";
import {
  batchRange,
  headerDamage,
  isRoom,
  isTornBatch,
  isTornSegment,
  listSegments,
  readSegmentHeader,
  type SegmentFile,
} from "./segment_files.ts";
import { SegmentReader } from "./segment_reader.ts";

/** How much is read at once when entries are listed. */
const READ_SIZE_BYTES = 256 * 1024;

/** What was found to be wrong. */
export interface Finding extends Damage {
  /**
   * `torn-write`: a crash cut short a write that was never acknowledged; opening the store removes
   * it.
   * `damage`: something that was durable is gone; the log refuses to be opened, the snapshot is not
   * used.
   */
  readonly kind: "torn-write" | "damage";
}

/** One segment of a log. */
export interface SegmentInspection {
  /** Its file. */
  readonly file: string;
  /** Its sequence number. */
  readonly sequence: number;
  /** Its size in bytes, without room that was reserved for more. */
  readonly sizeBytes: number;
  /** Index of the first entry in it that is still part of the log, if there is one. */
  readonly firstIndex: Index | undefined;
  /** Index of the last such entry. */
  readonly lastIndex: Index | undefined;
  /** How many intact batches it holds. */
  readonly batches: number;
}

/** A point at which entries were dropped from the log's end. */
export interface CutInspection {
  /** The segment's file. */
  readonly file: string;
  /** Offset of the batch that says so. */
  readonly offset: number;
  /**
   * `truncate`: entries after `lastIndex` were dropped. `reset`: all were, since a snapshot ends at
   * `lastIndex`.
   */
  readonly kind: "truncate" | "reset";
  /** Index of the last entry afterwards. */
  readonly lastIndex: Index;
}

/** What a store's directory holds. */
export interface StoreInspection {
  /** The directory. */
  readonly directory: string;
  /** Who the store is, if that can be read. */
  readonly identity: StoreIdentity | undefined;
  /** Term and vote. */
  readonly hardState: HardState;
  /** Index of the first entry; `lastIndex + 1` if there is none. */
  readonly firstIndex: Index;
  /** Index of the last entry. */
  readonly lastIndex: Index;
  /**
   * Term of the last entry, or of the one before the log if there is none. Of the nodes of a cluster,
   * the one with the latest term and then the highest index has everything that is committed and that
   * any of them has.
   */
  readonly lastTerm: Term;
  /** Indexes of the configuration entries. */
  readonly configurations: readonly Index[];
  /** The segments, oldest first. */
  readonly segments: readonly SegmentInspection[];
  /**
   * Where entries were dropped from the log's end, oldest first; only what the segments that are
   * left say.
   */
  readonly cuts: readonly CutInspection[];
  /**
   * The snapshots, the newest first. Of each, header and trailer are read; `verify` reads the rest.
   */
  readonly snapshots: readonly SnapshotInspection[];
  /** What is wrong, in the order in which it was found. */
  readonly findings: readonly Finding[];
  /**
   * All entries of the log that can be read, in order. Reads them from the disk as they are asked
   * for, and throws a `DamageError` if the files have changed since they were inspected.
   */
  entries(): IterableIterator<Entry>;
}

/** How to look at a store. */
export interface InspectOptions {
  /** The file system. Defaults to the machine's. */
  readonly fs?: FileSystem;
}

/**
 * Looks at log and snapshots in `directory`. Damage is a finding, never an error; what is thrown is
 * thrown by the file system, such as a permission that is missing.
 */
export async function inspectStore(
  directory: string,
  { fs = denoFileSystem }: InspectOptions = {},
): Promise<StoreInspection> {
  const paths = storePaths(directory);
  const findings: Finding[] = [];
  const identity = inspectIdentity(fs, paths, findings);
  const { files, damages } = await listSegments(fs, paths);
  for (const damage of damages) findings.push({ kind: "damage", ...damage });
  const log = new LogInspection(identity?.storeId, findings);
  for (const [position, file] of files.entries()) {
    const reader = fs.openReadSync(file.path);
    // It was removed since the directory was listed: the node is running.
    if (reader === undefined) continue;
    try {
      log.inspect(reader, file, position === files.length - 1);
    } finally {
      reader.close();
    }
  }
  const { snapshots, unfinished } = await inspectSnapshots(fs, paths, identity?.storeId);
  for (const { damage } of snapshots) {
    if (damage !== undefined) findings.push({ kind: "damage", ...damage });
  }
  for (const finding of unfinished) findings.push({ kind: "torn-write", ...finding });
  const { state, cuts } = log;
  return {
    directory: paths.directory,
    identity,
    hardState: state.hardState,
    firstIndex: state.firstIndex,
    lastIndex: state.lastIndex,
    lastTerm: state.lastTerm,
    configurations: state.configurations,
    segments: log.segments(),
    cuts,
    snapshots,
    findings,
    entries: () => readEntries(fs, state),
  };
}

function inspectIdentity(
  fs: FileSystem,
  paths: StorePaths,
  findings: Finding[],
): StoreIdentity | undefined {
  const file = paths.identity;
  const decoded = readIdentity(fs, file);
  if (decoded.ok) return decoded.identity;
  const { expected, found } = decoded;
  findings.push({ kind: "damage", file, offset: 0, expected, found });
  return undefined;
}

function readIdentity(fs: FileSystem, file: string) {
  try {
    const bytes = readWholeSync(fs, file, IDENTITY_SIZE_MAX_BYTES);
    if (bytes !== undefined) return decodeIdentity(bytes);
    return { ok: false as const, expected: "the store's identity", found: "no file" };
  } catch (error) {
    if (!(error instanceof FileTooLargeError)) throw error;
    const expected = `at most ${IDENTITY_SIZE_MAX_BYTES} bytes`;
    return { ok: false as const, expected, found: `${error.sizeBytes} bytes` };
  }
}

class LogInspection {
  readonly state = new LogState();
  readonly cuts: CutInspection[] = [];
  readonly #storeId: string | undefined;
  readonly #findings: Finding[];
  readonly #buffer = new ScratchBuffer();
  readonly #segments: { segment: Segment; batches: number }[] = [];
  /** Whether batches before the next one could not be read, so that it need not continue them. */
  #skipped = false;

  constructor(storeId: string | undefined, findings: Finding[]) {
    this.#storeId = storeId;
    this.#findings = findings;
  }

  segments(): SegmentInspection[] {
    return this.#segments.map(({ segment, batches }) => {
      const points = this.state.points.filter((point) => point.segment === segment);
      return {
        file: segment.path,
        sequence: segment.sequence,
        sizeBytes: segment.sizeBytes,
        firstIndex: points.at(0)?.index,
        lastIndex: points.at(-1)?.lastIndex,
        batches,
      };
    });
  }

  inspect(reader: ReadFile, file: SegmentFile, newest: boolean): void {
    const read = readSegmentHeader(reader, file, this.#storeId);
    if (!read.ok) {
      const torn = read.torn && newest && this.#segments.length > 0 &&
        this.#storeId !== undefined &&
        isTornSegment(reader, file, this.#storeId, this.#buffer);
      this.#findings.push({ kind: torn ? "torn-write" : "damage", ...read.damage });
      this.#skipped = true;
      return;
    }
    const { segment, firstBatchAt } = read;
    const before = this.#segments.at(-1)?.segment;
    if (before === undefined) this.state.begin(segment.header);
    else if (segment.sequence !== before.sequence + 1) this.#skipped = true;
    const damage = headerDamage(segment, before, this.state);
    if (damage !== undefined) {
      if (!this.#skipped) this.#findings.push({ kind: "damage", ...damage });
      this.state.skipTo(segment.header);
    }
    this.#skipped = false;
    this.#segments.push({ segment, batches: 0 });
    let start: number | undefined = firstBatchAt;
    while (start !== undefined) start = this.#batches(reader, segment, start, newest);
  }

  /**
   * Goes through the batches from `start` on. Returns where they go on after one that is damaged.
   */
  #batches(
    reader: ReadFile,
    segment: Segment,
    start: number,
    newest: boolean,
  ): number | undefined {
    const range = batchRange(reader, segment, start);
    const counted = this.#segments.at(-1)!;
    const bad = scanBatches(range, this.#buffer, (batch, offset, end, count) => {
      const wrong = this.state.discontinuity(batch);
      if (wrong !== undefined && !this.#skipped) return wrong;
      if (this.#skipped) this.state.resumeWith(batch);
      this.#skipped = false;
      this.state.apply(batch, segment, offset, end);
      counted.batches += count;
      if (batch.cut !== undefined) {
        const { kind, lastIndex } = batch.cut;
        this.cuts.push({ file: segment.path, offset, kind, lastIndex });
      }
      return undefined;
    });
    return bad === undefined ? undefined : this.#after(reader, segment, bad, newest);
  }

  /**
   * Reports `bad` and returns where the next batch is that can be read, if what was lost is not the
   * log's end.
   */
  #after(
    reader: ReadFile,
    segment: Segment,
    bad: BadBatch,
    newest: boolean,
  ): number | undefined {
    const { offset, intact, expected, found } = bad;
    if (newest && isRoom(reader, segment, bad)) {
      segment.sizeBytes = offset;
      return undefined;
    }
    const torn = newest && isTornBatch(reader, segment, bad, this.#buffer);
    this.#findings.push({
      kind: torn ? "torn-write" : "damage",
      file: segment.path,
      offset,
      expected,
      found,
    });
    if (torn) return undefined;
    const mayFollow = this.#skipped;
    this.#skipped = true;
    // A batch that is intact but does not follow is taken as it is: there is nothing better. One that
    // need not have followed is none that this program could have written.
    if (intact && !mayFollow) return offset;
    return findBatch(batchRange(reader, segment, offset + 1), this.#buffer, () => true)?.offset;
  }
}

function* readEntries(fs: FileSystem, state: LogState): IterableIterator<Entry> {
  const reader = new SegmentReader(fs, state);
  try {
    for (const point of state.points) {
      let next = point.index as number;
      while (next <= point.lastIndex) {
        const run = reader.read(next as Index, READ_SIZE_BYTES);
        yield* run.entries();
        next = run.lastIndex + 1;
      }
    }
  } finally {
    reader.close();
  }
}
