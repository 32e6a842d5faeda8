/**
 * What the endpoints do.
 *
 * @module
 */
import {
  type Applied,
  type Index,
  type Logger,
  NotLeaderError,
  type Raft,
  RaftError,
  toIndex,
} from "@coracle/core";
import type { WordsFsm } from "@coracle/fsm-words";
import type { MemberStatus } from "../admin/status.ts";
import type { AdministeredNode } from "../grpc/coracle_admin.ts";
import { checkWord } from "../grpc/word.ts";
import type { HandlersOf, HttpCall } from "./endpoint.ts";
import type { ENDPOINTS } from "./endpoints.ts";
import { statusEvents } from "./events.ts";
import type { Figures } from "./live_figures.ts";
import { openApi } from "./openapi.ts";
import { HttpError, type Problem, statusOf } from "./problem.ts";
import { Readiness, type ReadyRaft } from "./readiness.ts";
import type { Status } from "./schemas.ts";

/** What the endpoints need of the consensus. `Raft` is one. */
export type HttpRaft =
  & ReadyRaft
  & Pick<
    Raft,
    | "addNonvoter"
    | "addVoter"
    | "changeConfiguration"
    | "configuration"
    | "demoteVoter"
    | "leader"
    | "removeServer"
    | "snapshot"
    | "state"
    | "transferLeadership"
  >;

/** What the endpoints need of a node. */
export interface HttpNodeParts {
  /** Its consensus. */
  readonly raft: HttpRaft;
  /** Replicates and applies a command. */
  readonly apply: (command: Uint8Array, options: HttpCall) => Promise<Applied<unknown>>;
  /** Its state machine. */
  readonly fsm: Pick<WordsFsm, "bestWords">;
  /** What can be done to it as a whole. */
  readonly admin: AdministeredNode;
  /** How fast it has been. */
  readonly figures: { readonly latest: Figures };
  /** Its metrics as text. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Fires when the node closes: streams end then. */
  readonly closing: AbortSignal;
  /** Where it says what nobody expects. */
  readonly logger: Logger;
}

/** A node as its endpoints see it. */
export class HttpNode {
  /** `parts`: what it is made of. */
  constructor(readonly parts: HttpNodeParts) {}

  /** Its name. */
  get id(): string {
    return this.parts.admin.status().nodeId;
  }

  /** Where it says what nobody expects. */
  get logger(): Logger {
    return this.parts.logger;
  }

  /** Where clients reach `id` over HTTP. */
  leaderUrl(id: string): string | undefined {
    return this.parts.admin.status().members.find((member) => member.id === id)?.httpUrl;
  }

  /** Where clients reach the members over HTTP, as far as that is known. */
  memberUrls(): string[] {
    return this.parts.admin.status().members.flatMap(({ httpUrl }) => httpUrl ?? []);
  }

  /** The leader, if that is another node and it is known where clients reach it. */
  otherLeader(): { readonly id: string; readonly url: string } | undefined {
    const { raft } = this.parts;
    if (raft.state === "leader" || raft.leader === undefined) return undefined;
    const url = this.leaderUrl(raft.leader.id);
    return url === undefined ? undefined : { id: raft.leader.id, url };
  }

  /** Its status. */
  status(): Status {
    const { admin, figures } = this.parts;
    const { stats, leader, members, startedAtMs, ...node } = admin.status();
    const { latestConfiguration: _, latestConfigurationIndex, numPeers: __, ...rest } = stats;
    return {
      ...node,
      ...rest,
      startedAt: new Date(startedAtMs).toISOString(),
      leader: leader && memberOf(leader),
      members: members.map(memberOf),
      configurationIndex: latestConfigurationIndex,
      followers: stats.followers.map((follower) => ({
        ...follower,
        lagEntries: Math.max(0, stats.lastLogIndex - follower.matchIndex),
      })),
      ...figures.latest,
      logLevel: admin.logLevel,
    };
  }
}

/** How many streams of events there may be. */
export const EVENT_STREAMS_MAX = 64;

const encoder = new TextEncoder();

/** The handlers of all endpoints. */
export function handlersOf(
  node: HttpNode,
  { commandSizeMaxBytes }: { readonly commandSizeMaxBytes: number },
): HandlersOf<typeof ENDPOINTS> {
  const { raft, apply, fsm, admin, metrics, closing } = node.parts;
  const readiness = new Readiness(raft);
  const description = openApi();
  let eventStreams = 0;
  return {
    getWords: async ({ query: { level = "linearizable" } }, call) => {
      const { index, response } = await raft.read(() => fsm.bestWords(), { ...call, level });
      return { index, bestWords: response.filter((word) => word !== "") };
    },
    addWords: async ({ body }, call) => {
      const commands = body.words.map((word) => encoder.encode(word));
      commands.forEach((bytes, at) => checkWord(bytes, commandSizeMaxBytes, `words[${at}]`));
      const results = await Promise.allSettled(commands.map((bytes) => apply(bytes, call)));
      return { words: added(body.words, results) };
    },

    getStatus: () => node.status(),
    getEvents: (_input, { signal }) => {
      if (eventStreams >= EVENT_STREAMS_MAX) {
        throw new HttpError(
          429,
          "overloaded",
          `there are ${EVENT_STREAMS_MAX} streams of events already, which is what is allowed`,
        );
      }
      eventStreams += 1;
      const gone = new AbortController();
      const events = statusEvents(
        () => node.status(),
        AbortSignal.any([signal, closing, gone.signal]),
      );
      const body = streamOf(events, () => {
        gone.abort();
        eventStreams -= 1;
      });
      return new Response(body, {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      });
    },

    getConfiguration: () => {
      const { members, stats } = admin.status();
      return { index: stats.latestConfigurationIndex, members: members.map(memberOf) };
    },
    putConfiguration: async ({ body }, call) => ({
      index: await raft.changeConfiguration({ servers: body.members }, call),
    }),
    putMember: async ({ params: { id }, body }, call) => {
      const address = body.address ?? knownAddress(raft, id);
      const options = { ...call, ...prevIndexOf(body.previousIndex) };
      const index = body.suffrage === "voter"
        ? await raft.addVoter(id, address, options)
        : await raft.addNonvoter(id, address, options);
      return { index };
    },
    deleteMember: async ({ params: { id }, query }, call) => ({
      index: await raft.removeServer(id, { ...call, ...prevIndexOf(query.previousIndex) }),
    }),
    demoteMember: async ({ params: { id }, query }, call) => ({
      index: await raft.demoteVoter(id, { ...call, ...prevIndexOf(query.previousIndex) }),
    }),

    transferLeadership: async ({ body: { to } }) => {
      await raft.transferLeadership(to === undefined ? {} : { to });
      return { done: true };
    },
    stepDown: async () => {
      await admin.stepDown();
      return { done: true };
    },

    takeSnapshot: async () => {
      const { id, lastIncludedIndex, lastIncludedTerm, sizeBytes, createdAtMs } = await raft
        .snapshot();
      const createdAt = new Date(createdAtMs).toISOString();
      return { id, lastIncludedIndex, lastIncludedTerm, sizeBytes, createdAt };
    },
    getBackup: async ({ query: { level } }, { timeoutMs, signal }) => {
      const chunks = admin.takeBackup({ local: level === "local", timeoutMs, signal });
      const iterator = chunks[Symbol.asyncIterator]();
      // What goes wrong before the first byte can still be said.
      const first = await iterator.next();
      const body = streamOf(resumed(first, iterator), () => void iterator.return?.());
      return new Response(body, {
        headers: {
          "content-type": "application/vnd.coracle.backup",
          "content-disposition": 'attachment; filename="coracle.backup"',
        },
      });
    },
    restoreBackup: async ({ body }, { signal }) => {
      // Before all of it is sent in vain.
      if (raft.state !== "leader") throw new NotLeaderError(raft.leader);
      return { sizeBytes: await admin.restoreBackup(body, signal) };
    },

    getLogLevel: () => ({ level: admin.logLevel }),
    putLogLevel: ({ body: { level } }) => {
      const previousLevel = admin.logLevel;
      admin.logLevel = level;
      return { level, previousLevel };
    },

    getLive: () => {
      if (raft.state !== "shutdown") return { live: true };
      throw new HttpError(503, "shutdown", "the node has stopped");
    },
    getReady: async () => {
      const problem = await readiness.problem();
      if (problem !== undefined) throw new HttpError(503, "not-ready", problem);
      return { ready: true, leader: raft.leader?.id ?? node.id };
    },
    getMetrics: async () => {
      const { contentType, text } = await metrics();
      return new Response(text, { headers: { "content-type": contentType } });
    },
    getOpenApi: () => Response.json(description),
  };
}

function memberOf({ id, address, suffrage, clientAddress, httpUrl }: MemberStatus) {
  return { id, address, suffrage, clientAddress, httpUrl };
}

function prevIndexOf(previousIndex: number | undefined): { readonly prevIndex?: Index } {
  return previousIndex === undefined ? {} : { prevIndex: toIndex(previousIndex) };
}

function knownAddress(raft: HttpRaft, id: string): string {
  const { servers } = raft.configuration().configuration;
  const known = servers.find((server) => server.id === id)?.address;
  if (known !== undefined) return known;
  throw new HttpError(
    400,
    "invalid-argument",
    `address is missing, and ${JSON.stringify(id)} is no member; allowed is host:port`,
  );
}

/** Each word with its index. Throws the error if there is one for all words, and else what has become of each. */
function added(
  words: readonly string[],
  results: readonly PromiseSettledResult<Applied<unknown>>[],
): { word: string; index: number }[] {
  const failure = results.find((result) => result.status === "rejected");
  if (failure === undefined) {
    return results.map((result, at) => ({
      word: words[at]!,
      index: (result as PromiseFulfilledResult<Applied<unknown>>).value.index,
    }));
  }
  const { reason } = failure;
  if (words.length === 1 || !(reason instanceof RaftError)) throw reason;
  const each = results.map((result, at): NonNullable<Problem["words"]>[number] => {
    const word = words[at]!;
    if (result.status === "fulfilled") return { word, index: result.value.index };
    const { code, outcome } = result.reason as RaftError;
    return { word, code, outcome };
  });
  // Nobody knows where to send them on to if some are written: the client must choose which.
  if (each.every(({ code }) => code === "not-leader")) throw reason;
  const outcomes = new Set(each.map(({ outcome }) => outcome));
  const [only] = outcomes;
  throw new HttpError(statusOf(reason), reason.code, reason.message, {
    outcome: outcomes.size === 1 && only !== undefined ? only : "unknown",
    words: each,
  });
}

async function* resumed<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  for (let next = first; !next.done; next = await rest.next()) yield next.value;
}

/** `chunks` as a body; `ended` is called once, when they have ended or nobody reads on. */
function streamOf(
  chunks: AsyncGenerator<Uint8Array>,
  ended: () => void,
): ReadableStream<Uint8Array> {
  let cancelled = false;
  return new ReadableStream({
    async pull(controller) {
      try {
        const { value, done } = await chunks.next();
        if (cancelled) return;
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        if (cancelled) return;
        ended();
        throw error;
      }
      ended();
    },
    cancel() {
      cancelled = true;
      ended();
    },
  }, { highWaterMark: 0 });
}
