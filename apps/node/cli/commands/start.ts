/**
 * `start` on the command line.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { parseAddress } from "../../config/address.ts";
import { completeSettings } from "../../config/config.ts";
import { addFieldFlags, givenFields } from "../../config/flags.ts";
import { loadSettings } from "../../config/load.ts";
import {
  grpcEnvNeeds,
  netNeed,
  readNeed,
  requirePermissions,
  securityNeeds,
  storeNeeds,
} from "../permissions.ts";
import { requirePlaceForDirectory } from "../store_directory.ts";
import { addCommand, type Done, PROGRAM } from "./command.ts";

/** Adds the command. */
export function addStart(program: Command, done: Done): void {
  const command = addCommand(program, {
    usage: "start",
    description:
      "Starts a node. Without any option it is a cluster of one, on a store in ./coracle-data.",
    examples: [
      ["start", "a cluster of one"],
      ["start --config node.json", "as the file says"],
      ["start --config node.json --bootstrap", "and founds the cluster: one node, once"],
      [
        "start --id n4 --join --raft-listen 10.0.0.4:7001",
        "waits for: members add n4 10.0.0.4:7001",
      ],
    ],
  })
    .option("--config <file>", "JSON file with any of the fields below, in camelCase. Flags win.")
    .addOption(
      new Option("--stop-with-stdin", "Stop when standard input ends. What starts nodes uses it.")
        .hideHelp(),
    );
  addFieldFlags(command);
  command.action(async (flags: Record<string, unknown> & StartFlags) => {
    if (flags.config !== undefined) {
      requirePermissions(`${PROGRAM} start`, [readNeed(flags.config)]);
    }
    const load = () => loadSettings(flags.config, givenFields(flags));
    const settings = load();
    const config = completeSettings(settings);
    requirePermissions(`${PROGRAM} start`, [
      netNeed(config.raftListen),
      netNeed(config.grpcListen),
      ...(config.httpListen === undefined ? [] : [netNeed(config.httpListen)]),
      ...config.peers.map((peer) => netNeed(parseAddress(peer.raft)!)),
      ...storeNeeds(config.dataDir),
      ...securityNeeds(config.security),
      ...grpcEnvNeeds,
    ]);
    requirePlaceForDirectory("dataDir", config.dataDir);
    const { start } = await import("../start.ts");
    const stopWithStdin = flags.stopWithStdin ?? false;
    done(await start(settings, { stopWithStdin, reload: load }));
  });
}

interface StartFlags {
  readonly config?: string;
  readonly stopWithStdin?: boolean;
}
