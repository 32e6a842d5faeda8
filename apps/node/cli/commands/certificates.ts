/**
 * `certificates` on the command line.
 *
 * @module
 */
import type { Command } from "commander";
import { wholeNumber } from "../exit.ts";
import { readNeed, requirePermissions, writeNeed } from "../permissions.ts";
import { addCommand, type Done, PROGRAM } from "./command.ts";

/** Adds the command. */
export function addCertificates(program: Command, done: Done): void {
  addCommand(program, {
    usage: "certificates",
    description: "Makes authorities and certificates for nodes and clients, for trying out TLS. " +
      "Again, it makes new certificates by the same authorities.",
    examples: [
      ["certificates", "for n1, n2 and n3 on this machine, in ./certs"],
      ["certificates --nodes n1=10.0.0.1,n2=10.0.0.2+n2.example", "for other machines"],
    ],
  })
    .option("--directory <dir>", "Where they go.", "./certs")
    .option("--nodes <list>", "ID, or ID=HOST+HOST for other machines; with commas.", "n1,n2,n3")
    .option("--days <number>", "For how long they hold.", "365")
    .action(async (flags: CertificatesFlags) => {
      const { directory } = flags;
      requirePermissions(`${PROGRAM} certificates`, [readNeed(directory), writeNeed(directory)]);
      const validDays = wholeNumber("--days", flags.days, 1, 3650);
      const { certificates, nodesOf } = await import("../certificates.ts");
      done(await certificates({ directory, nodes: nodesOf(flags.nodes), validDays }));
    });
}

interface CertificatesFlags {
  readonly directory: string;
  readonly nodes: string;
  readonly days: string;
}
