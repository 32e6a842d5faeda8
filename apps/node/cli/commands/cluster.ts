/**
 * `cluster` on the command line.
 *
 * @module
 */
import type { Command } from "commander";
import { wholeNumber } from "../exit.ts";
import { grpcEnvNeeds, readNeed, requirePermissions, runNeed, writeNeed } from "../permissions.ts";
import { addCommand, type Done } from "./command.ts";

/** Adds the command. */
export function addCluster(program: Command, done: Done): void {
  addCommand(program, {
    usage: "cluster",
    description:
      "Starts several nodes on this machine, as processes of their own, until Ctrl-C. For trying out: deno task cluster.",
    program: "deno task",
    examples: [
      ["cluster", "three nodes, data in ./coracle-cluster"],
      ["cluster --nodes 5 --dir /tmp/five", "five, elsewhere"],
    ],
  })
    .option("--nodes <number>", "How many. Default: 3, or as many as the directory holds.")
    .option("--dir <dir>", "Where they keep their data.", "./coracle-cluster")
    .option("--grpc-port <number>", "Port for clients of the first node.", "50051")
    .option("--raft-port <number>", "Port of the first node for the others.", "7001")
    .option("--http-port <number>", "Port for HTTP of the first node; 0 for none.", "8080")
    .option("--tls", "Speak TLS, among nodes and with clients, by certificates made for it.")
    .action(async (flags: ClusterCommandFlags) => {
      const options = {
        nodes: flags.nodes === undefined ? undefined : wholeNumber("--nodes", flags.nodes, 1, 99),
        dir: flags.dir,
        grpcPort: wholeNumber("--grpc-port", flags.grpcPort, 1, 65435),
        raftPort: wholeNumber("--raft-port", flags.raftPort, 1, 65435),
        httpPort: wholeNumber("--http-port", flags.httpPort, 0, 65435),
        tls: flags.tls ?? false,
      };
      requirePermissions("deno task cluster", [
        readNeed(options.dir),
        writeNeed(options.dir),
        runNeed,
        { permission: { name: "net", host: "127.0.0.1" }, flag: "--allow-net=127.0.0.1" },
        ...grpcEnvNeeds,
      ]);
      const { cluster } = await import("../cluster.ts");
      done(await cluster(options));
    });
}

interface ClusterCommandFlags {
  readonly nodes?: string;
  readonly dir: string;
  readonly grpcPort: string;
  readonly raftPort: string;
  readonly httpPort: string;
  readonly tls?: boolean;
}
