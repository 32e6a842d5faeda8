/**
 * A server whose node is played by a test.
 *
 * @module
 */
import { silentLogger } from "@coracle/core";
import { WordsFsm } from "@coracle/fsm-words";
import type { NodeStatus } from "../../admin/status.ts";
import type { TakeOptions } from "../../backup/transfer.ts";
import type { LogLevel } from "../../config/schema.ts";
import type { AdministeredNode } from "../coracle_admin.ts";
import { GrpcServer, type GrpcServerOptions } from "../server.ts";
import { PlayedRaft } from "./played_raft.ts";

/** A node that is only asked. */
export class PlayedAdmin implements AdministeredNode {
  /** What it was asked to do. */
  asked: unknown[][] = [];
  /** What it fails with. */
  problem: Error | undefined;
  /** What a backup of it consists of. */
  backup: readonly Uint8Array[] = [];
  /** What was restored. */
  restored: Uint8Array[] = [];
  logLevel: LogLevel = "info";

  /** `raft`: where its figures come from. */
  constructor(readonly raft: PlayedRaft) {}

  /** Figures that are all different. */
  status(): NodeStatus {
    const stats = this.raft.stats();
    const members = stats.latestConfiguration.servers.map((server) => ({
      ...server,
      clientAddress: server.id === "n1" ? undefined : `${server.id}:50051`,
      httpUrl: server.id === "n1" ? undefined : `http://${server.id}:8080`,
    }));
    return {
      nodeId: "n1",
      clusterId: "boats",
      storeId: "played",
      version: "1.2.3",
      startedAtMs: 1000,
      stats,
      leader: members.find(({ id }) => id === stats.leader),
      members,
    };
  }

  /** Gives the chunks of `backup`, then fails if there is a problem. */
  async *takeBackup({ local }: TakeOptions): AsyncGenerator<Uint8Array> {
    this.asked.push(["takeBackup", local]);
    yield* this.backup;
    await Promise.resolve();
    if (this.problem !== undefined) throw this.problem;
  }

  /** Reads everything, unless there is a problem. */
  async restoreBackup(chunks: AsyncIterable<Uint8Array>): Promise<number> {
    if (this.problem !== undefined) throw this.problem;
    for await (const chunk of chunks) this.restored.push(chunk.slice());
    return this.restored.reduce((sum, { length }) => sum + length, 0);
  }

  /** Notes it. */
  stepDown(): Promise<void> {
    this.asked.push(["stepDown"]);
    return this.problem === undefined ? Promise.resolve() : Promise.reject(this.problem);
  }
}

/** A node as its clients see it; what is behind is the test's. */
export class PlayedNode implements AsyncDisposable {
  private constructor(
    readonly raft: PlayedRaft,
    readonly admin: PlayedAdmin,
    readonly server: GrpcServer,
  ) {}

  /** Listens on any free port. */
  static async start(options: Partial<GrpcServerOptions> = {}): Promise<PlayedNode> {
    const fsm = new WordsFsm();
    const raft = new PlayedRaft(fsm);
    const admin = new PlayedAdmin(raft);
    const server = await GrpcServer.listen({
      raft,
      admin,
      fsm,
      limits: { commandSizeMaxBytes: 100, requestTimeoutMs: 4321 },
      listen: { host: "127.0.0.1", port: 0 },
      leaderLookup: (id) => id === "n2" ? "127.0.0.1:50052" : undefined,
      logger: silentLogger,
      ...options,
    });
    return new PlayedNode(raft, admin, server);
  }

  /** Where it listens. */
  get address(): string {
    return this.server.address;
  }

  /** Closes its server. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.server.close();
  }
}
