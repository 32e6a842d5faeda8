/**
 * What the tests of this package share: waiting for facts, a handler and a logger that remember, and
 * arbitrary messages.
 *
 * @module
 */
import { EntryRun, type Index, type Message, type Term, toIndex, toTerm } from "@coracle/core";
import type { EntryType, Logger, ServerId, TransportHandler } from "@coracle/core";
import { AssertionError } from "@std/assert";
import fc from "fast-check";
import type { TcpTransportOptions } from "../config.ts";
import type { PeerStats } from "../stats.ts";
import { TcpTransport } from "../transport.ts";

/** Far longer than anything here takes: reached only when something never happens. */
const DEADLINE_MS = 20_000;

/** Resolves to what `fact` returns once that is neither `undefined` nor `false`; throws when that takes too long. */
export async function until<T>(what: string, fact: () => T | undefined | false): Promise<T> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const value = fact();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadlineMs) throw new AssertionError(`it never came to pass: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Lets everything else that is ready go first. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Takes a snapshot, as `TransportHandler.receiveSnapshot`. */
export type TakeSnapshot = TransportHandler["receiveSnapshot"];

/** Remembers what a transport hands over. */
export class RecordingHandler implements TransportHandler {
  /** All messages, in order. */
  readonly received: { from: ServerId; message: Message }[] = [];
  /** How many messages came in each call. */
  readonly batches: number[] = [];
  /** The peers whose connections were lost, in order. */
  readonly lost: ServerId[] = [];
  /** What becomes of snapshots. By default they are refused. */
  takeSnapshot: TakeSnapshot = () => Promise.reject(new Error("no snapshots here"));

  receive(from: ServerId, messages: readonly Message[]): void {
    this.batches.push(messages.length);
    for (const message of messages) this.received.push({ from, message });
  }

  receiveSnapshot: TakeSnapshot = (from, header, data) => this.takeSnapshot(from, header, data);

  disconnected(peer: ServerId): void {
    this.lost.push(peer);
  }

  /** The messages from `from`, in order. */
  from(from: ServerId): Message[] {
    return this.received.filter((one) => one.from === from).map(({ message }) => message);
  }
}

/** Remembers what is logged, with the placeholders filled in. */
export class RecordingLogger implements Logger {
  /** Lines at debug level. */
  readonly debugLines: string[] = [];
  /** Lines at info level. */
  readonly infoLines: string[] = [];
  /** Lines at warning level. */
  readonly warnLines: string[] = [];
  /** Lines at error level. */
  readonly errorLines: string[] = [];

  debug(message: string, properties?: Record<string, unknown>): void {
    this.debugLines.push(filled(message, properties));
  }

  info(message: string, properties?: Record<string, unknown>): void {
    this.infoLines.push(filled(message, properties));
  }

  warn(message: string, properties?: Record<string, unknown>): void {
    this.warnLines.push(filled(message, properties));
  }

  error(message: string, properties?: Record<string, unknown>): void {
    this.errorLines.push(filled(message, properties));
  }

  /** The warnings that contain `text`. */
  warnings(text: string): string[] {
    return this.warnLines.filter((line) => line.includes(text));
  }
}

function filled(message: string, properties: Record<string, unknown> = {}): string {
  return message.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(properties[name]));
}

/** A transport with its handler and its logger, started. */
export interface Node extends AsyncDisposable {
  /** The node's name. */
  readonly id: ServerId;
  /** The transport. */
  readonly transport: TcpTransport;
  /** What it handed over. */
  readonly handler: RecordingHandler;
  /** What it logged. */
  readonly logger: RecordingLogger;
  /** Its counts for `peer`, or `undefined` if it knows none. */
  peer(peer: ServerId): PeerStats | undefined;
}

/** Starts a transport on a free port of the loopback interface. */
export async function startNode(
  id: ServerId,
  options: Partial<TcpTransportOptions> = {},
): Promise<Node> {
  const handler = new RecordingHandler();
  const logger = new RecordingLogger();
  const transport = await TcpTransport.listen({
    id,
    clusterId: "test",
    listenAddress: "127.0.0.1:0",
    logger,
    ...options,
  });
  transport.start(handler);
  return {
    id,
    transport,
    handler,
    logger,
    peer: (peer) => transport.stats().peers.find((one) => one.id === peer),
    [Symbol.asyncDispose]: () => transport.close(),
  };
}

/** Makes each of `nodes` a peer of all others, and waits until all are connected. */
export async function connect(...nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) node.transport.setPeers(nodes.map(peerOf));
  for (const one of nodes) {
    for (const { id } of nodes) {
      if (id === one.id) continue;
      await until(`${one.id} is connected to ${id}`, () => one.peer(id)?.connectedSinceMs);
      await until(`${one.id} is connected from ${id}`, () => one.peer(id)?.incoming);
    }
  }
}

/** How others know `node`. */
export function peerOf({ id, transport }: Node): { id: ServerId; address: string } {
  return { id, address: transport.localAddress };
}

/** A message that can be told from others by its round. */
export function numbered(round: number): Message {
  return {
    type: "appendAccepted",
    term: toTerm(1),
    matchIndex: toIndex(round),
    round,
    priority: 1,
    storeId: "4f0c7bd294d8",
  };
}

/** The rounds of messages that were made with {@linkcode numbered}. */
export function rounds(messages: readonly Message[]): number[] {
  return messages.map((message) => message.type === "appendAccepted" ? message.round : -1);
}

/** A run of one command entry of `dataSizeBytes`. */
export function commandRun(index: number, term: number, dataSizeBytes: number): EntryRun {
  const data = new Uint8Array(dataSizeBytes).fill(index);
  const proposal = { type: "command", data, extensions: new Uint8Array(0) } as const;
  return EntryRun.encode(toIndex(index), toTerm(term), 0, [proposal]);
}

/** An append of one command entry of `dataSizeBytes`. */
export function appendOf(index: number, dataSizeBytes: number): Message {
  return {
    type: "append",
    term: toTerm(1),
    prevLogIndex: toIndex(index - 1),
    prevLogTerm: toTerm(index === 1 ? 0 : 1),
    entries: commandRun(index, 1, dataSizeBytes),
    leaderCommit: toIndex(0),
    round: index,
    leased: false,
    yields: false,
    storeRefused: false,
    removed: false,
  };
}

const storeId = fc.integer({ min: 1, max: 2 ** 48 - 1 }).map((n) =>
  n.toString(16).padStart(12, "0")
);
const round = fc.maxSafeNat();
const index = fc.maxSafeNat().map((n) => n as Index);
const term = fc.maxSafeNat().map((n) => n as Term);

const proposal = fc.record({
  type: fc.constantFrom<EntryType>("command", "noop", "barrier", "configuration"),
  data: fc.uint8Array({ maxLength: 300 }),
  extensions: fc.uint8Array({ maxLength: 20 }),
});

const append = fc.record({
  type: fc.constant("append" as const),
  prevLogIndex: fc.nat().map((n) => n as Index),
  // Each of these runs is of its own, later term.
  proposals: fc.array(fc.array(proposal, { minLength: 1, maxLength: 4 }), { maxLength: 3 }),
  appendedAtMs: fc.nat(),
  prevLogTerm: fc.nat().map((n) => n as Term),
  leaderCommit: index,
  round,
  leased: fc.boolean(),
  yields: fc.boolean(),
  storeRefused: fc.boolean(),
  removed: fc.boolean(),
}).map(({ proposals, appendedAtMs, ...fields }): Message => {
  let next = fields.prevLogIndex + 1;
  const runs = proposals.map((some, at) => {
    const first = next;
    next += some.length;
    return EntryRun.encode(
      toIndex(first),
      toTerm(fields.prevLogTerm + at + 1),
      appendedAtMs,
      some,
    );
  });
  return {
    ...fields,
    term: toTerm(fields.prevLogTerm + 5),
    entries: runs.length === 0 ? undefined : EntryRun.concat(runs),
  };
});

/** Any message. */
export const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: fc.constant("preVote" as const),
    term,
    lastLogIndex: index,
    lastLogTerm: term,
    storeId: fc.option(storeId, { nil: undefined }),
  }),
  fc.record({
    type: fc.constant("preVoteResult" as const),
    term,
    proposedTerm: term,
    granted: fc.boolean(),
    storeId,
  }),
  fc.record({
    type: fc.constant("vote" as const),
    term,
    lastLogIndex: index,
    lastLogTerm: term,
    leadershipTransfer: fc.boolean(),
    storeId: fc.option(storeId, { nil: undefined }),
  }),
  fc.record({ type: fc.constant("voteResult" as const), term, granted: fc.boolean(), storeId }),
  append,
  fc.record({
    type: fc.constant("appendAccepted" as const),
    term,
    matchIndex: index,
    round,
    priority: fc.nat({ max: 0xffff }),
    storeId,
  }),
  fc.record({
    type: fc.constant("appendRejected" as const),
    term,
    rejectedIndex: index,
    hintIndex: index,
    hintTerm: term,
    round,
    storeId,
  }),
  fc.record({ type: fc.constant("timeoutNow" as const), term }),
  fc.record({ type: fc.constant("readIndex" as const), id: fc.maxSafeNat() }),
  fc.record({
    type: fc.constant("readIndexResult" as const),
    id: fc.maxSafeNat(),
    readIndex: fc.option(index, { nil: undefined }),
  }),
);

/** What a message says, without private parts, so that two can be compared. */
export function plain(message: Message): unknown {
  if (message.type !== "append") return message;
  const { entries, ...fields } = message;
  return {
    ...fields,
    entries: entries && {
      bytes: [...entries.bytes],
      firstIndex: entries.firstIndex,
      lastIndex: entries.lastIndex,
      terms: entries.terms,
      configurations: entries.configurations,
    },
  };
}
