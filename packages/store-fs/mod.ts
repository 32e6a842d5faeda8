/**
 * `@coracle/store-fs`: a log, term and vote in a directory of segment files, with checksums over
 * whole batches, one sync for each, and a recovery that tells a torn write from damage.
 *
 * ```ts
 * import { FsLogStore, inspectStore } from "@coracle/store-fs";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * {
 *   // This is what `Raft.start` takes as `log`.
 *   await using store = await FsLogStore.open({ directory, nodeId: "n1" });
 *   assertEquals(store.lastIndex, 0);
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
export type { Repair } from "./recovery.ts";
export { FsLogStore, type FsLogStoreOptions } from "./store.ts";
