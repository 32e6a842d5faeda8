/**
 * Who is measured: this project's node, and hashicorp/raft with each of its stores, built from the Go program beside this file.
 *
 * @module
 */
import { Cluster } from "../../tests/support/cluster.ts";
import { BenchNode, CORACLE, coracleInTls, type Program, withCluster } from "../cluster.ts";

/** One of those that are compared. */
export interface Contender {
  /** What it is called in tables. */
  readonly name: string;
  /** Its node, with the callers inside. */
  readonly program: Program;
  /** Whether it is measured over gRPC and inside TLS as well: not one that differs from another by its store alone. */
  readonly isConnected: boolean;
  /** The same, whose members speak mutual TLS with the certificates in `directory`. */
  inTls(directory: string): Program;
  /** Runs three nodes that serve gRPC, and gives the leader's address to `use`. */
  withGrpc<Result>(use: (address: string) => Promise<Result>): Promise<Result>;
}

/** All that this machine can run. */
export interface Contenders {
  /** This project's first. */
  readonly all: readonly Contender[];
  /** A client of gRPC services that is written in Go, if there is Go. */
  readonly goClient: Program | undefined;
}

/** This project: its node in a benchmark's process, and as people run it for gRPC. */
const OURS: Contender = {
  name: CORACLE.name,
  program: CORACLE,
  isConnected: true,
  inTls: coracleInTls,
  async withGrpc(use) {
    // Snapshots would disturb what is measured, as in bench/node.ts.
    const flags = [`--snapshot-threshold=${Number.MAX_SAFE_INTEGER}`];
    await using cluster = Cluster.start(3, flags);
    return await use((await cluster.leader()).grpc);
  },
};

/** hashicorp/raft as it is run here. */
const HASHICORP = [
  { name: "hashicorp (raft-wal)", store: "wal", maxAppend: 64 },
  { name: "hashicorp (raft-boltdb)", store: "boltdb", maxAppend: 64 },
  // Its default of 64 limits what one message carries; 1,024 is the most that it allows.
  { name: "hashicorp (raft-wal, MaxAppendEntries 1024)", store: "wal", maxAppend: 1024 },
] as const;

/** Everybody that this machine can run. Builds what has to be built into `directory`. */
export async function contenders(directory: string): Promise<Contenders> {
  const binary = `${directory}/hashicorp`;
  const problem = await build(binary);
  if (problem !== undefined) {
    console.error(`hashicorp/raft is left out: ${problem}`);
    return { all: [OURS], goClient: undefined };
  }
  const theirs = HASHICORP.map((one) => hashicorp(binary, one));
  return { all: [OURS, ...theirs], goClient: theirs[0]!.program };
}

function hashicorp(
  binary: string,
  { name, store, maxAppend }: typeof HASHICORP[number],
): Contender {
  const program = (...more: readonly string[]): Program => ({
    name,
    command: (id, data) => [
      binary,
      `-id=${id}`,
      `-dir=${data}`,
      `-store=${store}`,
      `-max-append=${maxAppend}`,
      ...more,
    ],
  });
  return {
    name,
    program: program(),
    isConnected: store !== "boltdb",
    inTls: (certificates) => program(`-certificates=${certificates}`),
    withGrpc: (use) =>
      withCluster(
        program(),
        3,
        async (leader) => await use(await leader.ask<string>({ type: "serve" })),
      ),
  };
}

/** A process of `program` that is no node, to call others. */
export function client(program: Program): BenchNode {
  return new BenchNode(program, "client", "");
}

/** Returns why it cannot be built, or `undefined`. */
async function build(binary: string): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("go", {
      args: ["build", "-o", binary, "."],
      cwd: `${import.meta.dirname}/hashicorp`,
    }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no Go on this machine";
    throw error;
  }
}
