/**
 * What has become of every command: where it was applied, what registers held when, and what clients were told. From that
 * follows what clients may be told.
 *
 * @module
 */
import { invariant } from "@coracle/core";
import type { RegisterCommand, Registers } from "./register_machine.ts";

/** A register's value from an index on. */
interface Version {
  readonly index: number;
  readonly value: string | undefined;
}

/** See the module's description. */
export class RegisterRecord {
  /** Where each command was first applied. */
  readonly #places = new Map<string, number>();
  readonly #versions = new Map<string, Version[]>();
  /** Commands of which a client was told that they never take effect. */
  readonly #impossible = new Map<string, string>();
  /** What every answer that was given before is at or before: what is asked from now on must see it. */
  #floor = 0;
  #lastIndex = 0;
  #isRestored = false;
  readonly #repeated = new Set<string>();

  /** Up to where a question that is asked now must see. */
  get floor(): number {
    return this.#floor;
  }

  /** The value that a register was last given. */
  latest(key: string): string | undefined {
    return this.#versions.get(key)?.at(-1)?.value;
  }

  /** A backup is being restored: from now on registers hold what no command has put there, and a command may be applied again. */
  restoring(): void {
    this.#isRestored = true;
  }

  /** Whether a command was applied again after a backup had undone it: the backup's sessions did not know it. */
  isRepeated(id: string): boolean {
    return this.#repeated.has(id);
  }

  /** A machine has applied a command; others may have before. */
  applied(index: number, { id, key }: RegisterCommand, after: Registers): void {
    if (index <= this.#lastIndex) return;
    this.#lastIndex = index;
    const place = this.#places.get(id);
    if (place === undefined) this.#places.set(id, index);
    else if (this.#isRestored) this.#repeated.add(id);
    else invariant(false, `exactly once: ${id} is applied at ${place} and at ${index}`);
    const told = this.#impossible.get(id);
    if (told !== undefined) {
      invariant(false, `outcomes: ${id}, which ended with "${told}", is applied at ${index}`);
    }
    const versions = this.#versions.get(key) ?? [];
    this.#versions.set(key, versions);
    versions.push({ index, value: after.get(key) });
  }

  /** A client was told that a command never takes effect. */
  refused(id: string, error: string): void {
    const place = this.#places.get(id);
    if (place !== undefined && !this.#isRestored) {
      invariant(false, `outcomes: ${id}, which is applied at ${place}, ends with "${error}"`);
    }
    this.#impossible.set(id, error);
  }

  /** A client was told that a command was applied, at `index`; it was sent when the floor was `floor`. */
  acknowledged(id: string, index: number, floor: number): void {
    const place = this.#places.get(id);
    if (place === undefined || place > index) {
      invariant(false, `outcomes: ${id} is acknowledged at ${index}, and is at ${place}`);
    }
    // A command of a session that was sent twice is answered at the later place.
    if (index <= floor && !this.#isRestored) {
      invariant(
        false,
        `real time: ${id} is at ${index}, though ${floor} was known when it was sent`,
      );
    }
    this.#floor = Math.max(this.#floor, index);
  }

  /** A client has read `value` of `key` on a machine that had applied everything up to `index`. */
  read(key: string, value: string | undefined, index: number): void {
    if (this.#isRestored) return;
    const versions = this.#versions.get(key) ?? [];
    const expected = versions.findLast((one) => one.index <= index)?.value;
    if (value !== expected) {
      invariant(
        false,
        `reads: ${key} is ${JSON.stringify(value)} at ${index}; what was applied says ` +
          JSON.stringify(expected),
      );
    }
  }

  /** A read that promises to be linearizable has seen everything up to `index`; it was asked when the floor was `floor`. */
  readLinearizable(level: string, key: string, index: number, floor: number): void {
    if (index < floor) {
      invariant(
        false,
        `stale read: ${key} was read (${level}) as of ${index}, though ${floor} was known when it was asked`,
      );
    }
    this.#floor = Math.max(this.#floor, index);
  }
}
