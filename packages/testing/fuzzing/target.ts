/**
 * What is fuzzed: something that decodes bytes from outside.
 *
 * @module
 */

/** An `Arbitrary` of fast-check for inputs: as much of its type as tells what it makes. */
export interface BytesArbitrary {
  /** See fast-check. */
  map<Other>(mapper: (bytes: Uint8Array<ArrayBuffer>) => Other): unknown;
}

/** A decoder, and what it promises for bytes that anybody may have sent. */
export interface FuzzTarget {
  /** What decodes what. */
  readonly name: string;
  /** Inputs that are right. Each of them must be decoded without an error; damaged ones are made of them. */
  readonly valid: BytesArbitrary;
  /**
   * Decodes `bytes`, and throws unless what came out is, encoded again, what was put in: the same bytes, or bytes that are decoded to
   * an equal value. A promise is waited for.
   */
  readonly decode: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** The errors that the decoder documents. Anything else that it throws is a failure. */
  readonly errors: readonly (abstract new (...args: never[]) => Error)[];
  /**
   * How much memory it may ask for, in bytes, for an input of `sizeBytes`: what it allocates by size, not what it copies. Default: 64 KiB
   * and 64 times the input.
   */
  readonly memoryMaxBytes?: (sizeBytes: number) => number;
  /** How long it may take, in milliseconds. Default 2,000. */
  readonly timeMaxMs?: number;
  /** Mends what only keeps damage out, such as a checksum, so that what lies behind it is reached as well. */
  readonly mend?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  /** Inputs that are always tried: the text of a corpus (see `parseCorpus`). */
  readonly corpus: string;
}
