/**
 * Making a store, and knowing it again.
 *
 * The identity is written last: where it is, there is a log, and a log that is missing is damage.
 * Where it is not, nothing was ever promised, or it has been lost and with it the certainty that
 * the log is the one of this node; then the store is refused (B04).
 *
 * @module
 */
import { NO_INDEX, NO_TERM, StorageError } from "@coracle/core";
import { DamageError } from "./damage.ts";
import { appendAllSync, type FileSystem, readWholeSync, trySyncAncestors } from "./files.ts";
import { decodeIdentity, encodeIdentity, type StoreIdentity } from "./format/identity.ts";
import { SEGMENT_HEADER_SIZE_MIN_BYTES, segmentFileName } from "./format/segment_header.ts";
import { parseSnapshotFileName } from "./format/snapshot_header.ts";
import type { StorePaths } from "./layout.ts";
import { beginSegment } from "./segment_writer.ts";

/** The largest `identity.json` that is read. */
export const IDENTITY_SIZE_MAX_BYTES: number = 64 * 1024;

/** Whose store is opened, and how a new one gets its name. */
export interface StoreOwner {
  /** The node; `undefined` if that does not matter. */
  readonly nodeId: string | undefined;
  /** A UUID for a store that is made now, different from that of any other store. Defaults to a random one. */
  readonly newStoreId: (() => string) | undefined;
}

/**
 * Who the store in the directory is. Makes it if there is none; gives it to `nodeId` if it belongs
 * to nobody yet. Throws `StorageError` if it belongs to another node, has another format, or has
 * lost its identity.
 */
export async function openIdentity(
  fs: FileSystem,
  paths: StorePaths,
  owner: StoreOwner,
): Promise<StoreIdentity> {
  const { nodeId } = owner;
  const identity = readIdentity(fs, paths);
  if (identity === undefined) return await createStore(fs, paths, owner);
  if (nodeId !== undefined && identity.nodeId === undefined) {
    const claimed = { ...identity, nodeId };
    await writeIdentity(fs, paths, claimed);
    return claimed;
  }
  if (nodeId !== undefined && identity.nodeId !== nodeId) {
    throw new StorageError(
      `the store in ${paths.directory} belongs to node ${JSON.stringify(identity.nodeId)}, ` +
        `not to ${JSON.stringify(nodeId)}`,
    );
  }
  // A process may have ended between renaming the identity and syncing its name.
  await fs.syncDirectory(paths.directory);
  return identity;
}

function readIdentity(fs: FileSystem, paths: StorePaths): StoreIdentity | undefined {
  const bytes = readWholeSync(fs, paths.identity, IDENTITY_SIZE_MAX_BYTES);
  if (bytes === undefined) return undefined;
  const decoded = decodeIdentity(bytes);
  if (decoded.ok) return decoded.identity;
  const { expected, found } = decoded;
  if (decoded.otherVersion) {
    throw new StorageError(
      `the store in ${paths.directory} has ${found}; this program reads ${expected}`,
    );
  }
  throw new DamageError({ file: paths.identity, offset: 0, expected, found });
}

async function createStore(
  fs: FileSystem,
  paths: StorePaths,
  { nodeId, newStoreId = () => crypto.randomUUID() }: StoreOwner,
): Promise<StoreIdentity> {
  const names = await fs.list(paths.log);
  if (names === undefined) await fs.makeDirectory(paths.log);
  for (const name of names ?? []) await removeUnusedSegment(fs, paths, name);
  for (const name of await fs.list(paths.snapshots) ?? []) refuseSnapshot(paths, name);
  await fs.syncDirectory(paths.directory);
  await trySyncAncestors(fs, paths.directory);

  const identity = { storeId: newStoreId(), nodeId };
  const hardState = { term: NO_TERM, votedFor: undefined };
  const { file } = await beginSegment(fs, paths, {
    storeId: identity.storeId,
    sequence: 1,
    sizeBeforeBytes: 0,
    lastIndex: NO_INDEX,
    lastTerm: NO_TERM,
    hardState,
  });
  file.close();
  await writeIdentity(fs, paths, identity);
  return identity;
}

/**
 * Removes what a creation that was cut short has left; refuses anything that may ever have been
 * used.
 */
async function removeUnusedSegment(fs: FileSystem, paths: StorePaths, name: string): Promise<void> {
  const path = `${paths.log}/${name}`;
  const file = fs.openReadSync(path);
  const size = file?.sizeSync() ?? 0;
  file?.close();
  if (name !== segmentFileName(1, 1) || size > SEGMENT_HEADER_SIZE_MIN_BYTES) {
    throw new StorageError(
      `${paths.identity} is missing, but ${path} exists with ${size} bytes: ` +
        `without its identity the store may not be used again`,
    );
  }
  await fs.remove(path);
}

/** Snapshots are those of some store: if it is not known which one, nobody may build on them. */
function refuseSnapshot(paths: StorePaths, name: string): void {
  if (parseSnapshotFileName(name) === undefined) return;
  throw new StorageError(
    `${paths.identity} is missing, but ${paths.snapshots}/${name} exists: ` +
      `without its identity the store may not be used again`,
  );
}

/** Writes the identity aside and gives it its name once it is durable. */
async function writeIdentity(
  fs: FileSystem,
  paths: StorePaths,
  identity: StoreIdentity,
): Promise<void> {
  const left = fs.openReadSync(paths.identityAside);
  if (left !== undefined) {
    left.close();
    await fs.remove(paths.identityAside);
  }
  const file = await fs.create(paths.identityAside);
  try {
    appendAllSync(file, encodeIdentity(identity));
    await file.syncData();
  } finally {
    file.close();
  }
  await fs.rename(paths.identityAside, paths.identity);
  await fs.syncDirectory(paths.directory);
}
