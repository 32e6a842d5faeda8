/**
 * Changes of the membership, as callers ask for them.
 *
 * @module
 */
import {
  AbortedError,
  CommitTimeoutError,
  ConfigurationChangedError,
  ConfigurationInProgressError,
  InvalidConfigurationError,
  LeadershipLostError,
  type RaftError,
  ShutdownError,
  TransferInProgressError,
} from "../model/errors.ts";
import {
  type Configuration,
  configurationProblem,
  findServer,
  type IndexedConfiguration,
  type ServerId,
} from "../model/configuration.ts";
import { assertNever } from "../model/assert.ts";
import { type ConfigurationChange, nextChange } from "../model/membership.ts";
import { type Index, NO_INDEX, NO_TERM, type Term } from "../model/numbers.ts";
import type { ConfigurationProposed, ConfigurationRefusal } from "../consensus/effect.ts";
import type { ChangeConfiguration } from "../consensus/input.ts";
import type { Clock } from "../ports/clock.ts";
import { type CallOptions, callProblem } from "./calls.ts";
import { Watchers } from "./watchers.ts";

/** How a change of the membership is asked for. */
export interface ChangeOptions extends CallOptions {
  /** Refuse the change unless the configuration in force is the one at this index. */
  readonly prevIndex?: Index;
}

/** How a voter is added. */
export interface AddVoterOptions extends ChangeOptions {
  /** Let it vote at once instead of when it has caught up. Default false. hashicorp/raft does this. */
  readonly immediately?: boolean;
}

/** What {@linkcode Membership} needs of its node. */
export interface MembershipHost {
  /** This node. */
  readonly id: ServerId;
  /** Takes a change to the consensus. */
  input(input: ChangeConfiguration): void;
  /** The configuration in force. */
  latest(): IndexedConfiguration;
  /** The last entry known to be committed. */
  commitIndex(): Index;
  /** This node does not lead, or is stopped. */
  notLeader(): RaftError;
  /** Whether this node leads. */
  isLeader(): boolean;
  /** The node's term. */
  term(): Term;
}

/** A point in the life of the configuration: which is in force, and what is committed. */
interface News {
  readonly latest: IndexedConfiguration;
  readonly commitIndex: Index;
  readonly isLeader: boolean;
  readonly term: Term;
}

/** See the module's description. */
export class Membership {
  readonly #host: MembershipHost;
  readonly #clock: Clock;
  readonly #news: Watchers<News>;
  #answer: ConfigurationProposed | undefined;

  /** Nothing is asked for yet. */
  constructor(host: MembershipHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
    this.#news = new Watchers<News>({
      latest: { index: NO_INDEX, configuration: { servers: [] } },
      commitIndex: NO_INDEX,
      isLeader: false,
      term: NO_TERM,
    });
  }

  /** Makes one change. Resolves with the index of its entry when it is committed, and for a staging server when it votes. */
  async change(change: ConfigurationChange, options: ChangeOptions): Promise<Index> {
    const problem = callProblem(options);
    if (problem !== undefined) throw problem;
    const index = this.#propose(change, options.prevIndex);
    // In another term the entry at `index` may be another one.
    await this.#until((news) => news.commitIndex >= index, options);
    const staged = change.type === "addVoter" && !change.immediately;
    if (!staged) return index;
    const votes = (configuration: Configuration) =>
      findServer(configuration, change.id)?.suffrage === "voter";
    const { latest } = await this.#until(
      (news) => votes(news.latest.configuration) && news.commitIndex >= news.latest.index,
      options,
    );
    return latest.index;
  }

  /**
   * Changes the membership into `target`, one safe step after the other. If it is interrupted, the same call (here or at the
   * next leader) goes on where it ended.
   */
  async changeTo(target: Configuration, options: CallOptions): Promise<Index> {
    const problem = configurationProblem(target);
    if (problem !== undefined) throw new InvalidConfigurationError(problem);
    const invalid = callProblem(options);
    if (invalid !== undefined) throw invalid;
    const begunMs = this.#clock.now();
    if (!this.#host.isLeader()) throw this.#host.notLeader();
    for (;;) {
      const rest = this.#rest(options, begunMs);
      // A step that somebody else began, or this call before it was interrupted, comes to its end first.
      await this.#until((news) => news.commitIndex >= news.latest.index, rest);
      const { index, configuration } = this.#host.latest();
      const change = nextChange(configuration, target, this.#host.id);
      if (change !== undefined) await this.change(change, this.#rest(options, begunMs));
      else if (configuration.servers.some((server) => server.suffrage === "staging")) {
        await this.#until((news) => news.latest.index > index, rest);
      } else return index;
    }
  }

  /** The answer to a `changeConfiguration` input. */
  proposed(effect: ConfigurationProposed): void {
    this.#answer = effect;
  }

  /** Something that a change may wait for has happened. */
  refresh(): void {
    this.#news.publish({
      latest: this.#host.latest(),
      commitIndex: this.#host.commitIndex(),
      isLeader: this.#host.isLeader(),
      term: this.#host.term(),
    });
  }

  /** Ends what waits. */
  close(): void {
    this.#news.close();
  }

  #propose(change: ConfigurationChange, prevIndex: Index | undefined): Index {
    this.#answer = undefined;
    const appendedAtMs = this.#clock.wallTime();
    this.#host.input({ type: "changeConfiguration", change, prevIndex, appendedAtMs });
    // The answer comes in the same step; without one the node is stopped.
    const answer = this.#answer as ConfigurationProposed | undefined;
    if (answer === undefined) throw this.#host.notLeader();
    if (answer.index !== undefined) return answer.index;
    throw this.#error(answer.refusal!, prevIndex);
  }

  #error(refusal: ConfigurationRefusal, prevIndex: Index | undefined): RaftError {
    switch (refusal.type) {
      case "not-leader":
        return this.#host.notLeader();
      case "transferring":
        return new TransferInProgressError();
      case "in-progress":
        return new ConfigurationInProgressError();
      case "changed":
        return new ConfigurationChangedError(prevIndex ?? NO_INDEX, refusal.latestIndex);
      case "impossible":
        return new InvalidConfigurationError(refusal.problem);
      default:
        return assertNever(refusal);
    }
  }

  async #until(fact: (news: News) => boolean, options: CallOptions): Promise<News> {
    const { timeoutMs, signal } = options;
    const term = this.#host.term();
    const stop = new AbortController();
    const abort = () => stop.abort(new AbortedError("unknown", signal?.reason));
    signal?.addEventListener("abort", abort);
    const cancel = timeoutMs === undefined ? undefined : this.#clock.setTimer(
      timeoutMs,
      () => stop.abort(new CommitTimeoutError(timeoutMs)),
    );
    try {
      this.refresh();
      for await (const news of this.#news.subscribe(stop.signal)) {
        if (news.term === term && fact(news)) return news;
        if (news.term !== term || !news.isLeader) throw new LeadershipLostError();
      }
      stop.signal.throwIfAborted();
      throw new ShutdownError("unknown");
    } finally {
      cancel?.();
      signal?.removeEventListener("abort", abort);
    }
  }

  #rest({ timeoutMs, signal }: CallOptions, begunMs: number): CallOptions {
    return {
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined
        ? {}
        : { timeoutMs: Math.max(0, timeoutMs - (this.#clock.now() - begunMs)) }),
    };
  }
}
