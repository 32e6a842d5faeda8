/**
 * Members change one at a time: a leader writes down other members than before only when something of its own term and the last
 * change are committed; at most one server gets or loses a vote by it (thesis 4.1, and its erratum); and a server that is to vote
 * has by then what made it a member on its disk.
 *
 * @module
 */
import {
  type Configuration,
  decodeConfiguration,
  type EntryRun,
  equalConfigurations,
  findServer,
  type Index,
  type IndexedConfiguration,
  invariant,
  type ServerId,
  type Term,
  voterIds,
} from "@coracle/core";
import type { Effect, Input } from "@coracle/core/consensus";
import type { Checker, ObservedCluster, ObservedNode } from "./checker.ts";

/** What is known of the members at one node. */
interface Known {
  latest: IndexedConfiguration;
  /** Where other members than before were last written down. */
  changedIndex: number;
}

/** See the module's description. */
export class MembersChange implements Checker {
  readonly #cluster: ObservedCluster;
  readonly #known: Known[] = [];
  /** The entries by which servers were first made members that are to vote. */
  readonly #staged = new Map<ServerId, { readonly index: Index; readonly term: Term }>();

  /** `cluster`: whose disks are looked at. */
  constructor(cluster: ObservedCluster) {
    this.#cluster = cluster;
  }

  /** A node knows what is in its log. */
  started(node: ObservedNode): void {
    this.#known[node.ordinal] = knownOf(node);
  }

  /** Looks at what a leader writes down, and at what others take. */
  stepped(node: ObservedNode, input: Input, effects: readonly Effect[]): void {
    const known = this.#known[node.ordinal]!;
    const { configurations, role } = node.state;
    if (known.latest === configurations.latest) return;
    if (role.type === "leader") {
      for (const effect of effects) {
        if (effect.type === "persist" && effect.entries !== undefined) {
          this.#appends(node, known, effect.entries, input);
        }
      }
    }
    const { changedIndex } = known;
    this.#known[node.ordinal] = role.type === "leader"
      ? { latest: configurations.latest, changedIndex }
      : knownOf(node);
  }

  #appends(node: ObservedNode, known: Known, run: EntryRun, input: Input): void {
    for (const index of run.configurations) {
      const configuration = decodeConfiguration(run.entry(index).data);
      const before = known.latest.configuration;
      if (!equalConfigurations(before, configuration)) {
        this.#changes(node, known, before, configuration);
        // Whoever asks for a change may want somebody to vote at once.
        if (input.type !== "changeConfiguration") this.#promotes(node, before, configuration);
        known.changedIndex = index;
      }
      for (const { id, suffrage } of configuration.servers) {
        if (suffrage !== "staging" || findServer(before, id)?.suffrage === "staging") continue;
        // Who becomes one again goes on catching up.
        if (this.#stagedIn(node, id) === undefined) {
          this.#staged.set(id, { index, term: run.term(index) });
        }
      }
      known.latest = { index, configuration };
    }
  }

  #changes(node: ObservedNode, known: Known, before: Configuration, after: Configuration): void {
    const { id, state: { term, commitIndex, log } } = node;
    const problem = (what: string) => invariant(false, `members: ${id} changes them ${what}`);
    if (log.term(commitIndex) !== term) {
      problem(`before anything of its term ${term} is committed`);
    }
    if (commitIndex < known.changedIndex) {
      problem(`while the change at ${known.changedIndex} is not committed`);
    }
    const [voters, others] = [new Set(voterIds(before)), new Set(voterIds(after))];
    const different = voters.symmetricDifference(others).size;
    if (different > 1) problem(`so that ${different} votes are others`);
  }

  #promotes(leader: ObservedNode, before: Configuration, after: Configuration): void {
    for (const id of voterIds(after)) {
      if (findServer(before, id)?.suffrage !== "staging") continue;
      const stagedIndex = this.#stagedIn(leader, id);
      const disks = this.#cluster.nodes.filter((one) => one.id === id);
      const reached = Math.max(
        ...disks.map(({ image, snapshotIndex }) => Math.max(image.lastIndex, snapshotIndex ?? 0)),
      );
      if (stagedIndex === undefined || reached >= stagedIndex) continue;
      invariant(
        false,
        `members: ${leader.id} gives ${id} a vote, whose disk reaches to ${reached}; it became a member at ${stagedIndex}`,
      );
    }
  }

  /** Where the log of a leader says that a server is to vote: what another leader wrote down may have been overwritten. */
  #stagedIn({ state: { log } }: ObservedNode, id: ServerId): Index | undefined {
    const staged = this.#staged.get(id);
    if (staged === undefined) return undefined;
    const isCompacted = staged.index < log.firstIndex;
    return isCompacted || log.term(staged.index) === staged.term ? staged.index : undefined;
  }
}

function knownOf({ state: { configurations } }: ObservedNode): Known {
  return { latest: configurations.latest, changedIndex: configurations.changedIndex };
}
