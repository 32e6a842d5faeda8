/**
 * Changes of the membership, as callers ask for them: one step, or the steps to a whole configuration.
 *
 * @module
 */
import {
  ConfigurationChangedError,
  ConfigurationInProgressError,
  EnqueueTimeoutError,
  InvalidConfigurationError,
  LeadershipLostError,
  type Outcome,
  OverloadedError,
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
import { type ConfigurationChange, equalConfigurations, nextChange } from "../model/membership.ts";
import { type Index, NO_INDEX, type Term } from "../model/numbers.ts";
import { callProblem } from "../ports/given.ts";
import type { ConfigurationProposed, ConfigurationRefusal } from "../consensus/effect.ts";
import type { ChangeConfiguration } from "../consensus/input.ts";
import type { Clock } from "../ports/clock.ts";
import type { CallOptions } from "./calls.ts";
import { endEarly } from "./endings.ts";

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
  /** The settings of this moment. */
  config(): { readonly pendingCallsMax: number };
  /** Takes a change to the consensus. */
  input(input: ChangeConfiguration): void;
  /** The configuration in force. */
  latest(): IndexedConfiguration;
  /** The last entry known to be committed. */
  commitIndex(): Index;
  /** Why nothing can be changed here, if that is so: the node does not lead, or is stopped. */
  notLeading(): RaftError | undefined;
  /** The node's term. */
  term(): Term;
  /** {@linkcode Membership.isUnderWay} may have changed. */
  stepsChanged(): void;
}

/** A call that has no answer yet. It waits for one thing at a time. */
interface OpenCall {
  /** The configuration that it wants in the end, if it wants a whole one. */
  target: Configuration | undefined;
  /** What has become of it so far. */
  outcome: Outcome;
  /** Looks whether what it waits for has come. */
  look: () => void;
  /** Ends what it waits for with an error. */
  end: (error: unknown) => void;
  /** What ended it, while it waited for nothing. */
  error: RaftError | undefined;
}

/** An entry that was appended. */
interface Appended {
  readonly index: Index;
  /** In another term the entry at `index` may be another one. */
  readonly term: Term;
}

/** See the module's description. */
export class Membership {
  readonly #host: MembershipHost;
  readonly #clock: Clock;
  readonly #open = new Set<OpenCall>();
  /** The calls whose `changeConfiguration` input is not answered yet, in order. */
  readonly #asked: ((answer: ConfigurationProposed) => void)[] = [];

  /** Nothing is asked for yet. */
  constructor(host: MembershipHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** Whether a change is under way, which may take several steps. */
  get isUnderWay(): boolean {
    return this.#open.size > 0;
  }

  /** Makes one change. Resolves with the index of its entry when it is committed, and for a staging server when it votes. */
  change(change: ConfigurationChange, options: ChangeOptions): Promise<Index> {
    return this.#call(options, (call) => this.#change(call, change, options.prevIndex));
  }

  /**
   * Changes the membership into `target`, one safe step after the other. If it is interrupted, the same call (here or at the
   * next leader) goes on where it ended. A call with another target takes its place.
   */
  changeTo(target: Configuration, options: CallOptions): Promise<Index> {
    const problem = configurationProblem(target);
    if (problem !== undefined) return Promise.reject(new InvalidConfigurationError(problem));
    // Copies: the caller may go on with its own. Who is to vote when it has caught up is to vote.
    const servers = target.servers.map((server) => ({
      ...server,
      suffrage: server.suffrage === "staging" ? "voter" : server.suffrage,
    }));
    return this.#call(options, (call) => this.#changeTo(call, { servers }));
  }

  /** The answer to the oldest `changeConfiguration` input that has none. */
  proposed(effect: ConfigurationProposed): void {
    this.#asked.shift()!(effect);
  }

  /** Something that a call may wait for has happened: a commit, another configuration, another role. */
  refresh(): void {
    for (const call of this.#open) call.look();
  }

  /** Every call ends, since the node stops. */
  close(cause: unknown): void {
    for (const call of this.#open) end(call, new ShutdownError(call.outcome, cause));
  }

  async #call(options: CallOptions, work: (call: OpenCall) => Promise<Index>): Promise<Index> {
    const { pendingCallsMax } = this.#host.config();
    if (this.#open.size >= pendingCallsMax) {
      throw new OverloadedError("pendingCallsMax", pendingCallsMax);
    }
    const problem = this.#host.notLeading() ?? callProblem(options);
    if (problem !== undefined) throw problem;
    if (options.timeoutMs === 0) throw new EnqueueTimeoutError(0);
    const call: OpenCall = {
      target: undefined,
      outcome: "not-written",
      look: () => {},
      end: () => {},
      error: undefined,
    };
    this.#open.add(call);
    this.#host.stepsChanged();
    const stopWatching = endEarly(
      options,
      this.#clock,
      () => call.outcome,
      (error) => end(call, error),
    );
    try {
      return await work(call);
    } finally {
      stopWatching();
      this.#open.delete(call);
      this.#host.stepsChanged();
    }
  }

  async #change(
    call: OpenCall,
    change: ConfigurationChange,
    prevIndex: Index | undefined,
  ): Promise<Index> {
    const { index, term } = await this.#propose(call, change, prevIndex);
    await this.#until(call, term, () => this.#host.commitIndex() >= index || undefined);
    if (change.type !== "addVoter" || change.immediately) return index;
    return await this.#until(call, term, () => {
      const { index: latestIndex, configuration } = this.#host.latest();
      const suffrage = findServer(configuration, change.id)?.suffrage;
      if (suffrage === "staging" || this.#host.commitIndex() < latestIndex) return undefined;
      if (suffrage === "voter") return latestIndex;
      // Somebody else has taken it out again.
      throw new ConfigurationChangedError(index, latestIndex, "failed");
    });
  }

  async #changeTo(call: OpenCall, target: Configuration): Promise<Index> {
    const term = this.#host.term();
    this.#supersede(target);
    call.target = target;
    for (;;) {
      const { index, configuration } = this.#host.latest();
      const committed = this.#host.commitIndex();
      const change = nextChange(configuration, target, this.#host.id);
      const isStaging = configuration.servers.some(({ suffrage }) => suffrage === "staging");
      // Reached, perhaps by a last step that has cost this node its office.
      if (committed >= index && change === undefined && !isStaging) return index;
      if (committed < index) {
        // A step that somebody else began, or this call before it was interrupted, comes to its end first.
        await this.#until(call, term, () => this.#host.commitIndex() >= index || undefined);
      } else if (change === undefined) {
        await this.#until(call, term, () => this.#host.latest().index > index || undefined);
      } else await this.#step(call, term, change);
    }
  }

  /** Two calls with different targets would undo each other's steps for ever: the later one is what is wanted. */
  #supersede(target: Configuration): void {
    const { index } = this.#host.latest();
    for (const call of this.#open) {
      if (call.target === undefined || equalConfigurations(call.target, target)) continue;
      end(call, new ConfigurationChangedError(index, index, call.outcome));
    }
  }

  async #step(call: OpenCall, term: Term, change: ConfigurationChange): Promise<void> {
    const committed = this.#host.commitIndex();
    try {
      await this.#change(call, change, undefined);
    } catch (error) {
      // Nothing of this leader's term is committed yet, or a server that had caught up was promoted at this moment.
      if (!(error instanceof ConfigurationInProgressError)) throw error;
      await this.#until(call, term, () => this.#host.commitIndex() > committed || undefined);
    }
  }

  #propose(
    call: OpenCall,
    change: ConfigurationChange,
    prevIndex: Index | undefined,
  ): Promise<Appended> {
    return new Promise((resolve, reject) => {
      if (call.error !== undefined) return reject(call.error);
      const before = call.outcome;
      // Until the answer is there: a step may be under way that this one has to wait for.
      call.outcome = "unknown";
      call.end = reject;
      this.#asked.push(({ index, refusal }) => {
        call.end = () => {};
        if (index === undefined) {
          call.outcome = before;
          reject(this.#error(refusal!, prevIndex));
        } else resolve({ index, term: this.#host.term() });
      });
      const appendedAtMs = this.#clock.wallTime();
      this.#host.input({ type: "changeConfiguration", change, prevIndex, appendedAtMs });
    });
  }

  #error(refusal: ConfigurationRefusal, prevIndex: Index | undefined): RaftError {
    switch (refusal.type) {
      case "not-leader":
        return this.#host.notLeading() ?? new LeadershipLostError("not-written");
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

  /** Resolves when `fact` has a value in `term`. Rejects if the call ends, or this node leads that term no longer. */
  #until<Fact>(call: OpenCall, term: Term, fact: () => Fact | undefined): Promise<Fact> {
    return new Promise((resolve, reject) => {
      if (call.error !== undefined) return reject(call.error);
      const done = () => {
        call.look = () => {};
        call.end = () => {};
      };
      call.end = (error) => {
        done();
        reject(error);
      };
      call.look = () => {
        try {
          const value = this.#host.term() === term ? fact() : undefined;
          if (value !== undefined) {
            done();
            resolve(value);
          } else if (this.#host.notLeading() !== undefined || this.#host.term() !== term) {
            call.end(new LeadershipLostError(call.outcome));
          }
        } catch (error) {
          call.end(error);
        }
      };
      call.look();
    });
  }
}

function end(call: OpenCall, error: RaftError): void {
  call.error ??= error;
  call.end(call.error);
}
