/**
 * Recovery of a cluster that has lost its majority for good: on the disk of a node that is left, somebody says who the members
 * are from now on.
 *
 * ```text
 *  before       1 ... 12            the last entry is of term 3, the node is in term 5
 *  afterwards   1 ... 12  13        entry 13 carries the members, in term 3 + 1,000,000; the node is in term 3 + 2,000,000
 * ```
 *
 * hashicorp/raft puts the members into a snapshot of everything that the node has, and drops the log. Here they are one more
 * entry of the log, written at once with the term; the rest is Raft. A configuration holds when it is appended, so its voters elect
 * a leader, and with the first entry of that leader everything before it is committed. So nothing is taken for committed that the
 * new members have not agreed on. If several nodes are left and their logs part, the latest one wins by the ordinary rule for
 * votes, and the others drop what they have besides; with a snapshot each of them would keep its own end as committed.
 *
 * **The terms.** An entry's index and term say what it is (Raft paper, 5.3, log matching). So this entry needs a term
 * that no leader has had or will have, and must be the same on two nodes only if their logs are the same up to there. The term of
 * the last entry and a gap is that: equal terms at an index mean equal logs before; the later log gets the later term, so who is
 * ahead stays ahead; no leader of before has been elected a million times since; and every leader of later is beyond a second gap.
 *
 * @module
 */
import {
  type Configuration,
  configurationProblem,
  encodeConfiguration,
  type IndexedConfiguration,
  isVoter,
  type ServerId,
  voterIds,
} from "../model/configuration.ts";
import { NO_BYTES } from "../model/entry.ts";
import { EntryRun } from "../model/entry_run.ts";
import { InvalidConfigurationError, NothingToRecoverError, StorageError } from "../model/errors.ts";
import { nameStores } from "../model/named_stores.ts";
import { type Index, nextIndex, NO_INDEX, type Term, toTerm } from "../model/numbers.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import { type Logger, silentLogger } from "../ports/logger.ts";
import type { LogReader } from "../ports/log_store.ts";
import { findDamage } from "./recovery.ts";
import { readConfiguration, refuseGap, resetToFollow, type StoredNode } from "./stored_state.ts";

/** More elections than a cluster holds while a node that survives it hears of none. */
const TERM_GAP = 1_000_000;

/** Entries read at once, in bytes. */
const READ_SIZE_BYTES = 1024 * 1024;

/** What {@linkcode recoverCluster} is given. */
export interface RecoverOptions extends StoredNode {
  /** The name of the node whose disk it is. */
  readonly id: ServerId;
  /** Who the members are from now on; the node is a voter among them. Stores that it names do not count: they are named anew. */
  readonly configuration: Configuration;
  /** Where it is told which snapshots are damaged; nowhere by default. */
  readonly logger?: Logger;
}

/** What {@linkcode recoverCluster} has found and done. */
export interface Recovery {
  /** The last entry that the node had: this one and all before it are kept, committed or not. */
  readonly lastIndex: Index;
  /** Its term. Of several nodes, the one with the later term has more of what was committed; of equal terms, the one with more entries. */
  readonly lastTerm: Term;
  /** The snapshot that the node will start from, if it has one. */
  readonly snapshot: SnapshotMeta | undefined;
  /** The members before, and the entry that carries them. */
  readonly before: IndexedConfiguration;
  /** The members from now on, and the entry that carries them: the last one of the log now. */
  readonly after: IndexedConfiguration;
  /** The term that the node is in now; its first leader will be in a later one. */
  readonly term: Term;
}

/**
 * Gives the node whose stores these are other members, without asking the members it has had: for a cluster that has lost its majority
 * for ever. Nobody but a person can decide this, because of what it may cost:
 *
 * - Every write that the lost nodes acknowledged and this node has not got is lost. There is no telling how many these are.
 * - Everything in this node's log is kept, also what was never committed and whose writers were told that it is not known to be.
 * - If a lost node ever runs again as part of the old cluster, there are two clusters with one name. Give the recovered one another
 *   name (`clusterId` of TcpTransport), and wipe the disk of a lost node before it joins.
 *
 * The node must not run. If several nodes are left that shall be members, recover each of them with the same configuration before
 * any is started; or recover the one with the latest log (see {@linkcode Recovery.lastTerm}) into a cluster of one, and add the
 * others after wiping them. A node that is left and not recovered, and is started, gives way to those that are.
 *
 * First it looks whether the node could start: whether a snapshot is whole, the log follows it, and all entries can be read. Then one
 * write changes log and term; a crash leaves what was before, or the whole change. The stores stay open: close them, or hand
 * them to {@linkcode Raft.start}. The state machine is not needed.
 *
 * Rejects with `InvalidConfigurationError` for members that cannot be or without `id` as a voter, `NothingToRecoverError` if the
 * node has no entry and no snapshot, `StorageError` if what it has is damaged or the disk fails. hashicorp/raft: `RecoverCluster`.
 */
export async function recoverCluster(options: RecoverOptions): Promise<Recovery> {
  const { id, log, snapshots, logger = silentLogger } = options;
  const problem = configurationProblem(options.configuration) ??
    (isVoter(options.configuration, id)
      ? undefined
      : `${JSON.stringify(id)}, whose disk this is, is not a voter of the configuration`);
  if (problem !== undefined) throw new InvalidConfigurationError(problem);
  const isEmpty = log.lastIndex === NO_INDEX && (snapshots?.list().length ?? 0) === 0;
  if (isEmpty) throw new NothingToRecoverError(log.hardState.term);

  const members = withoutStores(options.configuration);
  // Who votes alone names its store at once, as in a bootstrap: another disk under its name that has caught up to here would elect itself.
  const configuration = voterIds(members).length === 1
    ? nameStores(members, () => log.storeId)
    : members;
  const before = readConfiguration(options);
  const snapshot = await newestWhole(options, logger);
  refuseGap(log, snapshot);
  const reset = resetToFollow(log, snapshot);
  if (reset === undefined) readThrough(log);

  const lastIndex = reset?.index ?? log.lastIndex;
  const lastTerm = reset?.term ?? log.term(lastIndex)!;
  const index = nextIndex(lastIndex);
  const leadersTerm = toTerm(lastTerm + 2 * TERM_GAP);
  const isLater = leadersTerm > log.hardState.term;
  const data = encodeConfiguration(configuration);
  await log.persist([{
    hardState: isLater ? { term: leadersTerm, votedFor: undefined } : undefined,
    reset,
    truncateFrom: undefined,
    // Without a time, it is the same entry on all nodes that have the same log.
    entries: EntryRun.encode(index, toTerm(lastTerm + TERM_GAP), 0, [
      { type: "configuration", data, extensions: NO_BYTES },
    ]),
  }]);
  const after = { index, configuration };
  return { lastIndex, lastTerm, snapshot, before, after, term: log.hardState.term };
}

/**
 * The same members, with stores that are not named: the first leader names those of its voters. Names that somebody took over from
 * the configuration before might stand for lost disks; and where only some are named, those alone could be too few to elect a leader.
 */
function withoutStores({ servers }: Configuration): Configuration {
  return {
    servers: servers.map(({ id, address, suffrage }) => ({ id, address, suffrage })),
  };
}

/**
 * The newest snapshot that is whole. One that is damaged is passed over if the log has what it contains. If not, only a person may do
 * without it: a node that can read it after all begins with it, and drops a log that goes another way.
 */
async function newestWhole(
  { log, snapshots }: StoredNode,
  logger: Logger,
): Promise<SnapshotMeta | undefined> {
  const metas = snapshots?.list() ?? [];
  for (const meta of metas) {
    const error = await findDamage(snapshots!, meta);
    if (error === undefined) return meta;
    const { id, lastIncludedIndex } = meta;
    if (resetToFollow(log, meta) !== undefined) {
      throw new StorageError(
        `snapshot ${id} cannot be read, and the log does not have what it contains, up to entry ${lastIncludedIndex}; ` +
          `who wants to recover without it has to remove it: ${error.message}`,
        { cause: error },
      );
    }
    logger.error("snapshot {id} is damaged, an older one is tried: {error}", { id, error });
  }
  if (metas.length === 0) return undefined;
  throw new StorageError(`none of ${metas.length} snapshots is whole`);
}

/** Throws a `StorageError` if an entry cannot be read. */
function readThrough(log: LogReader): void {
  for (let index = log.firstIndex as number; index <= log.lastIndex;) {
    const run = log.read(index as Index, READ_SIZE_BYTES);
    if (run === undefined) throw new StorageError(`entry ${index} cannot be read`);
    index = run.lastIndex + 1;
  }
}
