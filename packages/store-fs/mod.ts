/**
 * `@coracle/store-fs`: a node's log, term, vote and snapshots in a directory. The log is in segment
 * files, with checksums over whole batches, one sync for each, and a recovery that tells a torn
 * write from damage. Snapshots are written aside, verified when they are read, and never removed
 * while somebody reads them.
 *
 * ```ts
 * import { FsLogStore, FsSnapshotStore, inspectStore } from "@coracle/store-fs";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * {
 *   // What `Raft.start` takes as `log` and `snapshots`. They share the directory, its lock and its
 *   // identity.
 *   await using log = await FsLogStore.open({ directory, nodeId: "n1" });
 *   await using snapshots = await FsSnapshotStore.open({ directory, nodeId: "n1", retain: 2 });
 *   assertEquals([log.lastIndex, snapshots.list().length], [0, 0]);
 * }
 * const { identity, findings } = await inspectStore(directory);
 * assertEquals([identity?.nodeId, findings], ["n1", []]);
 * ```
 *
 * What is on the disk is described in docs/storage-format.md, and what is expected of disks in
 * docs/storage-assumptions.md.
 *
 * @module
 */
export { type Damage, DamageError } from "./damage.ts";
export { denoFileSystem } from "./deno_files.ts";
export type { AppendFile, FileLock, FileSystem, ReadFile } from "./files.ts";
export type { StoreIdentity } from "./format/identity.ts";
export {
  type CutInspection,
  type Finding,
  type InspectOptions,
  inspectStore,
  type SegmentInspection,
  type StoreInspection,
} from "./inspect.ts";
export type { SnapshotInspection } from "./inspect_snapshots.ts";
export { STORE_METRICS } from "./metrics.ts";
export type { Repair } from "./recovery.ts";
export { FsSnapshotStore, type FsSnapshotStoreOptions } from "./snapshot_store.ts";
export { FsLogStore, type FsLogStoreOptions } from "./store.ts";
