/**
 * `recover`, as it is typed.
 *
 * @module
 */
import type { Command } from "commander";
import { readNeed, requirePermissions, writeNeed } from "../permissions.ts";
import type { Done } from "./command.ts";

/** Adds `recover` to `program`. */
export function addRecover(program: Command, done: Done): void {
  program.command("recover")
    .description(
      "Gives a node that is left of a cluster without a majority other members, without asking the lost ones, whose last " +
        "writes may be lost with them. The node must be stopped.",
    )
    .argument("<dir>", "The directory.")
    .requiredOption(
      "--peers <file>",
      'The members from now on, as JSON: [{"id": "n1", "address": "10.0.0.1:7001", "non_voter": false}], or the addresses of known ones.',
    )
    .option("--json", "Print JSON.")
    .action(async (dir: string, flags: { readonly peers: string; readonly json?: boolean }) => {
      requirePermissions("deno run -P apps/node recover", [
        readNeed(dir),
        writeNeed(dir),
        readNeed(flags.peers),
      ]);
      const { recover } = await import("../recover.ts");
      done(await recover({ dir, peers: flags.peers, json: flags.json ?? false }));
    });
}
