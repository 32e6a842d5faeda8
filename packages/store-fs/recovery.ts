/**
 * Reads the segments of a store from the oldest to the newest, tells what a crash explains from
 * damage, and repairs the former (docs/storage-format.md, "Recovery").
 *
 * @module
 */
import type { Logger } from "@coracle/core";
import { type Damage, DamageError } from "./damage.ts";
import type { FileSystem, ReadFile } from "./files.ts";
import type { Segment, StorePaths } from "./layout.ts";
import { LogState } from "./log_state.ts";
import { type BatchVisitor, scanBatches } from "./scan.ts";
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
import type { BegunSegment } from "./segment_writer.ts";

/**
 * What opening a store has removed, because a crash cut short a write that was never acknowledged.
 */
export interface Repair {
  /**
   * `cut-batch`: the end of a file, from a torn batch on. `removed-segment`: a segment without a
   * whole header.
   * `removed-snapshot`: a snapshot that was never finished.
   */
  readonly kind: "cut-batch" | "removed-segment" | "removed-snapshot";
  /** The file. */
  readonly file: string;
  /** Where in the file the bytes began that are gone. */
  readonly offset: number;
  /** How many bytes are gone. */
  readonly sizeBytes: number;
  /** What was wrong with them. */
  readonly reason: string;
}

/** A log that was read. */
export interface RecoveredLog {
  /** What it holds. */
  readonly state: LogState;
  /** Its segments, oldest first. */
  readonly segments: Segment[];
  /** The newest of them and its file, whose bytes are all intact and synced. */
  readonly newest: BegunSegment;
  /** What had to be removed. */
  readonly repairs: readonly Repair[];
}

/**
 * Reads and repairs the log of the store `storeId`. Throws `DamageError` for what no crash
 * explains.
 */
export async function recoverLog(
  fs: FileSystem,
  paths: StorePaths,
  storeId: string,
  logger: Logger,
): Promise<RecoveredLog> {
  const { files, strangers, damages } = await listSegments(fs, paths);
  for (const damage of damages) throw new DamageError(damage);
  for (const file of strangers) logger.warn("{file} is no segment; it is left alone", { file });

  const log = new LogReplay(storeId);
  for (const [position, file] of files.entries()) {
    const newest = position === files.length - 1;
    const reader = fs.openReadSync(file.path);
    if (reader === undefined) {
      throw new DamageError({
        file: file.path,
        offset: 0,
        expected: "a segment",
        found: "no file",
      });
    }
    try {
      log.replay(reader, file, newest);
    } finally {
      reader.close();
    }
  }
  const { state, segments, repairs, isLonger } = log;
  for (const repair of repairs) {
    logger.warn("{kind} at offset {offset} of {file}, {sizeBytes} bytes: {reason}", { ...repair });
  }
  const newest = await makeDurable(fs, paths, segments, repairs, isLonger);
  return { state, segments, newest, repairs };
}

class LogReplay {
  readonly state = new LogState();
  readonly segments: Segment[] = [];
  readonly repairs: Repair[] = [];
  /** Whether the newest segment's file goes on after its last batch. */
  isLonger = false;
  readonly #storeId: string;
  readonly #buffer = new ScratchBuffer();

  constructor(storeId: string) {
    this.#storeId = storeId;
  }

  /** Takes up one segment after the ones before it. Only in the newest can anything be torn. */
  replay(reader: ReadFile, file: SegmentFile, newest: boolean): void {
    const read = readSegmentHeader(reader, file, this.#storeId);
    if (!read.ok) {
      // Segments are removed only when a later one is durable: the only one there is cannot be half
      // made.
      const torn = read.torn && newest && this.segments.length > 0 &&
        isTornSegment(reader, file, this.#storeId, this.#buffer);
      if (!torn) throw new DamageError(read.damage);
      this.repairs.push(repairOf("removed-segment", read.damage, reader.sizeSync()));
      return;
    }
    const { segment, firstBatchAt } = read;
    const damage = headerDamage(segment, this.segments.at(-1), this.state);
    if (damage !== undefined) throw new DamageError(damage);
    if (this.segments.length === 0) this.state.begin(segment.header);
    this.segments.push(segment);

    const range = batchRange(reader, segment, firstBatchAt);
    const bad = scanBatches(range, this.#buffer, replayInto(this.state, segment));
    if (bad === undefined) return;
    const { offset, expected, found } = bad;
    const { sizeBytes } = segment;
    if (newest && isRoom(reader, segment, bad)) {
      segment.sizeBytes = offset;
      this.isLonger = true;
      return;
    }
    const badBatch = { file: segment.path, offset, expected, found };
    if (!newest || !isTornBatch(reader, segment, bad, this.#buffer)) {
      throw new DamageError(badBatch);
    }
    this.repairs.push(repairOf("cut-batch", badBatch, sizeBytes - offset));
    segment.sizeBytes = offset;
    this.isLonger = true;
  }
}

/** Takes up batches of `segment` into `state`; refuses those that do not follow what was before. */
export function replayInto(state: LogState, segment: Segment): BatchVisitor {
  return (batch, offset, end) => {
    const wrong = state.discontinuity(batch);
    if (wrong === undefined) state.apply(batch, segment, offset, end);
    return wrong;
  };
}

function repairOf(kind: Repair["kind"], damage: Damage, sizeBytes: number): Repair {
  const { file, offset, expected, found } = damage;
  return { kind, file, offset, sizeBytes, reason: `expected ${expected}, found ${found}` };
}

/**
 * Removes and cuts what is torn, gives up room that was reserved, and syncs what is left: a process may have ended after writing a
 * batch and before syncing it, and what is read now must not be gone later.
 */
async function makeDurable(
  fs: FileSystem,
  paths: StorePaths,
  segments: readonly Segment[],
  repairs: readonly Repair[],
  isLonger: boolean,
): Promise<BegunSegment> {
  for (const repair of repairs) {
    if (repair.kind === "removed-segment") await fs.remove(repair.file);
  }
  await fs.syncDirectory(paths.log);
  const segment = segments.at(-1)!;
  const file = await fs.openAppend(segment.path);
  try {
    if (isLonger) await file.truncate(segment.sizeBytes);
    await file.syncData();
  } catch (error) {
    file.close();
    throw error;
  }
  return { segment, file };
}
