/**
 * One real node whose peers are played by the test: it reads what the node sends, and says what they answer.
 *
 * @module
 */
import { type Completion, MemoryLog, settle, testStoreId, VirtualClock } from "@coracle/testing";
import type { RaftConfig } from "../../model/config.ts";
import type { Server, ServerId } from "../../model/configuration.ts";
import { TransportError } from "../../model/errors.ts";
import type { Message } from "../../model/message.ts";
import { toIndex, toTerm } from "../../model/numbers.ts";
import type { StoreId } from "../../model/store_id.ts";
import { type Logger, silentLogger } from "../../ports/logger.ts";
import type { Transport, TransportHandler } from "../../ports/transport.ts";
import { Raft } from "../raft.ts";
import { Recorder } from "./cluster.ts";
import { played, type PlayedMessage } from "./played_message.ts";

/** A transport without a network. */
export class PlayedPeers implements Transport {
  readonly localAddress = "n1";
  /** What the node has sent and the test has not taken yet. */
  sent: { readonly to: ServerId; readonly message: Message }[] = [];
  /** How often it was closed. */
  closed = 0;
  /** The store of the node. */
  storeId: StoreId = testStoreId("n1");
  #handler: TransportHandler | undefined;

  /** See {@linkcode Transport.start}. */
  start(handler: TransportHandler): void {
    this.#handler = handler;
  }

  /** See {@linkcode Transport.setPeers}. */
  setPeers(): void {}

  /** See {@linkcode Transport.send}. */
  send(to: ServerId, message: Message): void {
    this.sent.push({ to, message });
  }

  /** See {@linkcode Transport.sendSnapshot}. Nobody takes one. */
  sendSnapshot(to: ServerId): Promise<void> {
    return Promise.reject(new TransportError(`${to} takes no snapshots`));
  }

  /** See {@linkcode Transport.close}. */
  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }

  /** The peer `from` says something. */
  say(from: ServerId, ...messages: PlayedMessage[]): void {
    this.#handler!.receive(from, messages.map((one) => played(one, from, this.storeId)));
  }

  /** The connection with `peer` is lost. */
  lose(peer: ServerId): void {
    this.#handler!.disconnected(peer);
  }

  /** Takes out what was sent, as far as it is of `type`; what else was sent is forgotten. */
  take<Type extends Message["type"]>(type: Type): Extract<Message, { type: Type }>[] {
    const messages = this.sent.map(({ message }) => message);
    this.sent = [];
    return messages.filter((message): message is Extract<Message, { type: Type }> =>
      message.type === type
    );
  }
}

/** A node `n1` of the cluster `n1`, `n2`, `n3`. */
export interface LoneNode extends AsyncDisposable {
  readonly raft: Raft<string>;
  readonly clock: VirtualClock;
  readonly log: MemoryLog;
  readonly fsm: Recorder;
  readonly peers: PlayedPeers;
}

const PEERS: readonly Server[] = ["n2", "n3"].map((id) => ({
  id,
  address: id,
  suffrage: "voter",
  storeId: testStoreId(id),
}));

/** A node that has heard of nobody: bootstrapped (entry 1, term 1), or started on what `log` holds. */
export async function startLoneNode(
  options: {
    readonly config?: Partial<RaftConfig>;
    readonly fsm?: Recorder;
    readonly clock?: VirtualClock;
    readonly log?: MemoryLog;
    readonly logger?: Logger;
  } = {},
): Promise<LoneNode> {
  const { config = {}, fsm = new Recorder(), clock = new VirtualClock() } = options;
  const { log = new MemoryLog(), logger = silentLogger } = options;
  const peers = new PlayedPeers();
  const raft = await Raft.start({
    id: "n1",
    fsm,
    log,
    transport: peers,
    config,
    clock,
    logger,
    seed: 1,
  });
  peers.storeId = log.storeId;
  const own: Server = { id: "n1", address: "n1", suffrage: "voter", storeId: log.storeId };
  if (raft.lastIndex === 0) await raft.bootstrap({ servers: [own, ...PEERS] });
  return {
    raft,
    clock,
    log,
    fsm,
    peers,
    async [Symbol.asyncDispose]() {
      log.completion = "immediate";
      log.complete();
      await raft.shutdown();
    },
  };
}

/** Lets n2 elect the node: it leads in term 2, and its first entry, 2, is committed. `completion` is the disk's from then on. */
export async function makeLeader(
  { raft, clock, log, peers }: LoneNode,
  completion: Completion = "immediate",
): Promise<void> {
  await clock.waitFor("the node asks for votes", 5000, () => peers.take("preVote").length > 0);
  peers.say("n2", {
    type: "preVoteResult",
    term: toTerm(1),
    proposedTerm: toTerm(2),
    granted: true,
  });
  await settle();
  peers.say("n2", { type: "voteResult", term: toTerm(2), granted: true });
  await settle();
  accept(peers, 2);
  await settle();
  if (raft.state !== "leader" || raft.commitIndex !== 2) {
    throw new Error(`${raft.state} with commit index ${raft.commitIndex}`);
  }
  peers.take("append");
  log.completion = completion;
}

/** n2 has everything up to `index` on its disk. */
export function accept(peers: PlayedPeers, index: number): void {
  peers.say("n2", {
    type: "appendAccepted",
    term: toTerm(2),
    matchIndex: toIndex(index),
    round: 1,
    priority: 1,
  });
}
