/**
 * Known mistakes outside of the consensus, to show that the simulation of whole nodes finds them. Those in the consensus are in
 * `packages/testing/planted_bugs`; they can be planted here as well. For tests only.
 *
 * @module
 */
import type { AppendFile, FileSystem } from "@coracle/store-fs";
import { PLANTED_BUGS } from "../planted_bugs/mod.ts";
import type { PlantedMistake } from "./plant.ts";

/** Mistakes around the store, the transport and the state machine. */
export const WHOLE_NODE_MISTAKES: readonly PlantedMistake[] = [
  {
    name: "sync-skipped",
    description: "files are not synced before what is in them is promised (B02, B16)",
    fileSystem: changingFiles((file) => ({ ...file, syncData: () => Promise.resolve() })),
  },
  {
    name: "failed-sync-ignored",
    description: "a sync that fails is taken for one that succeeds (B32)",
    fileSystem: changingFiles((file) => ({
      ...file,
      syncData: () => file.syncData().catch(() => {}),
    })),
  },
  {
    name: "directory-sync-skipped",
    description: "directories are not synced after names were made, changed or removed (B38)",
    fileSystem: (inner) => delegating(inner, { syncDirectory: () => Promise.resolve() }),
  },
  {
    name: "short-write-ignored",
    description: "a write that takes fewer bytes than it was given is taken for a whole one (B86)",
    fileSystem: changingFiles((file) => ({
      ...file,
      appendSync: (bytes) => {
        file.appendSync(bytes);
        return bytes.length;
      },
      append: async (bytes) => {
        await file.append(bytes);
        return bytes.length;
      },
    })),
  },
  {
    name: "state-machine-forgets",
    description: "a state machine's snapshot leaves out what it holds last (B80)",
    fsm: (inner) => ({
      ...inner,
      async *snapshot() {
        let last: Uint8Array | undefined;
        for await (const chunk of inner.snapshot!()) {
          if (last !== undefined) yield last;
          last = chunk;
        }
      },
    }),
  },
];

/** All mistakes that can be planted in whole nodes. */
export const ALL_MISTAKES: readonly PlantedMistake[] = [...PLANTED_BUGS, ...WHOLE_NODE_MISTAKES];

/** `inner` with some methods of its own. */
function delegating(inner: FileSystem, changes: Partial<FileSystem>): FileSystem {
  return {
    list: (directory) => inner.list(directory),
    makeDirectory: (directory) => inner.makeDirectory(directory),
    create: (path) => inner.create(path),
    openAppend: (path) => inner.openAppend(path),
    openReadSync: (path) => inner.openReadSync(path),
    rename: (from, to) => inner.rename(from, to),
    remove: (path) => inner.remove(path),
    syncDirectory: (directory) => inner.syncDirectory(directory),
    lock: (path) => inner.lock(path),
    ...changes,
  };
}

function changingFiles(change: (file: AppendFile) => AppendFile) {
  return (inner: FileSystem): FileSystem =>
    delegating(inner, {
      create: async (path) => change(await inner.create(path)),
      openAppend: async (path) => change(await inner.openAppend(path)),
    });
}
