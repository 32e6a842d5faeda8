/**
 * What clients were told of their words, and what the disks of the nodes hold of them.
 *
 * Each word is sent once, whatever comes back, so each has one outcome and at most one place in the log. Logs are compacted
 * during a soak; they are looked at often enough that each acknowledged word is seen before, on the disks of a majority. Only what is not settled is kept:
 * what an hour brings has room in memory.
 *
 * @module
 */

/** A log as far as it was read: the words in it. */
export interface LogImage {
  /** Whose. */
  readonly nodeId: string;
  /** Index of its first entry. */
  readonly firstIndex: number;
  /** Index of the first entry that was looked at. */
  readonly fromIndex: number;
  /** Where each word from there on stands, in the order of the log: its index and its number, one pair after the other. */
  readonly words: Float64Array;
}

/** What the client was told, by the word's number. A word that was acknowledged has its index instead. */
const OPEN = 0;
const UNKNOWN = -1;
const NOT_WRITTEN = -2;

/** An acknowledged word that was not yet seen on enough disks. */
interface Unsettled {
  readonly number: number;
  readonly seenOn: Set<string>;
}

/** See the module's description. */
export class Book {
  /** How many words a node has acknowledged. */
  acknowledged = 0;
  /** How many words a node has refused as not written. */
  notWritten = 0;
  /** How many words may or may not have been written. */
  unknown = 0;
  /** How many acknowledged words were seen on the disks of a majority. */
  settled = 0;
  /** The highest index that was acknowledged. */
  lastIndex = 0;
  /** The highest number among the acknowledged words. */
  lastNumber = -1;
  /** What is wrong, the first of it. */
  readonly problems: string[] = [];
  /** By number: the index of an acknowledged word, or one of the constants above. */
  readonly #told: number[] = [];
  /** By number: where the word stands in some log. */
  readonly #found = new Map<number, number>();
  readonly #unsettled = new Map<number, Unsettled>();
  /** By node: the first index of its log, and up to where that was seen to agree with what was acknowledged. */
  readonly #logs = new Map<string, { readonly firstIndex: number; readonly agreesTo: number }>();
  readonly #majority: number;

  /** Of a cluster of `nodes`. */
  constructor(readonly nodes: number) {
    this.#majority = Math.floor(nodes / 2) + 1;
  }

  /** The number of the next word; it counts as sent. */
  send(): number {
    return this.#told.push(OPEN) - 1;
  }

  /** A node has said that word `number` is written at `index`. */
  acknowledge(number: number, index: number): void {
    this.acknowledged += 1;
    this.#told[number] = index;
    this.lastIndex = Math.max(this.lastIndex, index);
    this.lastNumber = Math.max(this.lastNumber, number);
    const other = this.#unsettled.get(index);
    if (other !== undefined) {
      this.note(`words ${other.number} and ${number} are acknowledged at index ${index}`);
    }
    this.#unsettled.set(index, { number, seenOn: new Set() });
    const found = this.#found.get(number);
    if (found !== undefined && found !== index) {
      this.note(`word ${number} is acknowledged at index ${index}; it stands at ${found}`);
    }
  }

  /** A node has said that word `number` is not written. */
  refuse(number: number): void {
    this.notWritten += 1;
    this.#told[number] = NOT_WRITTEN;
    const found = this.#found.get(number);
    if (found !== undefined) this.#refusedIsThere(number, found);
  }

  /** Nobody has said what has become of word `number`. */
  loseSightOf(number: number): void {
    this.unknown += 1;
    this.#told[number] = UNKNOWN;
  }

  /** A reader that asked when `lastNumber` and `lastIndex` were the last has been given the words with these numbers, the best first. */
  checkRead(
    asked: Pick<Book, "lastNumber" | "lastIndex">,
    { readAtIndex, best }: { readonly readAtIndex: number; readonly best: number | undefined },
  ): void {
    if (readAtIndex < asked.lastIndex) {
      this.note(
        `a read answers for index ${readAtIndex}, after ${asked.lastIndex} was acknowledged`,
      );
    }
    if ((best ?? -1) < asked.lastNumber) {
      this.note(
        `a read shows word ${best} as the best, after ${asked.lastNumber} was acknowledged`,
      );
    }
  }

  /** From where on `nodeId`'s log is to be looked at: what comes before was seen, and is settled. */
  fromIndex(nodeId: string): number {
    let from = this.#logs.get(nodeId)?.agreesTo ?? 0;
    for (const index of this.#unsettled.keys()) from = Math.min(from, index);
    return from;
  }

  /** Holds what a disk says to what clients were told. */
  checkLog({ nodeId, firstIndex, fromIndex, words }: LogImage): void {
    // A log that holds an acknowledged word where it was acknowledged agrees with all others before it. What comes after may be
    // the rest of an earlier leader's log, which nobody has acknowledged and which goes.
    let agreesTo = fromIndex;
    const held = new Map<number, number>();
    for (let at = 0; at < words.length; at += 2) {
      const index = words[at]!;
      const number = words[at + 1]!;
      held.set(index, number);
      if (number >= this.#told.length) {
        this.note(`${nodeId} holds word ${number}, which nobody has sent`);
        continue;
      }
      const told = this.#told[number]!;
      if (told === NOT_WRITTEN) this.#refusedIsThere(number, index);
      if (told > 0 && told !== index) {
        this.note(`${nodeId} holds word ${number} at ${index}; it is acknowledged at ${told}`);
      }
      if (told === index) agreesTo = index;
      this.#find(nodeId, number, index);
    }
    for (const [index, { number, seenOn }] of this.#unsettled) {
      if (index < Math.max(firstIndex, fromIndex) || index > agreesTo) continue;
      if (held.get(index) !== number) {
        this.note(`${nodeId} has lost word ${number}, acknowledged at ${index}`);
        continue;
      }
      seenOn.add(nodeId);
      if (seenOn.size < this.#majority) continue;
      this.settled += 1;
      this.#unsettled.delete(index);
    }
    this.#logs.set(nodeId, { firstIndex, agreesTo });
    this.#forget();
  }

  /** What is still missing when all logs were looked at for the last time. */
  checkEnd(): void {
    for (const [index, { number, seenOn }] of this.#unsettled) {
      this.note(
        `word ${number}, acknowledged at ${index}, is on ${seenOn.size} disks of ${this.nodes}`,
      );
    }
  }

  /** The highest numbers among the words that are in a log, the highest first. */
  highest(count: number): number[] {
    const numbers: number[] = [];
    for (let number = this.#told.length - 1; number >= 0 && numbers.length < count; number -= 1) {
      if (this.#told[number]! > 0 || this.#found.has(number)) numbers.push(number);
    }
    return numbers;
  }

  #find(nodeId: string, number: number, index: number): void {
    const found = this.#found.get(number);
    if (found !== undefined && found !== index) {
      this.note(`${nodeId} holds word ${number} at ${index}; it also stands at ${found}`);
    }
    this.#found.set(number, index);
  }

  #refusedIsThere(number: number, index: number): void {
    this.note(`word ${number} stands at ${index}, and was refused as not written`);
  }

  /** What no log can hold any more is dropped, and missed if it was never seen. */
  #forget(): void {
    if (this.#logs.size < this.nodes) return;
    const first = Math.min(...this.#logs.values().map(({ firstIndex }) => firstIndex));
    for (const [index, { number }] of this.#unsettled) {
      if (index >= first) continue;
      this.note(`word ${number}, acknowledged at ${index}, was never seen on a majority's disks`);
      this.#unsettled.delete(index);
    }
    for (const [number, index] of this.#found) {
      if (index < first) this.#found.delete(number);
    }
  }

  /** Notes something that is wrong. */
  note(text: string): void {
    // What is wrong once is often wrong a thousand times.
    if (this.problems.length < 20) this.problems.push(text);
  }
}
