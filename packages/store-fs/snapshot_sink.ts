/**
 * A snapshot that is being written, until it is committed or given up.
 *
 * @module
 */
import {
  type Clock,
  invariant,
  type Logger,
  type SnapshotMeta,
  type SnapshotPoint,
  type SnapshotSink,
  StorageError,
} from "@coracle/core";
import { asStorageError } from "./failure.ts";
import type { FileSystem } from "./files.ts";
import {
  snapshotAsideName,
  type SnapshotFileHeader,
  snapshotFileName,
  snapshotId,
} from "./format/snapshot_header.ts";
import type { StorePaths } from "./layout.ts";
import type { SnapshotFile } from "./snapshot_files.ts";
import { SnapshotWriter } from "./snapshot_writer.ts";

/** What {@linkcode FsSnapshotSink} needs of its store. */
export interface SnapshotSinkHost {
  /** The file system. */
  readonly fs: FileSystem;
  /** Where the store is. */
  readonly paths: StorePaths;
  /** Where it is told what could not be removed. */
  readonly logger: Logger;
  /** Says when a snapshot was made. */
  readonly clock: Clock;
  /** A commit begins. Returns a number that is higher than all before. */
  committing(): number;
  /** Takes up a snapshot that is durable, whose commit began at `begunAt`. What it resolves to is called when whoever committed it is answered. */
  publish(snapshot: SnapshotFile, begunAt: number): Promise<() => void>;
  /** Hears that the sink has come to its end, whichever. */
  ended(sink: FsSnapshotSink): void;
}

/** See the module and core's port. */
export class FsSnapshotSink implements SnapshotSink {
  readonly #host: SnapshotSinkHost;
  readonly #header: SnapshotFileHeader;
  /** Where the file is; `undefined` if there is none. */
  #path: string | undefined;
  #writer: SnapshotWriter | undefined;
  #busy: Promise<unknown> | undefined;
  #failure: unknown;
  #committed = false;
  #aborted: Promise<void> | undefined;

  /** `header`: what its file begins with. */
  constructor(host: SnapshotSinkHost, header: SnapshotFileHeader) {
    this.#host = host;
    this.#header = header;
  }

  /** Makes the file. Comes first. */
  begin(): Promise<void> {
    return this.#alone(async () => {
      const { fs, paths } = this.#host;
      const path = `${paths.snapshots}/${snapshotAsideName(this.#header.sequence)}`;
      const file = await fs.create(path);
      this.#path = path;
      this.#writer = new SnapshotWriter(file, this.#header);
      await this.#writer.begin();
    });
  }

  /** See core's port. */
  write(chunk: Uint8Array): Promise<void> {
    return this.#alone(() => this.#writer!.write(chunk));
  }

  /** See core's port. */
  commit(point: SnapshotPoint): Promise<SnapshotMeta> {
    return this.#alone(async () => {
      const begunAt = this.#host.committing();
      const { fs, paths, clock } = this.#host;
      const { sequence, blockSizeBytes } = this.#header;
      const writer = this.#writer!;
      const { dataChecksum, ...rest } = await writer.finish(point, clock.wallTime());
      const id = snapshotId(point, sequence);
      const path = `${paths.snapshots}/${snapshotFileName(id)}`;
      await fs.rename(this.#path!, path);
      this.#path = path;
      await fs.syncDirectory(paths.snapshots);
      this.#committed = true;
      this.#host.ended(this);
      const meta = { id, ...rest };
      const { headerChecksum } = writer;
      const checksums = { headerChecksum, dataChecksum };
      const snapshot = { path, meta, sequence, blockSizeBytes, ...checksums };
      const answered = await this.#host.publish(snapshot, begunAt);
      answered();
      return meta;
    });
  }

  /**
   * See core's port. Never rejects: what cannot be removed now is removed when the store is opened
   * again.
   */
  abort(): Promise<void> {
    return this.#aborted ??= this.#abort();
  }

  async #abort(): Promise<void> {
    await this.#busy?.catch(() => {});
    if (this.#committed) return;
    this.#host.ended(this);
    this.#writer?.close();
    if (this.#path === undefined) return;
    try {
      await this.#host.fs.remove(this.#path);
    } catch (error) {
      this.#host.logger.warn("{file}, which was given up, could not be removed: {error}", {
        file: this.#path,
        error,
      });
    }
  }

  get #name(): string {
    return `snapshot ${this.#header.sequence} in ${this.#host.paths.snapshots}`;
  }

  /** Runs `work`, if nothing else is under way, and nothing has failed or ended before. */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    invariant(this.#busy === undefined, `${this.#name} is being written to`);
    invariant(!this.#committed, `${this.#name} is committed`);
    if (this.#aborted !== undefined) throw new StorageError(`${this.#name} was given up`);
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const working = work();
      this.#busy = working;
      return await working;
    } catch (error) {
      throw this.#failure = asStorageError(error, `${this.#name} cannot be written`);
    } finally {
      this.#busy = undefined;
    }
  }
}
