/**
 * What a leader knows of one follower, and how much it may send it (thesis 10.2.1, pipelining).
 *
 * `probe`: the leader is looking for the place where the logs agree; one message at a time.
 * `replicate`: the place is known; messages follow each other without waiting, within the limits of
 * bytes and messages in flight.
 *
 * `snapshot`: what comes next is no longer in the log; a snapshot is on its way and nothing else.
 *
 * @module
 */
import type { Index } from "../model/numbers.ts";
import type { StoreId } from "../model/store_id.ts";

/** Entries that were sent and are not acknowledged yet. */
interface Flight {
  readonly lastIndex: Index;
  readonly sizeBytes: number;
}

/** A round of catching up: what was in the log when it began. */
export interface CatchUp {
  /** The last entry when the round began. */
  readonly targetIndex: Index;
  /** When that was. */
  readonly beganMs: number;
}

/** How the leader sends to a follower. */
export type ProgressMode = "probe" | "replicate" | "snapshot";

/** See the module's description. */
export class Progress {
  /** The store that all of this is about; `undefined` until the follower has answered. */
  storeId: StoreId | undefined;
  /** Another store that has answered under the follower's name, and does not count. */
  refusedStoreId: StoreId | undefined;
  /** How the leader sends at present. */
  mode: ProgressMode = "probe";
  /** The logs agree durably up to here. Does not decrease unless the follower's disk has lost what it had acknowledged. */
  matchIndex: Index;
  /** The latest round of a message whose answer has said so. */
  matchRound = 0;
  /** The next entry to send; in `probe` the one after the place that is looked at. */
  nextIndex: Index;
  /** In `probe`: a message is on its way and no more entries are sent before an answer to it or to a heartbeat. */
  paused = false;
  /** When the follower's last answer arrived. */
  lastContactMs: number;
  /** Whether it was told that the follower does not answer. */
  isSilent = false;
  /** The latest round that the follower has answered. */
  confirmedRound = 0;
  /** The commit index that was last sent. */
  sentCommit: Index;
  /** The round of catching up that it is in (thesis 4.2.1). */
  catchUp: CatchUp | undefined;
  /** The follower's priority, once it has said it. */
  priority: number | undefined;
  /** For a voter: since when it has kept up with the log, if it does. */
  keepsUpSinceMs: number | undefined;
  #flights: Flight[] = [];
  #inflightSizeBytes = 0;

  /** A follower of which nothing is known, except that it has to be told of `nextIndex`. */
  constructor(nextIndex: Index, nowMs: number) {
    this.matchIndex = 0 as Index;
    this.nextIndex = nextIndex;
    this.lastContactMs = nowMs;
    this.sentCommit = 0 as Index;
  }

  /** Bytes of entries on their way. */
  get inflightSizeBytes(): number {
    return this.#inflightSizeBytes;
  }

  /** Messages with entries on their way. */
  get inflightMessages(): number {
    return this.#flights.length;
  }

  /** Whether the follower lets another one, of the highest priority that a voter has, stand for election first, should there be no leader. */
  yieldsTo(highestPriority: number | undefined): boolean {
    return this.priority !== undefined && highestPriority !== undefined &&
      this.priority < highestPriority;
  }

  /** Entries up to `lastIndex` were sent. */
  sent(lastIndex: Index, sizeBytes: number): void {
    this.#flights.push({ lastIndex, sizeBytes });
    this.#inflightSizeBytes += sizeBytes;
    // A probe stays at its place until it is answered: the answer has to be recognised, and heartbeats repeat the question.
    if (this.mode === "probe") this.paused = true;
    else this.nextIndex = (lastIndex + 1) as Index;
  }

  /**
   * The follower agrees up to `matchIndex`. If that is the place that is probed, it is sent to without waiting from now
   * on, after what the probe carried; if the probe is lost, the next message finds out. The late answer to an earlier
   * message ends no probe: each of them would send everything once more. `round`: of the message that is answered.
   */
  accepted(matchIndex: Index, round: number): void {
    if (matchIndex >= this.matchIndex) {
      this.matchIndex = matchIndex;
      this.matchRound = Math.max(this.matchRound, round);
    }
    if (this.nextIndex <= this.matchIndex) this.nextIndex = (this.matchIndex + 1) as Index;
    if (this.mode !== "replicate") {
      if (this.mode === "probe" && this.matchIndex < this.nextIndex - 1) return;
      this.mode = "replicate";
      this.paused = false;
      const probe = this.#flights[0];
      if (probe !== undefined && probe.lastIndex >= this.nextIndex) {
        this.nextIndex = (probe.lastIndex + 1) as Index;
      }
    }
    let landed = 0;
    while (landed < this.#flights.length && this.#flights[landed]!.lastIndex <= this.matchIndex) {
      this.#inflightSizeBytes -= this.#flights[landed]!.sizeBytes;
      landed += 1;
    }
    if (landed > 0) this.#flights.splice(0, landed);
  }

  /** What comes next is no longer in the log: a snapshot is sent. */
  awaitSnapshot(): void {
    this.probe(this.nextIndex);
    this.mode = "snapshot";
    this.paused = true;
  }

  /** The follower no longer has what it had acknowledged: nothing is known of it. */
  forget(): void {
    this.matchIndex = 0 as Index;
    this.matchRound = 0;
  }

  /** What was sent may be lost: look again for the place where the logs agree, at `nextIndex`. */
  probe(nextIndex: Index): void {
    this.mode = "probe";
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1) as Index;
    this.paused = false;
    this.keepsUpSinceMs = undefined;
    this.#flights = [];
    this.#inflightSizeBytes = 0;
  }
}
