/**
 * `start`: one node, until it is asked to stop or stops by itself.
 *
 * @module
 */
import { InvalidConfigError, RaftError } from "@coracle/core";
import type { NodeConfig } from "../config/config.ts";
import { configureLogs, errorText } from "../log.ts";
import { quietGrpc } from "../grpc/quiet.ts";
import { Node } from "../node.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { StopRequest } from "./stop_request.ts";

/** How the node is told to stop, beside by signals. */
export interface StartOptions {
  /** Whether the end of standard input stops it: so no node outlives the program that started it. */
  readonly stopWithStdin: boolean;
}

/** Runs a node with `config`. Throws {@linkcode CommandError} if it cannot start or had to stop. */
export async function start(
  config: NodeConfig,
  { stopWithStdin }: StartOptions,
): Promise<ExitCode> {
  const logger = configureLogs(config.log);
  quietGrpc();
  using stop = new StopRequest({ withStdin: stopWithStdin });
  const node = await Node.start(config, logger).catch(startFailed);
  const reason = await Promise.race([
    stop.requested,
    node.stopped.then((cause) => new StoppedByItself(cause)),
  ]);
  if (typeof reason === "string") logger.info("stopping: {reason}", { reason });
  await node.shutdown();
  if (typeof reason === "string") return EXIT.ok;
  throw new CommandError(
    EXIT.failed,
    `the node has stopped by itself: ${errorText(reason.cause)}`,
  );
}

class StoppedByItself {
  constructor(readonly cause: unknown) {}
}

/** What the world does wrong is said in a line; anything else is a bug, and keeps its stack trace. */
function startFailed(error: unknown): never {
  if (!(error instanceof RaftError || error instanceof Deno.errors.PermissionDenied)) throw error;
  const exitCode = error instanceof InvalidConfigError ? EXIT.usage : EXIT.failed;
  throw new CommandError(exitCode, error.message, { cause: error });
}
