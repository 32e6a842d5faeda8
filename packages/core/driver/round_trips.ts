/**
 * Matches messages with their answers, to measure what hashicorp/raft measures of a call: for a leader and a candidate the
 * way there and back, for a follower the time until it answers. Messages may be lost, repeated and reordered. What was sent
 * more than once is not measured: nobody knows which of them an answer is for (Karn's rule, from the timers of TCP).
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
  /** The term in which this node sends. */
  readonly term: Term;
  /** In order, without overlaps; none of them was sent before. */
  flights: Flight[];
  /** The last entry that was sent. */
  lastIndex: number;
  /** The heartbeat whose answer is waited for. */
  heartbeat: { readonly round: number; readonly sinceMs: number } | undefined;
  /** The latest round that was in a heartbeat. */
  lastRound: number;
}

/** A request for a vote. */
interface Ballot {
  readonly term: Term;
  readonly sinceMs: number;
  readonly isRepeated: boolean;
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
        ask(this.#votes, to, message.term, sinceMs);
        break;
      case "preVote":
        ask(this.#preVotes, to, message.term, sinceMs);
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
        if (!this.#askedForVote.has(from)) this.#askedForVote.set(from, nowMs);
        break;
      case "preVote":
        if (!this.#askedForPreVote.has(from)) this.#askedForPreVote.set(from, nowMs);
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
    const outgoing = this.#outgoing.get(peer);
    if (outgoing === undefined) return;
    outgoing.flights = [];
    outgoing.heartbeat = undefined;
  }

  #sentEntries(to: ServerId, term: Term, entries: EntryRun, nowMs: number): void {
    this.#meter.count("replication.appendEntries.logs", entries.count, this.#meter.peerLabels(to));
    const outgoing = this.#to(to, term);
    if (entries.firstIndex > outgoing.lastIndex) {
      outgoing.flights.push(flightOf(term, entries, nowMs));
    } else dropFrom(outgoing.flights, entries.firstIndex);
    outgoing.lastIndex = Math.max(outgoing.lastIndex, entries.lastIndex);
  }

  #sentHeartbeat(to: ServerId, { term, round }: Append, nowMs: number, timeoutMs: number): void {
    const outgoing = this.#to(to, term);
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
    if (outgoing?.term !== message.term) return;
    const { flights, heartbeat } = outgoing;
    const labels = this.#meter.peerLabels(from);
    if (heartbeat !== undefined && message.round >= heartbeat.round) {
      this.#meter.sample("replication.heartbeat", nowMs - heartbeat.sinceMs, labels);
      outgoing.heartbeat = undefined;
    }
    if (message.type === "appendRejected") {
      dropFrom(flights, message.rejectedIndex + 1);
      return;
    }
    for (const { sinceMs } of takeUpTo(flights, message.matchIndex)) {
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
    if (ballot.isRepeated) return;
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

  #to(peer: ServerId, term: Term): Outgoing {
    let outgoing = this.#outgoing.get(peer);
    if (outgoing === undefined) {
      outgoing = {
        term,
        flights: [],
        lastIndex: 0,
        heartbeat: undefined,
        lastRound: FIRST_ROUND,
      };
      this.#outgoing.set(peer, outgoing);
    }
    return outgoing;
  }
}

function flightOf(term: Term, { firstIndex, lastIndex }: EntryRun, sinceMs: number): Flight {
  return { term, firstIndex, lastIndex, sinceMs };
}

function ask(ballots: Map<ServerId, Ballot>, to: ServerId, term: Term, sinceMs: number): void {
  ballots.set(to, { term, sinceMs, isRepeated: ballots.get(to)?.term === term });
}

/** Takes out the flights at the front that end at or before `matchIndex`. */
function takeUpTo(flights: Flight[], matchIndex: Index): Flight[] {
  let count = 0;
  while (count < flights.length && flights[count]!.lastIndex <= matchIndex) count += 1;
  return flights.splice(0, count);
}

/** Takes out the flights that reach `index` or beyond. */
function dropFrom(flights: Flight[], index: number): void {
  while (flights.length > 0 && flights[flights.length - 1]!.lastIndex >= index) flights.pop();
}

/** Takes out the flight that follows `index`, which was refused. */
function takeAfter(flights: Flight[], index: Index): Flight[] {
  const at = flights.findIndex(({ firstIndex }) => firstIndex === index + 1);
  return at === -1 ? [] : flights.splice(at, 1);
}
