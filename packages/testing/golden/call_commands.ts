/**
 * Commands in which callers want something of a node, and its disk does something for it.
 *
 * @module
 */
import { completeConfig, type ConfigurationChange, NO_BYTES, toIndex } from "@coracle/core";
import { type Command, oneOf, settings, whole } from "./command.ts";

/** See the module's description. */
export const CALL_COMMANDS: Record<string, Command> = {
  propose(cluster, { words }) {
    const proposals = words.slice(1).map((word) => ({
      type: "command" as const,
      data: new TextEncoder().encode(word),
      extensions: NO_BYTES,
    }));
    cluster.input(cluster.node(words[0]), { type: "propose", proposals, appendedAtMs: 0 });
  },
  verify(cluster, { words }) {
    cluster.input(cluster.node(words[0]), { type: "verify", id: whole(words[1]) });
  },
  read(cluster, { words: [node, id, word = "linearizable"] }) {
    const level = oneOf(word, ["linearizable", "lease"]);
    cluster.input(cluster.node(node), { type: "read", id: whole(id), level });
  },
  change(cluster, { words: [node, type, id, immediately], options }) {
    const prev = options.get("prev");
    cluster.input(cluster.node(node), {
      type: "changeConfiguration",
      change: changeOf(type, cluster.node(id).id, immediately),
      prevIndex: prev === undefined ? undefined : toIndex(whole(prev)),
      appendedAtMs: 0,
    });
  },
  transfer(cluster, { words: [node, target] }) {
    cluster.input(cluster.node(node), { type: "transferLeadership", target });
  },
  stepdown(cluster, { words }) {
    cluster.input(cluster.node(words[0]), { type: "stepDown" });
  },
  hold(cluster, { words }) {
    cluster.input(cluster.node(words[0]), { type: "holdLeadership", isHeld: true });
  },
  release(cluster, { words }) {
    cluster.input(cluster.node(words[0]), { type: "holdLeadership", isHeld: false });
  },
  reload(cluster, { words, options }) {
    const node = cluster.node(words[0]);
    const config = completeConfig({ ...node.state.config, ...settings(options, []) });
    cluster.input(node, { type: "reload", config });
  },
  sync(cluster, { words }) {
    const count = words[1] === undefined ? Infinity : whole(words[1]);
    const nodes = words[0] === undefined ? cluster.up : [cluster.node(words[0])];
    for (const node of nodes) cluster.sync(node, count);
  },
};

function changeOf(
  type: string | undefined,
  id: string,
  immediately: string | undefined,
): ConfigurationChange {
  const known = oneOf(type, ["addVoter", "addNonvoter", "demoteVoter", "removeServer", "promote"]);
  switch (known) {
    case "addVoter":
      return { type: known, id, address: id, immediately: immediately === "immediately" };
    case "addNonvoter":
      return { type: known, id, address: id };
    default:
      return { type: known, id };
  }
}
