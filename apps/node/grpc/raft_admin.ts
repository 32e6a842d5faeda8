/**
 * The service for administration that tools know from hashicorp/raft.
 *
 * @module
 */
import {
  assertNever,
  type CallOptions,
  type ChangeOptions,
  type Index,
  type Raft,
  RaftError,
  type RaftState,
  type Suffrage,
  toIndex,
} from "@coracle/core";
import { isUnspecified, parseAddress } from "../config/address.ts";
import { NAME_ALLOWED, NAME_PATTERN } from "../config/name.ts";
import {
  GetConfigurationResponse_Server_Suffrage as WireSuffrage,
  type RaftAdmin,
  StateResponse_State as WireState,
} from "../gen/raftadmin_pb.ts";
import { hashicorpMessage, hashicorpStats } from "./hashicorp.ts";
import type { OpenCalls } from "./open_calls.ts";
import type { Operations } from "./operations.ts";
import type { CallContext, Handlers } from "./handlers.ts";
import type { ErrorToStatus } from "./service.ts";
import { invalidArgument } from "./status.ts";
import { checkWord } from "./word.ts";

/** What the service needs of a node. `Raft` is one. */
export type AdministeredRaft = Pick<
  Raft,
  | "addNonvoter"
  | "addVoter"
  | "appliedIndex"
  | "apply"
  | "barrier"
  | "configuration"
  | "demoteVoter"
  | "lastIndex"
  | "leader"
  | "removeServer"
  | "shutdown"
  | "snapshot"
  | "state"
  | "stats"
  | "transferLeadership"
  | "verifyLeader"
>;

/** What the service is made of. */
export interface RaftAdminOptions {
  /** The node's consensus. */
  readonly raft: AdministeredRaft;
  /** Longest command, in bytes. */
  readonly commandSizeMaxBytes: number;
  /** The calls of the server. */
  readonly calls: OpenCalls;
  /** What was begun. */
  readonly operations: Operations;
  /** How errors become statuses: what trails the answer of an operation that failed is taken from there. */
  readonly toStatus: ErrorToStatus;
}

/** Nanoseconds in a millisecond. */
const MS = 1_000_000n;

/** The methods of the service. */
export function raftAdminHandlers(
  { raft, commandSizeMaxBytes, calls, operations, toStatus }: RaftAdminOptions,
): Handlers<typeof RaftAdmin> {
  const begin = async (start: () => Promise<number | void>) => ({
    operationToken: await calls.run(() => Promise.resolve(operations.begin(start))),
  });
  return {
    addNonvoter: ({ id, address, previousIndex }, context) => {
      checkMember(id, address);
      const options = changeOptions(previousIndex, context);
      return begin(() => raft.addNonvoter(id, address, options));
    },
    addVoter: ({ id, address, previousIndex }, context) => {
      checkMember(id, address);
      const options = changeOptions(previousIndex, context);
      return begin(() => raft.addVoter(id, address, options));
    },
    demoteVoter: ({ id, previousIndex }, context) => {
      const options = changeOptions(previousIndex, context);
      return begin(() => raft.demoteVoter(id, options));
    },
    removeServer: ({ id, previousIndex }, context) => {
      const options = changeOptions(previousIndex, context);
      return begin(() => raft.removeServer(id, options));
    },
    applyLog: ({ data, extensions }, context) => {
      checkWord(data, commandSizeMaxBytes);
      const options = { ...callOptions(context), extensions };
      return begin(async () => (await raft.apply(data, options)).index);
    },
    barrier: (_request, context) => {
      const options = callOptions(context);
      return begin(() => raft.barrier(options));
    },
    verifyLeader: (_request, context) => {
      const options = callOptions(context);
      return begin(() => raft.verifyLeader(options));
    },
    leadershipTransfer: () => begin(() => raft.transferLeadership()),
    leadershipTransferToServer: ({ id }) => begin(() => raft.transferLeadership({ to: id })),
    snapshot: () => begin(async () => void await raft.snapshot()),
    shutdown: async () => {
      const future = await begin(() => raft.shutdown());
      // The node stops because of it: what is left is that the client gets to know.
      void calls.finish(() => operations.forgotten(future.operationToken));
      return future;
    },

    await: ({ operationToken }, { signal, trailer }) =>
      calls.finish(async () => {
        const result = await operations.result(operationToken, signal);
        if (result.ok) return { index: BigInt(result.index ?? 0) };
        const { error } = result;
        const { details, metadata } = toStatus(error, "/RaftAdmin/Await");
        trailer.merge(metadata);
        return { error: error instanceof RaftError ? hashicorpMessage(error) : details };
      }),
    forget: ({ operationToken }) =>
      calls.finish(() => {
        operations.forget(operationToken);
        return Promise.resolve({});
      }),

    appliedIndex: () => ({ index: BigInt(raft.appliedIndex) }),
    lastIndex: () => ({ index: BigInt(raft.lastIndex) }),
    leader: () => ({ address: raft.leader?.address ?? "" }),
    state: () => ({ state: wireState(raft.state) }),
    stats: () => ({ stats: hashicorpStats(raft.stats()) }),
    lastContact: () => {
      const { state, lastContactMs } = raft.stats();
      if (state === "leader" || lastContactMs === undefined) return { unixNano: 0n };
      return { unixNano: BigInt(Math.round(Date.now() - lastContactMs)) * MS };
    },
    getConfiguration: () => ({
      servers: raft.configuration().configuration.servers.map(({ id, address, suffrage }) => ({
        id,
        address,
        suffrage: wireSuffrage(suffrage),
      })),
    }),
  };
}

/** As long as the client waits for this call, the operation may take; without a deadline, as long as it takes. */
function callOptions({ remainingMs }: CallContext): CallOptions {
  return Number.isFinite(remainingMs) ? { timeoutMs: Math.max(0, remainingMs) } : {};
}

function changeOptions(previousIndex: bigint, context: CallContext): ChangeOptions {
  const options = callOptions(context);
  return previousIndex === 0n ? options : { ...options, prevIndex: indexOf(previousIndex) };
}

function indexOf(previousIndex: bigint): Index {
  if (previousIndex <= BigInt(Number.MAX_SAFE_INTEGER)) return toIndex(Number(previousIndex));
  throw invalidArgument(
    `previous_index is ${previousIndex}; allowed is 0 to ${Number.MAX_SAFE_INTEGER}`,
  );
}

/** Refuses a member that no node can be, and an address that none can be reached at. */
function checkMember(id: string, address: string): void {
  if (!NAME_PATTERN.test(id)) {
    throw invalidArgument(`id is ${JSON.stringify(id)}; allowed is ${NAME_ALLOWED}`);
  }
  const parsed = parseAddress(address);
  if (parsed === undefined || parsed.port === 0 || isUnspecified(parsed.host)) {
    throw invalidArgument(
      `address is ${JSON.stringify(address)}; allowed is host:port where other members can ` +
        "connect to it, with a port from 1 to 65535",
    );
  }
}

function wireState(state: RaftState): WireState {
  switch (state) {
    case "follower":
      return WireState.FOLLOWER;
    case "candidate":
      return WireState.CANDIDATE;
    case "leader":
      return WireState.LEADER;
    case "shutdown":
      return WireState.SHUTDOWN;
    default:
      return assertNever(state);
  }
}

function wireSuffrage(suffrage: Suffrage): WireSuffrage {
  switch (suffrage) {
    case "voter":
      return WireSuffrage.VOTER;
    case "nonvoter":
      return WireSuffrage.NONVOTER;
    case "staging":
      return WireSuffrage.STAGING;
    default:
      return assertNever(suffrage);
  }
}
