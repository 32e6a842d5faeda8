/**
 * Backups of a running cluster: taken from a node, and restored into all of them.
 *
 * @module
 */
import { NothingNewToSnapshotError, type Raft, type SnapshotStore } from "@coracle/core";
import { WordsFsm } from "@coracle/fsm-words";
import { BackupError, type BackupInfo, encodeBackup, openBackup } from "./format.ts";

/** The state machine that backups are of. */
const MACHINE = "words";

/** What backups need of a node. */
export interface BackedUpNode {
  /** Its consensus. */
  readonly raft: Pick<Raft, "read" | "restore" | "snapshot">;
  /** Its snapshots. */
  readonly snapshots: Pick<SnapshotStore, "list" | "open">;
  /** Its name and its cluster's. */
  readonly config: { readonly id: string; readonly clusterId: string };
}

/** How a backup is taken. */
export interface TakeOptions {
  /** Whether to take what this node has, without asking who leads. Otherwise the backup contains all that was acknowledged before. */
  readonly local: boolean;
  /** How long it may take to find out how far this node must be. */
  readonly timeoutMs: number;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** A backup file of `node`. Rejects with a `RaftError`. */
export async function* takeBackup(
  node: BackedUpNode,
  { local, timeoutMs, signal }: TakeOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { raft, snapshots, config } = node;
  if (!local) await raft.read(() => undefined, { timeoutMs, signal });
  await using source = await snapshots.open(await newestSnapshot(node));
  const { lastIncludedIndex, lastIncludedTerm, createdAtMs } = source.meta;
  const info: BackupInfo = {
    machine: MACHINE,
    clusterId: config.clusterId,
    nodeId: config.id,
    lastIncludedIndex,
    lastIncludedTerm,
    createdAt: new Date(createdAtMs).toISOString(),
  };
  yield* encodeBackup(info, source.read());
}

/** The id of a snapshot of all that is applied. */
async function newestSnapshot({ raft, snapshots }: BackedUpNode): Promise<string> {
  try {
    return (await raft.snapshot()).id;
  } catch (error) {
    // The newest one is as new as can be.
    const [newest] = error instanceof NothingNewToSnapshotError ? snapshots.list() : [];
    if (newest === undefined) throw error;
    return newest.id;
  }
}

/** Replaces the state of all nodes by that of a backup file; `raft` must lead. Resolves to the size of its data. Rejects with {@linkcode BackupError}, a `RaftError`, or what `chunks` throws. */
export async function restoreBackup(
  { raft }: Pick<BackedUpNode, "raft">,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const { info, data } = await openBackup(chunks);
  if (info.machine !== MACHINE) {
    throw new BackupError(
      `the backup is of the state machine ${
        JSON.stringify(info.machine)
      }; this node's is "${MACHINE}"`,
    );
  }
  let sizeBytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of data) {
      sizeBytes += chunk.length;
      yield chunk;
    }
  }
  await raft.restore(counted(), { signal, trial: new WordsFsm() });
  return sizeBytes;
}
