/**
 * Commands that make a cluster, and turn its nodes off and on.
 *
 * @module
 */
import {
  encodeConfiguration,
  EntryRun,
  NO_BYTES,
  type Proposal,
  toIndex,
  toTerm,
} from "@coracle/core";
import type { CoreNode } from "../core_node.ts";
import { configurationText } from "../notation.ts";
import type { ScriptCluster } from "./cluster.ts";
import { type Command, configurationOf, settings, whole, type Words } from "./command.ts";
import { logText, stateLines } from "./state_text.ts";

/** See the module's description. */
export const SETUP_COMMANDS: Record<string, Command> = {
  cluster: createCluster,
  log(cluster, { words, options }) {
    const node = cluster.node(words[0]);
    if (words.length > 1 || options.size > 0) prepareLog(cluster, node, words.slice(1), options);
    else cluster.print(`${node.id} ${logText(node)}`);
  },
  bootstrap(cluster, { words }) {
    const { servers } = configurationOf(words.slice(1));
    // As people give it: nobody has heard yet which stores there are.
    const configuration = {
      servers: servers.map(({ id, address, suffrage }) => ({ id, address, suffrage })),
    };
    cluster.input(cluster.node(words[0]), { type: "bootstrap", configuration });
  },
  crash(cluster, { words, options }) {
    const node = cluster.node(words[0]);
    node.crash(whole(options.get("keep") ?? "0"));
    cluster.print(`${node.id} ${logText(node)}`);
  },
  restart(cluster, { words }) {
    const node = cluster.node(words[0]);
    cluster.start(node);
    for (const line of stateLines(node)) cluster.print(line);
  },
  lose(cluster, { words: [id, index] }) {
    cluster.lose(cluster.node(id), toIndex(whole(index)));
    for (const line of stateLines(cluster.node(id))) cluster.print(line);
  },
  wipe(cluster, { words }) {
    const { id } = cluster.node(words[0]);
    cluster.wipe(id);
    for (const line of stateLines(cluster.node(id))) cluster.print(line);
  },
  members(cluster, { words }) {
    const { id, state } = cluster.node(words[0]);
    const { index, configuration } = state.configurations.latest;
    cluster.print(`${id} members since ${index}: ${configurationText(configuration)}`);
  },
  state(cluster, { words }) {
    const nodes = words[0] === undefined ? [...cluster.nodes.values()] : [cluster.node(words[0])];
    for (const node of nodes) for (const line of stateLines(node)) cluster.print(line);
  },
};

function createCluster(cluster: ScriptCluster, { words, options }: Words): void {
  const config = settings(options, ["nonvoters", "members", "disk", "blank", "founding"]);
  const nodes = whole(words[0]);
  cluster.create({
    nodes,
    members: options.get("blank") === "yes" ? 0 : whole(options.get("members") ?? `${nodes}`),
    nonvoters: whole(options.get("nonvoters") ?? "0"),
    disk: options.get("disk") === "manual" ? "manual" : "auto",
    founding: options.get("founding") === "yes",
    config,
  });
}

/** Puts entries on a node's disk and starts it anew. */
function prepareLog(
  cluster: ScriptCluster,
  node: CoreNode,
  positions: readonly string[],
  options: ReadonlyMap<string, string>,
): void {
  node.crash(0);
  for (const position of positions) {
    const [index, term, members] = position.split(/[@:]/);
    const one: Proposal = members === undefined
      ? { type: "command", data: new TextEncoder().encode(position), extensions: NO_BYTES }
      : {
        type: "configuration",
        data: encodeConfiguration(configurationOf(members.split(","))),
        extensions: NO_BYTES,
      };
    const entries = EntryRun.encode(toIndex(whole(index)), toTerm(whole(term)), 0, [one]);
    node.image.apply({
      hardState: undefined,
      reset: undefined,
      truncateFrom: undefined,
      entries,
    });
  }
  const lastTerm = node.image.term(node.image.lastIndex)!;
  const term = toTerm(whole(options.get("term") ?? `${lastTerm}`));
  const hardState = { term, votedFor: options.get("vote") };
  node.image.apply({ hardState, reset: undefined, truncateFrom: undefined, entries: undefined });
  cluster.start(node);
}
