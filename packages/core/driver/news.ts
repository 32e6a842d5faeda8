/**
 * What a node tells those who watch it: its log, the subscribers to leadership, the observers.
 *
 * @module
 */
import { type Configuration, findServer, type ServerId } from "../model/configuration.ts";
import type { Message } from "../model/message.ts";
import type { SnapshotMeta } from "../model/snapshot.ts";
import type { Logger } from "../ports/logger.ts";
import type {
  ContactChanged,
  OtherCluster,
  RoleChanged,
  StoreChanged,
  StoreRefused,
} from "../consensus/effect.ts";
import { configurationOf, type NodeState } from "../consensus/state.ts";
import { Observers } from "./observers.ts";
import { isSameLeadership, type Leadership, Watchers } from "./watchers.ts";

/** See the module's description. */
export class News {
  readonly observers: Observers = new Observers();
  readonly leadership: Watchers<Leadership>;
  readonly #state: NodeState;
  readonly #logger: Logger;
  readonly #now: () => Leadership;
  #members: Configuration;
  #role = "";

  /** `now`: who leads, as the node sees it. */
  constructor(state: NodeState, logger: Logger, now: () => Leadership) {
    this.#state = state;
    this.#logger = logger;
    this.#now = now;
    this.#members = configurationOf(state);
    this.leadership = new Watchers<Leadership>(now());
  }

  /** The node joins the others. */
  started(): void {
    const { id, term, log } = this.#state;
    this.#logger.info("node {id} starts in term {term} with entries up to {lastIndex}", {
      id,
      term,
      lastIndex: log.lastIndex,
    });
  }

  /** Role, term or known leader changed. */
  roleChanged({ role, term, leader, reason }: RoleChanged): void {
    const { id } = this.#state;
    const properties = { id, role, term, leader, reason };
    this.#logger.info("node {id} is {role} in term {term}: {reason}", properties);
    const described = `${role} ${term}`;
    if (described !== this.#role) this.observers.publish({ type: "state", state: role, term });
    this.#role = described;
    this.publishLeadership();
  }

  /** Another configuration is in force. */
  configurationChanged(): void {
    const { id, configurations } = this.#state;
    const { index, configuration } = configurations.latest;
    this.#logger.info("node {id} works with configuration {index}: {servers}", {
      id,
      index,
      servers: configuration.servers,
    });
    this.#observePeers(configuration);
    // The leader's address may be known from now on.
    this.publishLeadership();
  }

  /** Tells who leads, if that has changed. */
  publishLeadership(): void {
    const leadership = this.#now();
    const { latest } = this.leadership;
    if (isSameLeadership(leadership, latest)) return;
    this.leadership.publish(leadership);
    const { leader, term } = leadership;
    if (leader?.id !== latest.leader?.id) this.observers.publish({ type: "leader", leader, term });
  }

  /** Messages have arrived. */
  received(from: ServerId, messages: readonly Message[]): void {
    if (!this.observers.isWatched) return;
    for (const request of messages) {
      if (request.type === "vote") this.observers.publish({ type: "requestVote", from, request });
      else if (request.type === "preVote") {
        this.observers.publish({ type: "requestPreVote", from, request });
      }
    }
  }

  /** A follower has fallen silent, or answers again. */
  contactChanged({ peer, answers, lastContactMs }: ContactChanged): void {
    this.observers.publish(
      answers
        ? { type: "resumedHeartbeat", peer }
        : { type: "failedHeartbeat", peer, lastContactMs },
    );
  }

  /** A voter has another store than the one that its name stands for. */
  storeChanged({ peer, storeId }: StoreChanged): void {
    const knownStoreId = findServer(configurationOf(this.#state), peer)?.storeId;
    this.#logger.error(
      "{peer} answers from store {storeId}, and was {knownStoreId}: its disk was wiped or is another one. Nothing that it says " +
        "counts until it is removed and added again",
      { peer, storeId, knownStoreId },
    );
    this.observers.publish({ type: "storeChanged", peer, storeId });
  }

  /** Another node knows this one by another store, or does no longer. */
  storeRefused({ by }: StoreRefused): void {
    const { id, storeId } = this.#state;
    if (by === undefined) {
      this.#logger.info("node {id} counts again with its store {storeId}", { id, storeId });
    } else {
      this.#logger.error(
        "{by} knows node {id} by another store than {storeId}, which this one has: nothing that it says counts until it is " +
          "removed and added again",
        { by, id, storeId },
      );
    }
    this.observers.publish({ type: "storeRefused", by });
  }

  /** A leader of another cluster wants this node. */
  otherCluster({ leader }: OtherCluster): void {
    const { id } = this.#state;
    this.#logger.error(
      "{leader}, which leads another cluster, has node {id} among its members; nothing is taken from it, since this node has founded a " +
        "cluster of its own, whose only voter it is. To join the other one, it must be started on an empty directory, and found none",
      { leader, id },
    );
    this.observers.publish({ type: "otherCluster", leader });
  }

  /** A snapshot is stored. */
  snapshotStored({ lastIncludedIndex, sizeBytes }: SnapshotMeta): void {
    this.observers.publish({ type: "snapshot", lastIncludedIndex, sizeBytes });
  }

  /** The node stops: nothing more will be told. */
  stopped(): void {
    this.publishLeadership();
    this.leadership.close();
    this.observers.publish({ type: "state", state: "shutdown", term: this.#state.term });
    this.observers.close();
  }

  /** Tells of the members that have come, changed or gone since the last configuration. */
  #observePeers(configuration: Configuration): void {
    const before = this.#members;
    this.#members = configuration;
    for (const server of configuration.servers) {
      const known = findServer(before, server.id);
      if (known?.address === server.address && known.suffrage === server.suffrage) continue;
      this.observers.publish({ type: "peer", server, removed: false });
    }
    for (const server of before.servers) {
      if (findServer(configuration, server.id) !== undefined) continue;
      this.observers.publish({ type: "peer", server, removed: true });
    }
  }
}
