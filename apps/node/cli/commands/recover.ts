/**
 * `recover` on the command line.
 *
 * @module
 */
import type { Command } from "commander";
import { readNeed, requirePermissions, writeNeed } from "../permissions.ts";
import { addCommand, type Done, JSON_OPTION, PROGRAM } from "./command.ts";

/** Adds the command. */
export function addRecover(program: Command, done: Done): void {
  addCommand(program, {
    usage: "recover <dir>",
    description:
      "Gives a node that is left of a cluster without a majority other members, without asking the lost ones, whose " +
      "last writes may be lost with them. The node must be stopped.",
    examples: [
      ["recover ./coracle-data --peers peers.json", "the members are those in the file"],
    ],
  })
    .requiredOption(
      "--peers <file>",
      'JSON, as hashicorp/raft has it, such as [{"id":"n1","address":"10.0.0.1:7001"}] with "non_voter":true for one without a vote; ' +
        "or the addresses of known members.",
    )
    .option(...JSON_OPTION)
    .action(async (dir: string, flags: { readonly peers: string; readonly json?: boolean }) => {
      const { peers, json = false } = flags;
      requirePermissions(`${PROGRAM} recover`, [readNeed(dir), writeNeed(dir), readNeed(peers)]);
      const { recover } = await import("../recover.ts");
      done(await recover({ dir, peers, json }));
    });
}
