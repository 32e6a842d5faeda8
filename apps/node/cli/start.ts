/**
 * `start`: one node, until it is asked to stop or stops by itself.
 *
 * @module
 */
import { InvalidConfigError, RaftError, ShutdownTimeoutError } from "@coracle/core";
import { completeSettings } from "../config/config.ts";
import { systemText } from "../config/path_problem.ts";
import type { NodeSettings } from "../config/schema.ts";
import { errorText, Logs } from "../log.ts";
import { quietGrpc } from "../grpc/quiet.ts";
import { Node } from "../node.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { PartitionOnSignal } from "./partition_on_signal.ts";
import { ReloadOnSignal } from "./reload_on_signal.ts";
import { StopRequest } from "./stop_request.ts";
import { storeProblem } from "./store_directory.ts";

/** How the node is told to stop, beside by signals, and what it is told to change. */
export interface StartOptions {
  /** Whether the end of standard input stops it: so no node outlives the program that started it. */
  readonly stopWithStdin: boolean;
  /** Reads the configuration again. Throws {@linkcode ConfigError}. */
  readonly reload: () => NodeSettings;
}

/** How long a disk may keep a node from ending: then the process ends without it. */
const SHUTDOWN_TIMEOUT_MS = 30_000;

/** Runs a node with `settings`. Throws {@linkcode CommandError} if it cannot start or had to stop. */
export async function start(
  settings: NodeSettings,
  { stopWithStdin, reload }: StartOptions,
): Promise<ExitCode> {
  const logs = new Logs(settings);
  const { logger } = logs;
  quietGrpc();
  using stop = new StopRequest({ withStdin: stopWithStdin });
  const config = completeSettings(settings);
  const starting = Node.start(config, logs);
  using _reloading = new ReloadOnSignal(settings, { reload, node: starting, logs });
  const node = await starting.catch((error) => startFailed(error, config.dataDir));
  using _partition = node.partition && new PartitionOnSignal(node.partition, logger);
  const reason = await Promise.race([
    stop.requested,
    node.stopped.then((cause) => new StoppedByItself(cause)),
  ]);
  if (typeof reason === "string") logger.info("stopping: {reason}", { reason });
  await node.shutdown({ timeoutMs: SHUTDOWN_TIMEOUT_MS }).catch(stopFailed);
  if (typeof reason === "string") return EXIT.ok;
  if (reason.cause !== undefined) {
    throw new CommandError(
      EXIT.failed,
      `the node has stopped by itself: ${errorText(reason.cause)}`,
    );
  }
  const { servers } = node.raft.configuration().configuration;
  const isMember = servers.some(({ id }) => id === config.id);
  logger.info(
    isMember
      ? "node {id} was told to stop, and has"
      : "node {id} is no longer a member of the cluster, and has stopped",
    { id: config.id },
  );
  return EXIT.ok;
}

/** How the node has ended that nobody asked this process to stop. */
class StoppedByItself {
  constructor(readonly cause: unknown) {}
}

/** The disk does not answer. What it holds is what a crash would leave. */
function stopFailed(error: unknown): never {
  if (!(error instanceof ShutdownTimeoutError)) throw error;
  throw new CommandError(EXIT.failed, error.message, { cause: error });
}

/** What the world does wrong is said in a line; anything else is a bug, and keeps its stack trace. */
function startFailed(error: unknown, dataDir: string): never {
  const problem = storeProblem(dataDir, error, "dataDir");
  if (problem !== undefined) throw problem;
  if (!(error instanceof RaftError || error instanceof Deno.errors.PermissionDenied)) throw error;
  const exitCode = error instanceof InvalidConfigError ? EXIT.usage : EXIT.failed;
  throw new CommandError(exitCode, systemText(error) ?? error.message, { cause: error });
}
