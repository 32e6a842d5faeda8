/**
 * One thing that a session wants in the log: submitted again and again until there is an answer, or an end.
 *
 * @module
 */
import type { CallOptions } from "../driver/calls.ts";
import {
  AbortedError,
  CommitTimeoutError,
  EnqueueTimeoutError,
  RaftError,
} from "../model/errors.ts";
import type { CancelTimer } from "../ports/clock.ts";
import type { Deadline, Deadlines, SessionClock } from "./deadlines.ts";

/** What all submissions of a session share. */
export interface SubmissionHost {
  /** Tells the time. */
  readonly clock: SessionClock;
  /** Their deadlines. */
  readonly deadlines: Deadlines;
  /** The pause after the first attempt that failed, in milliseconds; each further one is twice as long. */
  readonly retryMinMs: number;
  /** The longest pause. */
  readonly retryMaxMs: number;
  /** From 0 to 1: how much of the second half of a pause is waited, so that clients do not come in step. */
  readonly random: () => number;
}

/** What is known of a command that has no answer. */
export type OpenOutcome = "not-written" | "unknown";

/** See the module's description. */
export class Submission<Answer> {
  /** The answer. Rejects with a `RaftError`, or what `send` rejects with if that is none. */
  readonly answer: Promise<Answer>;
  readonly #host: SubmissionHost;
  readonly #send: (options: CallOptions) => Promise<Answer>;
  readonly #deadline: Deadline;
  readonly #signal: AbortSignal | undefined;
  readonly #abort: () => void;
  #resolve!: (answer: Answer) => void;
  #reject!: (error: unknown) => void;
  #isSettled = false;
  #isUnderWay = false;
  #mayBeWritten = false;
  #lastError: unknown;
  #attempts = 0;
  #sentAtMs = 0;
  #cancelPause: CancelTimer | undefined;

  /** Makes the first attempt. `send` submits once; `options` must have no `callProblem`. */
  constructor(
    host: SubmissionHost,
    send: (options: CallOptions) => Promise<Answer>,
    { timeoutMs = Infinity, signal }: CallOptions,
  ) {
    this.#host = host;
    this.#send = send;
    this.#signal = signal;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#deadline = {
      atMs: host.clock.now() + timeoutMs,
      passed: () => this.#timedOut(timeoutMs),
    };
    this.#abort = () => this.end((outcome) => new AbortedError(outcome, signal?.reason));
    host.deadlines.add(this.#deadline);
    signal?.addEventListener("abort", this.#abort, { once: true });
    this.#attempt();
  }

  /** Whether an attempt that has ended, or is under way, may have been written. */
  get outcome(): OpenOutcome {
    return this.#mayBeWritten || this.#isUnderWay ? "unknown" : "not-written";
  }

  /** When the latest attempt began. What is answered was written after that. */
  get sentAtMs(): number {
    return this.#sentAtMs;
  }

  /** Ends it with an error, unless it has ended. */
  end(error: (outcome: OpenOutcome) => RaftError): void {
    if (this.#settle()) this.#reject(error(this.outcome));
  }

  #attempt(): void {
    this.#sentAtMs = this.#host.clock.now();
    const leftMs = Math.max(0, this.#deadline.atMs - this.#sentAtMs);
    this.#isUnderWay = true;
    this.#attempts += 1;
    this.#sendOnce({
      ...leftMs < Infinity && { timeoutMs: leftMs },
      ...this.#signal !== undefined && { signal: this.#signal },
    }).then(
      (answer) => {
        this.#isUnderWay = false;
        if (this.#settle()) this.#resolve(answer);
      },
      (error) => {
        this.#isUnderWay = false;
        if (!this.#isSettled) this.#failed(error);
      },
    );
  }

  /** What `send` throws counts like what it rejects with. */
  async #sendOnce(options: CallOptions): Promise<Answer> {
    return await this.#send(options);
  }

  #failed(error: unknown): void {
    this.#lastError = error;
    if (error instanceof RaftError && error.outcome === "unknown") this.#mayBeWritten = true;
    if (!(error instanceof RaftError) || this.#isFinal(error)) {
      if (this.#settle()) this.#reject(error);
      return;
    }
    const { clock, retryMinMs, retryMaxMs, random } = this.#host;
    const wholeMs = Math.min(retryMaxMs, retryMinMs * 2 ** (this.#attempts - 1));
    const pauseMs = wholeMs * (1 + random()) / 2;
    this.#cancelPause = clock.setTimer(pauseMs, () => this.#attempt());
  }

  /** Whether trying again could change nothing. */
  #isFinal({ code, outcome }: RaftError): boolean {
    if (outcome === "failed") return true;
    // As long as an earlier attempt may have been written, "not written" would not be true of all of them.
    return !this.#mayBeWritten && (code === "command-too-large" || code === "invalid-config");
  }

  #timedOut(timeoutMs: number): void {
    this.end((outcome) => {
      const error = outcome === "unknown"
        ? new CommitTimeoutError(timeoutMs)
        : new EnqueueTimeoutError(timeoutMs);
      if (this.#lastError !== undefined) error.cause = this.#lastError;
      return error;
    });
  }

  /** Lets go of everything. Returns whether it had not ended yet. */
  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#host.deadlines.delete(this.#deadline);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#cancelPause?.();
    return true;
  }
}
