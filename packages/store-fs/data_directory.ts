/**
 * The directory of a node, which its stores share: log and snapshots have one lock and one
 * identity, whichever of them is opened first.
 *
 * The lock keeps other processes out. Within the process that holds it, this module knows which
 * stores have the directory open: each kind of store once, and the lock ends with the last of them.
 * Whoever opens log and snapshots with two different file system objects, or in two workers, is
 * told that the directory is locked.
 *
 * @module
 */
import { resolve } from "node:path";
import { StoreLockedError } from "@coracle/core";
import { ensureDirectory, type FileLock, type FileSystem } from "./files.ts";
import type { StoreIdentity } from "./format/identity.ts";
import { openIdentity, type StoreOwner } from "./identity_file.ts";
import { type StorePaths, storePaths } from "./layout.ts";

/** The kinds of stores that share a directory. */
export type StoreRole = "log" | "snapshots";

/** A directory that this process has locked, or is about to. */
class Holding {
  readonly roles = new Set<StoreRole>();
  readonly lock: Promise<FileLock>;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(lock: Promise<FileLock>) {
    this.lock = lock;
  }

  /**
   * Runs `task` after those before it: two stores that are opened at once must not both make the
   * identity.
   */
  inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** What this process holds, by absolute path. */
const holdings = new WeakMap<FileSystem, Map<string, Holding>>();

/** A directory that is open for one store. */
export class DataDirectory {
  /** The paths in it. */
  readonly paths: StorePaths;
  /** Whose it is. */
  readonly identity: StoreIdentity;
  /** Lets go of the directory. Called once. */
  readonly release: () => void;

  private constructor(paths: StorePaths, identity: StoreIdentity, release: () => void) {
    this.paths = paths;
    this.identity = identity;
    this.release = release;
  }

  /**
   * Opens a directory for the store that is `role` in it. Makes it, with those above it, and the
   * store's identity, if they are missing. Throws `StoreLockedError` if it is open for that role or
   * in another process, and what {@linkcode openIdentity} throws.
   */
  static async open(
    fs: FileSystem,
    directory: string,
    role: StoreRole,
    owner: StoreOwner,
  ): Promise<DataDirectory> {
    const paths = storePaths(directory);
    const held = holdings.get(fs) ?? new Map<string, Holding>();
    holdings.set(fs, held);
    const key = resolve(directory);
    const holding = held.get(key) ?? new Holding(takeLock(fs, paths));
    held.set(key, holding);
    if (holding.roles.has(role)) throw new StoreLockedError(paths.directory);
    holding.roles.add(role);
    let lock: FileLock;
    try {
      lock = await holding.lock;
    } catch (error) {
      // Whoever tries again begins anew.
      if (held.get(key) === holding) held.delete(key);
      throw error;
    }
    const release = (): void => {
      holding.roles.delete(role);
      if (holding.roles.size > 0) return;
      held.delete(key);
      lock.release();
    };
    try {
      const identity = await holding.inTurn(() => openIdentity(fs, paths, owner));
      return new DataDirectory(paths, identity, release);
    } catch (error) {
      release();
      throw error;
    }
  }
}

async function takeLock(fs: FileSystem, paths: StorePaths): Promise<FileLock> {
  await ensureDirectory(fs, paths.directory);
  const lock = await fs.lock(paths.lock);
  if (lock === undefined) throw new StoreLockedError(paths.directory);
  return lock;
}
