/**
 * The client for administration: changes of the members, of who leads, and what the nodes say of themselves.
 *
 * @module
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { CoracleAdmin, type StatusResponse } from "../gen/coracle/v1/admin_pb.ts";
import { type Future, RaftAdmin } from "../gen/raftadmin_pb.ts";
import { CallFailure } from "./call_failure.ts";
import type { CallSettings, Connection } from "./connection.ts";
import { clientErrorOf, type ClientSettings, LeaderClient } from "./leader_client.ts";

const raft = RaftAdmin.method;
const coracle = CoracleAdmin.method;

/** A message without what only the library needs. */
type Plain<M> = Omit<M, "$typeName" | "$unknown">;

/** What a node says of itself. */
export type NodeReport = Plain<StatusResponse>;

/** How a member is added or changed. */
export interface MemberChange {
  /** Its name. */
  readonly id: string;
  /** Where the other members reach it. */
  readonly address: string;
}

/** Longer than an operation may take, so that it is the operation that says so. */
const AWAIT_GRACE_MS = 500;

/** Begins an operation of `RaftAdmin`. */
type Begin = (connection: Connection, settings: CallSettings) => Promise<Plain<Future>>;

/** Administers a cluster, wherever its leader is. All methods reject with `ClientError`. */
export class AdminClient implements Disposable {
  readonly #nodes: LeaderClient;

  /** Connects to nothing yet. */
  constructor(settings: ClientSettings) {
    this.#nodes = new LeaderClient(settings);
  }

  /** What the leader says of itself, once a majority has confirmed that it is. */
  status(): Promise<NodeReport> {
    return this.#nodes.onLeader("read", async (connection, timeoutMs) => {
      await run(connection, timeoutMs, verifyLeader);
      return await connection.call(coracle.status, {}, { timeoutMs });
    });
  }

  /** Adds a voter, or changes the address of one. Resolves to the index of the configuration when it votes. */
  addVoter(member: MemberChange): Promise<bigint> {
    return this.#change((to, settings) => to.call(raft.addVoter, member, settings));
  }

  /** Adds a member without a vote. Resolves to the index of the configuration. */
  addNonvoter(member: MemberChange): Promise<bigint> {
    return this.#change((to, settings) => to.call(raft.addNonvoter, member, settings));
  }

  /** Takes the vote from a member. Resolves to the index of the configuration. */
  demoteVoter(id: string): Promise<bigint> {
    return this.#change((to, settings) => to.call(raft.demoteVoter, { id }, settings));
  }

  /** Removes a member. Resolves to the index of the configuration. */
  removeServer(id: string): Promise<bigint> {
    return this.#change((to, settings) => to.call(raft.removeServer, { id }, settings));
  }

  /** Hands leadership to `id`, or to the best voter, by priority and then by how far its log is. */
  async transferLeadership(id: string | undefined): Promise<void> {
    await this.#change((to, settings) =>
      id === undefined
        ? to.call(raft.leadershipTransfer, {}, settings)
        : to.call(raft.leadershipTransferToServer, { id }, settings)
    );
  }

  /** Lets the leader lead no longer, whoever leads next. */
  async stepDown(): Promise<void> {
    await this.#nodes.onLeader(
      "write",
      (connection, timeoutMs) => connection.call(coracle.stepDown, {}, { timeoutMs }),
    );
  }

  /** A backup file of all that was acknowledged, in pieces; with `local`, of what the first node that answers has. */
  async *backup(local: boolean): AsyncGenerator<Uint8Array> {
    const kind = local ? "local-read" : "read";
    const { first, rest } = await this.#nodes.onLeader(kind, async (connection) => {
      const rest = connection.download(coracle.backup, { local });
      // With the first piece it is certain that the node gives one.
      return { first: await rest.next(), rest };
    });
    if (first.done) return;
    yield first.value.data;
    try {
      for await (const { data } of rest) yield data;
    } catch (error) {
      throw clientErrorOf(error, "read");
    }
  }

  /** Replaces the state of all nodes by that of a backup file, which `open` reads from its beginning. Resolves to the size of its data. */
  restore(
    open: () => AsyncIterable<MessageInitShape<typeof coracle.restore.input>>,
  ): Promise<bigint> {
    return this.#nodes.onLeader(
      "write",
      async (connection) => (await connection.upload(coracle.restore, open())).sizeBytes,
    );
  }

  /** Closes all connections. */
  [Symbol.dispose](): void {
    this.#nodes[Symbol.dispose]();
  }

  #change(begin: Begin): Promise<bigint> {
    return this.#nodes.onLeader(
      "write",
      (connection, timeoutMs) => run(connection, timeoutMs, begin),
    );
  }
}

const verifyLeader: Begin = (connection, settings) =>
  connection.call(raft.verifyLeader, {}, settings);

/** Runs an operation to its end. Resolves to the index of its entry; rejects with {@linkcode CallFailure} or the `ServiceError` of grpc-js. */
export async function run(
  connection: Connection,
  timeoutMs: number,
  begin: Begin,
): Promise<bigint> {
  const { operationToken } = await begin(connection, { timeoutMs });
  const settings = { timeoutMs: timeoutMs + AWAIT_GRACE_MS };
  const { answer, trailer } = await connection.callWithTrailer(
    raft.await,
    { operationToken },
    settings,
  );
  // It is forgotten some time anyway.
  await connection.call(raft.forget, { operationToken }, settings).catch(() => {});
  if (answer.error !== "") throw CallFailure.ofOperation(answer.error, trailer);
  return answer.index;
}
