/**
 * Opening a store on a disk in memory, and what it has done there.
 *
 * @module
 */
import { FsLogStore, type FsLogStoreOptions } from "../store.ts";
import type { MemoryDisk } from "./memory_disk.ts";

export function open(
  fs: MemoryDisk,
  options: Partial<FsLogStoreOptions> = {},
): Promise<FsLogStore> {
  return FsLogStore.open({ directory: "/d", fs, ...options });
}

/** How often each kind of operation was done since the disk had done `since` of them. */
export function operationsSince(disk: MemoryDisk, since: number): string[] {
  return disk.operations.slice(since).map((operation) => operation.split(" ")[0]!);
}
