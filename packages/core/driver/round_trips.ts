/**
 * Matches messages with their answers, to measure what hashicorp/raft measures of a call: for a leader and a candidate the
 * way there and back, for a follower the time until it answers. Messages may be lost, repeated and reordered; what has no
 * answer is forgotten with the term, or when it is sent again.
 *
 * @module
 */
import type { ServerId } from "../model/configuration.ts";
import type { EntryRun } from "../model/entry_run.ts";
import type { Append, AppendAccepted, AppendRejected, Message } from "../model/message.ts";
import type { Index, Term } from "../model/numbers.ts";
import type { Meter } from "./meter.ts";

/** The round in which a leader begins. Heartbeats open the next ones; only commit news carry this one. */
const FIRST_ROUND = 1;

/** Entries on their way to a follower, or on their way to its disk. */
interface Flight {
  readonly term: Term;
  readonly firstIndex: Index;
  readonly lastIndex: Index;
  readonly sinceMs: number;
}

/** What is on its way to one follower. */
interface Outgoing {
  /** In order, without overlaps. */
  readonly flights: Flight[];
  /** The heartbeat whose answer is waited for. */
  heartbeat: { readonly round: number; readonly sinceMs: number } | undefined;
  /** The latest round that was in a heartbeat. */
  lastRound: number;
}

/** A request for a vote. */
interface Ballot {
  readonly term: Term;
  readonly sinceMs: number;
}

/** See the module's description. */
export class RoundTrips {
  readonly #meter: Meter;
  readonly #outgoing = new Map<ServerId, Outgoing>();
  readonly #votes = new Map<ServerId, Ballot>();
  readonly #preVotes = new Map<ServerId, Ballot>();
  readonly #incoming: Flight[] = [];
  readonly #askedForVote = new Map<ServerId, number>();
  readonly #askedForPreVote = new Map<ServerId, number>();

  /** Nothing is on its way. */
  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /**
   * This node has sent `message`, which was decided at `sinceMs`. `heartbeatTimeoutMs`: after this long without an answer a
   * heartbeat counts as lost.
   */
  sent(to: ServerId, message: Message, sinceMs: number, heartbeatTimeoutMs: number): void {
    switch (message.type) {
      case "append":
        if (message.entries === undefined) {
          this.#sentHeartbeat(to, message, sinceMs, heartbeatTimeoutMs);
        } else this.#sentEntries(to, message.term, message.entries, sinceMs);
        break;
      case "appendAccepted":
      case "appendRejected":
        this.#answered(message);
        break;
      case "vote":
        this.#votes.set(to, { term: message.term, sinceMs });
        break;
      case "preVote":
        this.#preVotes.set(to, { term: message.term, sinceMs });
        break;
      case "voteResult":
        this.#end("rpc.requestVote", this.#askedForVote, to);
        break;
      case "preVoteResult":
        this.#end("rpc.requestPreVote", this.#askedForPreVote, to);
        break;
    }
  }

  /** `message` has arrived. */
  arrived(from: ServerId, message: Message, nowMs: number): void {
    switch (message.type) {
      case "append":
        if (message.entries !== undefined) {
          this.#incoming.push(flightOf(message.term, message.entries, nowMs));
        }
        break;
      case "appendAccepted":
      case "appendRejected":
        this.#heard(from, message, nowMs);
        break;
      case "vote":
        this.#askedForVote.set(from, nowMs);
        break;
      case "preVote":
        this.#askedForPreVote.set(from, nowMs);
        break;
      case "voteResult":
        this.#counted(this.#votes, from, message.term, message.granted, nowMs);
        break;
      case "preVoteResult":
        this.#counted(this.#preVotes, from, message.proposedTerm, true, nowMs);
        break;
    }
  }

  /** The node is in `term` now, or leads no longer: what a leader of an earlier term has sent, and what this one has, is not waited for. */
  forget(term: Term): void {
    this.#outgoing.clear();
    const kept = this.#incoming.filter((flight) => flight.term >= term);
    this.#incoming.splice(0, this.#incoming.length, ...kept);
  }

  /** What was on its way to `peer` may be lost. */
  lost(peer: ServerId): void {
    this.#outgoing.delete(peer);
  }

  #sentEntries(to: ServerId, term: Term, entries: EntryRun, nowMs: number): void {
    this.#meter.count("replication.appendEntries.logs", entries.count, this.#meter.peerLabels(to));
    const { flights } = this.#to(to);
    // What is sent again was lost, and everything after it.
    while (flights.length > 0 && flights[flights.length - 1]!.lastIndex >= entries.firstIndex) {
      flights.pop();
    }
    flights.push(flightOf(term, entries, nowMs));
  }

  #sentHeartbeat(to: ServerId, { round }: Append, nowMs: number, timeoutMs: number): void {
    const outgoing = this.#to(to);
    // Commit news carry the round of the heartbeat before.
    if (round <= outgoing.lastRound) return;
    outgoing.lastRound = round;
    const { heartbeat } = outgoing;
    if (heartbeat !== undefined && nowMs - heartbeat.sinceMs < timeoutMs) return;
    outgoing.heartbeat = { round, sinceMs: nowMs };
  }

  /** A follower has answered this leader. */
  #heard(from: ServerId, message: AppendAccepted | AppendRejected, nowMs: number): void {
    const outgoing = this.#outgoing.get(from);
    if (outgoing === undefined) return;
    const { flights, heartbeat } = outgoing;
    const labels = this.#meter.peerLabels(from);
    if (heartbeat !== undefined && message.round >= heartbeat.round) {
      this.#meter.sample("replication.heartbeat", nowMs - heartbeat.sinceMs, labels);
      outgoing.heartbeat = undefined;
    }
    const answered = message.type === "appendAccepted"
      ? takeUpTo(flights, message.matchIndex)
      : takeAfter(flights, message.rejectedIndex);
    for (const { sinceMs } of answered) {
      this.#meter.sample("replication.appendEntries.rpc", nowMs - sinceMs, labels);
    }
  }

  /** This follower answers its leader. */
  #answered(message: AppendAccepted | AppendRejected): void {
    const answered = message.type === "appendAccepted"
      ? takeUpTo(this.#incoming, message.matchIndex)
      : takeAfter(this.#incoming, message.rejectedIndex);
    if (answered.length === 0) return;
    const nowMs = this.#meter.now();
    for (const { sinceMs } of answered) {
      this.#meter.sample("rpc.appendEntries", nowMs - sinceMs);
    }
  }

  /** A voter has answered this candidate. */
  #counted(
    ballots: Map<ServerId, Ballot>,
    from: ServerId,
    term: Term,
    isOfThatTerm: boolean,
    nowMs: number,
  ): void {
    const ballot = ballots.get(from);
    // A late answer to an earlier question. Who refuses may be in any term.
    if (ballot === undefined || (isOfThatTerm && term !== ballot.term)) return;
    ballots.delete(from);
    const name = ballots === this.#votes ? "candidate.electSelf" : "candidate.preElectSelf";
    this.#meter.sample(name, nowMs - ballot.sinceMs);
  }

  #end(
    name: "rpc.requestVote" | "rpc.requestPreVote",
    asked: Map<ServerId, number>,
    to: ServerId,
  ): void {
    const sinceMs = asked.get(to);
    if (sinceMs === undefined) return;
    asked.delete(to);
    this.#meter.sample(name, this.#meter.now() - sinceMs);
  }

  #to(peer: ServerId): Outgoing {
    let outgoing = this.#outgoing.get(peer);
    if (outgoing === undefined) {
      outgoing = { flights: [], heartbeat: undefined, lastRound: FIRST_ROUND };
      this.#outgoing.set(peer, outgoing);
    }
    return outgoing;
  }
}

function flightOf(term: Term, { firstIndex, lastIndex }: EntryRun, sinceMs: number): Flight {
  return { term, firstIndex, lastIndex, sinceMs };
}

/** Takes out the flights at the front that end at or before `matchIndex`. */
function takeUpTo(flights: Flight[], matchIndex: Index): Flight[] {
  let count = 0;
  while (count < flights.length && flights[count]!.lastIndex <= matchIndex) count += 1;
  return flights.splice(0, count);
}

/** Takes out the flight that follows `index`, which was refused. */
function takeAfter(flights: Flight[], index: Index): Flight[] {
  const at = flights.findIndex(({ firstIndex }) => firstIndex === index + 1);
  return at === -1 ? [] : flights.splice(at, 1);
}
