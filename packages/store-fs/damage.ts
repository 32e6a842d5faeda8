/**
 * What a damaged store says about itself.
 *
 * @module
 */
import { StorageError } from "@coracle/core";

/** A place on disk that does not hold what was written there. */
export interface Damage {
  /** The file, or the directory if a file is missing. */
  readonly file: string;
  /** Offset in the file, in bytes. */
  readonly offset: number;
  /** What should be there. */
  readonly expected: string;
  /** What is there. */
  readonly found: string;
}

/** A store holds damage that no crash explains, and is not opened: what it promised may be gone. */
export class DamageError extends StorageError {
  /** Where the damage is, and what was found there. */
  readonly damage: Damage;

  /** `damage`: where it is, and what was found. */
  constructor(damage: Damage) {
    super(describeDamage(damage));
    this.damage = damage;
  }
}

/** `damage` in one line. */
export function describeDamage({ file, offset, expected, found }: Damage): string {
  return `${file} is damaged at offset ${offset}: expected ${expected}, found ${found}`;
}
