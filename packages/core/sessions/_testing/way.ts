/**
 * The way from a client to a cluster, as bad as a test wants it.
 *
 * @module
 */
import type { Applied } from "../../driver/calls.ts";
import type { ApplyOptions } from "../../driver/options.ts";
import { CommitTimeoutError, LeadershipLostError, NotLeaderError } from "../../model/errors.ts";
import { toIndex } from "../../model/numbers.ts";
import type { Fsm } from "../../ports/fsm.ts";
import type { SessionResponse } from "../response.ts";
import { entryOf } from "./log.ts";

/**
 * What becomes of one attempt:
 * - `ok`: it is written and answered.
 * - `refused`: nothing is written, and the client hears so.
 * - `answer lost`: it is written; the client hears that nobody knows.
 * - `request lost`: it is not written; the client hears that nobody knows.
 * - `late`: the client hears that nobody knows; it is written when the test calls {@linkcode Way.deliver}.
 * - `silent`: it is written, and the client hears nothing at all.
 * - an error: nothing is written, and that is what the client hears; or hears later, if it is the promise of one.
 */
export type Fate =
  | "ok"
  | "refused"
  | "answer lost"
  | "request lost"
  | "late"
  | "silent"
  | Error
  | Promise<Error>;

/** One attempt, as it left the client. */
export interface Attempt {
  readonly atMs: number;
  readonly data: Uint8Array;
  readonly options: ApplyOptions;
}

/** See the module's description. */
export class Way<Response> {
  /** All attempts so far. */
  readonly attempts: Attempt[] = [];
  /** What becomes of the next attempts; `ok` when there are no more. */
  fates: Fate[] = [];
  /** Index of the last entry. */
  index = 0;
  /** How far the cluster's clock is ahead of the client's, in milliseconds. */
  aheadMs = 0;
  readonly #late: (() => Promise<unknown>)[] = [];

  /** `now`: the client's clock. */
  constructor(
    readonly fsm: Fsm<SessionResponse<Response>>,
    readonly now: () => number,
  ) {}

  /** What a session is opened with. */
  readonly apply = async (
    data: Uint8Array,
    options: ApplyOptions,
  ): Promise<Applied<SessionResponse<Response>>> => {
    this.attempts.push({ atMs: this.now(), data, options });
    const write = () => this.write(data, options);
    const fate = this.fates.shift() ?? "ok";
    if (typeof fate !== "string") throw await fate;
    switch (fate) {
      case "ok":
        return await write();
      case "refused":
        throw new NotLeaderError(undefined);
      case "answer lost":
        await write();
        throw new LeadershipLostError();
      case "request lost":
        throw new LeadershipLostError();
      case "late":
        this.#late.push(write);
        throw new CommitTimeoutError(1);
      case "silent":
        await write();
        return await new Promise(() => {});
    }
  };

  /** Writes what is late, the latest first; at most `most`. */
  async deliver(most = Infinity): Promise<void> {
    for (let left = most; left > 0 && this.#late.length > 0; left -= 1) await this.#late.pop()!();
  }

  /** Appends and applies an entry. */
  async write(
    data: Uint8Array,
    { extensions }: ApplyOptions,
  ): Promise<Applied<SessionResponse<Response>>> {
    this.index += 1;
    const entry = {
      ...entryOf(this.index, { data, atMs: this.now() + this.aheadMs }),
      extensions: Uint8Array.from(extensions ?? []),
    };
    return { index: toIndex(this.index), response: await this.fsm.apply(entry) };
  }
}
