/**
 * `snapshot` and `log-level`: what is done to every node by itself.
 *
 * @module
 */
import { run } from "../client/admin_client.ts";
import { atEach, type NodeAnswer, type NodeCall, reportsOf } from "../client/nodes.ts";
import type { ClientSettings } from "../client/leader_client.ts";
import type { LogLevel } from "../config/schema.ts";
import { CoracleAdmin } from "../gen/coracle/v1/admin_pb.ts";
import { RaftAdmin } from "../gen/raftadmin_pb.ts";
import { quietGrpc } from "../grpc/quiet.ts";
import { CallFailure } from "../client/call_failure.ts";
import { failureOf } from "./admin.ts";
import type { ClientOptions } from "./client_options.ts";
import { clientSettings } from "./client_settings.ts";
import { CommandError, EXIT, type ExitCode, report } from "./exit.ts";
import { printJson } from "./output.ts";

/** What both commands may be asked for. */
export interface EachNodeOptions extends ClientOptions {
  /** Whether to print JSON. */
  readonly json: boolean;
  /** Whether to leave out members that are not among the endpoints. */
  readonly only: boolean;
}

/** What `log-level` is asked to do. */
export interface LogLevelOptions extends EachNodeOptions {
  /** The new level; without, the present one is printed. */
  readonly level: LogLevel | undefined;
}

/** A snapshot that a node has. */
interface SnapshotResult {
  readonly nodeId: string;
  /** Whether it was made now. */
  readonly isNew: boolean;
  /** The last entry that it contains. */
  readonly lastIncludedIndex: bigint;
}

/** Makes a snapshot on every node. */
export async function snapshot(options: EachNodeOptions): Promise<ExitCode> {
  const take: NodeCall<SnapshotResult> = async (connection, timeoutMs) => {
    let isNew = true;
    try {
      const begin = RaftAdmin.method.snapshot;
      await run(connection, timeoutMs, (to, settings) => to.call(begin, {}, settings));
    } catch (error) {
      if (CallFailure.of(error)?.code !== "nothing-new-to-snapshot") throw error;
      isNew = false;
    }
    const status = await connection.call(CoracleAdmin.method.status, {}, { timeoutMs });
    return { nodeId: status.nodeId, isNew, lastIncludedIndex: status.lastSnapshotIndex };
  };
  const text = ({ nodeId, isNew, lastIncludedIndex }: SnapshotResult) =>
    isNew
      ? `${nodeId} has made a snapshot up to entry ${lastIncludedIndex}`
      : `${nodeId} has had one up to entry ${lastIncludedIndex}; there is nothing new`;
  return print(await onNodes(options, take), options, text);
}

/** A node's level of logs. */
interface LevelResult {
  readonly nodeId: string;
  readonly level: string;
}

/** Prints or changes which messages every node logs. */
export async function logLevel(options: LogLevelOptions): Promise<ExitCode> {
  const { level } = options;
  const set: NodeCall<LevelResult> = async (connection, timeoutMs) => {
    const { setLogLevel, status } = CoracleAdmin.method;
    if (level !== undefined) await connection.call(setLogLevel, { level }, { timeoutMs });
    const report = await connection.call(status, {}, { timeoutMs });
    return { nodeId: report.nodeId, level: report.logLevel };
  };
  const text = ({ nodeId, level }: LevelResult) => `${nodeId} logs messages from ${level} on`;
  return print(await onNodes(options, set), options, text);
}

/** Calls every node: those in the endpoints and, unless `only`, the members that they name. */
async function onNodes<T>(options: EachNodeOptions, call: NodeCall<T>): Promise<NodeAnswer<T>[]> {
  quietGrpc();
  const settings = await clientSettings(options);
  return await atEach({ ...settings, endpoints: await addresses(settings, options) }, call);
}

async function addresses(
  settings: ClientSettings,
  { only }: EachNodeOptions,
): Promise<readonly string[]> {
  if (only) return settings.endpoints;
  const reports = await reportsOf(settings);
  const reached = reports.flatMap(({ ok, address }) => ok ? [address] : []);
  if (reached.length > 0) return reached;
  const problems = reports.map((answer) =>
    answer.ok ? "" : `${answer.address}: ${answer.error.message}`
  );
  throw new CommandError(EXIT.failed, problems.join("\n"), { code: "no-node" });
}

function print<T>(
  answers: readonly NodeAnswer<T>[],
  { json }: EachNodeOptions,
  text: (result: T) => string,
): ExitCode {
  let exitCode: ExitCode = EXIT.ok;
  for (const answer of answers) {
    if (answer.ok) {
      if (json) printJson(answer.value);
      else console.log(text(answer.value));
      continue;
    }
    report(failureOf(answer.error, answer.address), json);
    if (answer.error.outcome === "unknown") exitCode = EXIT.unknown;
    else if (exitCode === EXIT.ok) exitCode = EXIT.failed;
  }
  return exitCode;
}
