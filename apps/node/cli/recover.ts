/**
 * `recover`: gives a node whose cluster has lost its majority other members, from a file of peers.
 *
 * @module
 */
import {
  type Configuration,
  type IndexedConfiguration,
  InvalidConfigurationError,
  RaftError,
  readConfiguration,
  recoverCluster,
  type Recovery,
} from "@coracle/core";
import { FsLogStore, FsSnapshotStore } from "@coracle/store-fs";
import { systemText } from "../config/path_problem.ts";
import { readPeersFile } from "../config/peers_file.ts";
import { Logs } from "../log.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { requireStore, storeProblem } from "./store_directory.ts";

/** What `recover` is asked to do. */
export interface RecoverOptions {
  /** The node's directory. */
  readonly dir: string;
  /** The file of peers. */
  readonly peers: string;
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** Recovers the node, and prints what it held and what it holds now. Nothing is changed unless all of it is. */
export async function recover({ dir, peers, json }: RecoverOptions): Promise<ExitCode> {
  requireStore(dir);
  const given = readPeersFile(peers);
  const { id, recovery } = await recoverDirectory(dir, given, peers).catch((error) => {
    if (!(error instanceof RaftError)) throw error;
    if (error instanceof InvalidConfigurationError) {
      throw new CommandError(EXIT.usage, `${peers}: ${error.message}`, { cause: error });
    }
    throw storeProblem(dir, error) ??
      new CommandError(EXIT.failed, systemText(error) ?? error.message, { cause: error });
  });
  for (const line of json ? jsonLines(id, recovery) : textLines(dir, id, recovery)) {
    console.log(line);
  }
  return EXIT.ok;
}

async function recoverDirectory(
  directory: string,
  given: Configuration,
  file: string,
): Promise<{ id: string; recovery: Recovery }> {
  const { logger } = new Logs({ logLevel: "warning", logFormat: "text" });
  await using log = await FsLogStore.open({ directory, logger });
  await using snapshots = await FsSnapshotStore.open({
    directory,
    // None is made here, and none removed that the node would have kept.
    retain: Number.MAX_SAFE_INTEGER,
    logger,
  });
  const id = log.identity.nodeId;
  if (id === undefined) {
    throw new CommandError(
      EXIT.failed,
      `${directory} does not say which node it belongs to; allowed is a directory that was opened with a nodeId`,
    );
  }
  const before = readConfiguration({ log, snapshots }).configuration;
  const configuration = withKnownIds(given, before);
  requireVoter(configuration, id, before, file);
  const recovery = await recoverCluster({ id, log, snapshots, configuration, logger });
  return { id, recovery };
}

/**
 * In hashicorp/raft's protocol 2 a server's id is its address. A node here has a name: a server whose id is its address is the
 * one that the members before had at that address, if they had one.
 */
function withKnownIds({ servers }: Configuration, before: Configuration): Configuration {
  return {
    servers: servers.map((server) => {
      if (server.id !== server.address) return server;
      const known = before.servers.find(({ address }) => address === server.address);
      return { ...server, id: known?.id ?? server.id };
    }),
  };
}

function requireVoter(
  { servers }: Configuration,
  id: string,
  before: Configuration,
  file: string,
): void {
  const own = servers.find((server) => server.id === id);
  if (own?.suffrage === "voter") return;
  const address = before.servers.find((server) => server.id === id)?.address ?? "host:port";
  const given = own === undefined
    ? `does not contain ${JSON.stringify(id)}, the node whose directory this is`
    : `says that ${JSON.stringify(id)}, the node whose directory this is, has no vote`;
  throw new CommandError(
    EXIT.usage,
    `${file} ${given}; allowed is a list with ${JSON.stringify({ id, address })}`,
  );
}

function* jsonLines(id: string, recovery: Recovery): Generator<string> {
  const { lastIndex, lastTerm, snapshot, before, after, term } = recovery;
  const members = ({ index, configuration }: IndexedConfiguration) => ({
    index,
    servers: configuration.servers,
  });
  yield JSON.stringify(
    {
      id,
      lastIndex,
      lastTerm,
      snapshot: snapshot ?? null,
      before: members(before),
      after: members(after),
      term,
    },
    undefined,
    2,
  );
}

function* textLines(directory: string, id: string, recovery: Recovery): Generator<string> {
  const { lastIndex, lastTerm, snapshot, before, after, term } = recovery;
  yield `directory       ${directory}`;
  yield `node            ${id}`;
  yield `last entry      ${lastIndex} of term ${lastTerm}`;
  yield `snapshot        ${
    snapshot === undefined ? "none" : `up to entry ${snapshot.lastIncludedIndex}`
  }`;
  yield `members before  by entry ${before.index}`;
  yield* memberLines(before.configuration);
  yield `members now     by entry ${after.index}; the node is in term ${term}`;
  yield* memberLines(after.configuration);
  yield "";
  yield "Every entry of the log is kept, committed or not. What the lost nodes acknowledged and this one";
  yield "has not got is lost. Start this node with another --cluster-id, so that a lost node that comes";
  yield "back is refused; one that shall join must come with an empty directory.";
}

function* memberLines({ servers }: Configuration): Generator<string> {
  for (const { id, address, suffrage } of servers) yield `  ${id}  ${address}  ${suffrage}`;
}
