/**
 * The service for administration beyond what `RaftAdmin` has.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  CoracleAdmin,
  MemberSchema,
  StatusResponseSchema,
} from "../gen/coracle/v1/admin_pb.ts";
import type { MemberStatus, NodeStatus } from "../admin/status.ts";
import type { TakeOptions } from "../backup/transfer.ts";
import { LOG_LEVELS, type LogLevel } from "../config/schema.ts";
import type { CallContext, Handlers } from "./handlers.ts";
import type { OpenCalls } from "./open_calls.ts";
import { invalidArgument } from "./status.ts";

/** What the service does to a node. */
export interface AdministeredNode {
  /** Its state at a glance. */
  status(): NodeStatus;
  /** A backup file. */
  takeBackup(options: TakeOptions): AsyncIterable<Uint8Array>;
  /** Restores a backup file on all nodes; resolves to the size of its data. */
  restoreBackup(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number>;
  /** Leads no longer. */
  stepDown(): Promise<void>;
  /** The least important messages that are logged. */
  logLevel: LogLevel;
}

/** The methods of the service. `requestTimeoutMs`: how long a call may take whose client gives no deadline. */
export function coracleAdminHandlers(
  admin: AdministeredNode,
  requestTimeoutMs: number,
  calls: OpenCalls,
): Handlers<typeof CoracleAdmin> {
  const timeoutOf = ({ remainingMs }: CallContext) =>
    Number.isFinite(remainingMs) ? Math.max(0, remainingMs) : requestTimeoutMs;
  return {
    status: () => statusResponse(admin),
    backup: async ({ local }, answers, context) => {
      const { signal } = context;
      await calls.run(async () => {
        const options = { local, timeoutMs: timeoutOf(context), signal };
        for await (const data of admin.takeBackup(options)) {
          await answers.send({ data });
          signal.throwIfAborted();
        }
      });
    },
    restore: (requests, { signal }) =>
      calls.run(async () => {
        async function* chunks(): AsyncGenerator<Uint8Array> {
          for await (const { data } of requests) yield data;
        }
        return { sizeBytes: BigInt(await admin.restoreBackup(chunks(), signal)) };
      }),
    stepDown: () =>
      calls.run(async () => {
        await admin.stepDown();
        return {};
      }),
    setLogLevel: ({ level }) => {
      const wanted = LOG_LEVELS.find((known) => known === level);
      if (wanted === undefined) {
        throw invalidArgument(
          `level is ${JSON.stringify(level)}; allowed is ${LOG_LEVELS.join(", ")}`,
        );
      }
      const previousLevel = admin.logLevel;
      admin.logLevel = wanted;
      return { previousLevel };
    },
  };
}

function statusResponse(admin: AdministeredNode): MessageInitShape<typeof StatusResponseSchema> {
  const { stats, leader, members, ...status } = admin.status();
  return {
    nodeId: status.nodeId,
    clusterId: status.clusterId,
    storeId: status.storeId,
    version: status.version,
    startedAtUnixMs: BigInt(status.startedAtMs),
    state: stats.state,
    term: BigInt(stats.term),
    ...(leader === undefined ? {} : { leader: member(leader) }),
    lastLogIndex: BigInt(stats.lastLogIndex),
    lastLogTerm: BigInt(stats.lastLogTerm),
    durableIndex: BigInt(stats.durableIndex),
    commitIndex: BigInt(stats.commitIndex),
    appliedIndex: BigInt(stats.appliedIndex),
    lastSnapshotIndex: BigInt(stats.lastSnapshotIndex),
    lastSnapshotTerm: BigInt(stats.lastSnapshotTerm),
    configurationIndex: BigInt(stats.latestConfigurationIndex),
    members: members.map(member),
    ...(stats.lastContactMs === undefined ? {} : { lastContactMs: stats.lastContactMs }),
    uncommittedSizeBytes: BigInt(stats.uncommittedSizeBytes),
    followers: stats.followers.map(({ id, lastContactMs, ...follower }) => ({
      id,
      matchIndex: BigInt(follower.matchIndex),
      nextIndex: BigInt(follower.nextIndex),
      inflightSizeBytes: BigInt(follower.inflightSizeBytes),
      lastContactMs,
    })),
    logLevel: admin.logLevel,
  };
}

function member(
  { id, address, suffrage, clientAddress = "" }: MemberStatus,
): MessageInitShape<typeof MemberSchema> {
  return { id, address, suffrage, clientAddress };
}
