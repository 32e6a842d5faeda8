/**
 * How values become bytes and come back: JSON by default, anything else by choice.
 *
 * @module
 */

/**
 * Values as bytes. All nodes, old and new ones, read what any of them has written: bytes stay in logs and snapshots.
 * Both directions must depend on their argument alone.
 */
export interface Codec<Value> {
  /** The bytes of `value`. They are kept: do not change them later. */
  encode(value: Value): Uint8Array;
  /** The value of `bytes`, which are a view of shared memory: copy what is kept. Throws for bytes that are no value. */
  decode(bytes: Uint8Array): Value;
}

/** Settings of {@linkcode jsonCodec}. */
export interface JsonCodecOptions<Value> {
  /**
   * Checks what was parsed and returns it, or throws: a schema's `parse` fits. Without it, whatever is JSON is taken for a
   * value. For commands it must give the same result on every node, as a state machine must.
   */
  readonly parse?: (value: unknown) => Value;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NOTHING = new Uint8Array(0);

/**
 * A codec of JSON in UTF-8. `undefined` is no bytes. Carries what JSON carries: a `Date` comes back as a string, a `Map` as
 * `{}`; `encode` throws a `TypeError` for a `bigint` or a cycle, `decode` a `SyntaxError` or `TypeError` for what is not JSON.
 */
export function jsonCodec<Value>({ parse }: JsonCodecOptions<Value> = {}): Codec<Value> {
  return {
    encode(value) {
      // What JSON has no text for (undefined, a function) has none here either.
      const text: string | undefined = JSON.stringify(value);
      return text === undefined ? NOTHING : encoder.encode(text);
    },
    decode(bytes) {
      const value: unknown = bytes.length === 0 ? undefined : JSON.parse(decoder.decode(bytes));
      return parse === undefined ? value as Value : parse(value);
    },
  };
}

/** Bytes as they are; copied, so that nobody's changes reach what somebody else keeps. */
export const bytesCodec: Codec<Uint8Array> = {
  encode: (value) => value.slice(),
  decode: (bytes) => bytes.slice(),
};
