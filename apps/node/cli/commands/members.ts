/**
 * `members` on the command line.
 *
 * @module
 */
import type { Command } from "commander";
import { isUnspecified, parseAddress } from "../../config/address.ts";
import { NAME_ALLOWED, NAME_PATTERN } from "../../config/name.ts";
import { wrongOption } from "../exit.ts";
import { addClusterCommand, type ClusterFlags, clusterOptions, type Done } from "./command.ts";

/** Adds the command. */
export function addMembers(program: Command, done: Done): void {
  const members = program.command("members")
    .description(
      "Shows or changes who belongs to the cluster. Each change is safe while words are added.",
    );

  addClusterCommand(members, {
    usage: "list",
    description: "Prints the members, and how far each of them is.",
    examples: [["members list", "on a cluster on this machine"]],
  }).action(async (flags: ClusterFlags) => {
    const options = clusterOptions(flags);
    const { listMembers } = await import("../members.ts");
    done(await listMembers(options));
  });

  addClusterCommand(members, {
    usage: "add <id> <address>",
    description:
      "Adds a member. It must have been started with --join, and gets its vote once it has caught up.",
    examples: [
      ["members add n4 10.0.0.4:7001", "where the other members reach n4"],
      ["members add n5 10.0.0.5:7001 --nonvoter", "a copy without a vote"],
    ],
  })
    .option("--nonvoter", "Without a vote.")
    .action(
      async (
        id: string,
        address: string,
        flags: ClusterFlags & { readonly nonvoter?: boolean },
      ) => {
        checkId(id);
        checkAddress(address);
        const options = { ...clusterOptions(flags), id, address, voter: flags.nonvoter !== true };
        const { addMember } = await import("../members.ts");
        done(await addMember(options));
      },
    );

  addClusterCommand(members, {
    usage: "promote <id>",
    description: "Gives a vote to a member that has none, once it has caught up.",
    examples: [["members promote n5", "n5 votes from now on"]],
  }).action(async (id: string, flags: ClusterFlags) => {
    checkId(id);
    const options = { ...clusterOptions(flags), id };
    const { promoteMember } = await import("../members.ts");
    done(await promoteMember(options));
  });

  addClusterCommand(members, {
    usage: "demote <id>",
    description: "Takes the vote from a member. It goes on to follow.",
    examples: [["members demote n5", "n5 follows without a vote"]],
  }).action(async (id: string, flags: ClusterFlags) => {
    checkId(id);
    const options = { ...clusterOptions(flags), id };
    const { demoteMember } = await import("../members.ts");
    done(await demoteMember(options));
  });

  addClusterCommand(members, {
    usage: "remove <id>",
    description: "Removes a member. Its process stops by itself.",
    examples: [["members remove n4", "n4 belongs to the cluster no longer"]],
  }).action(async (id: string, flags: ClusterFlags) => {
    checkId(id);
    const options = { ...clusterOptions(flags), id };
    const { removeMember } = await import("../members.ts");
    done(await removeMember(options));
  });
}

/** Refuses a name that no member can have. */
export function checkId(id: string): void {
  if (!NAME_PATTERN.test(id)) throw wrongOption("<id>", id, NAME_ALLOWED);
}

function checkAddress(text: string): void {
  const address = parseAddress(text);
  if (address !== undefined && address.port > 0 && !isUnspecified(address.host)) return;
  throw wrongOption(
    "<address>",
    text,
    "host:port where the other members reach it, with a port from 1 to 65535",
  );
}
