/**
 * Streams of bytes that must not keep a node from stopping.
 *
 * @module
 */
import { InvalidConfigError } from "../model/errors.ts";
import { bytesProblem, typeName } from "../ports/given.ts";

/**
 * Passes `data` on until `signal` fires: then it throws the signal's reason at once, whatever `data` is waiting for, and tells
 * `data` that nobody reads any more. Throws an `InvalidConfigError` for a piece that is no bytes.
 */
export async function* untilAborted(
  data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const iterator = iteratorOf(data);
  let reject: (reason: unknown) => void = () => {};
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  let isOpen = true;
  try {
    for (;;) {
      signal.throwIfAborted();
      // Not Promise.race: the promise that lives longest would collect a reaction for each piece.
      const result = await new Promise<IteratorResult<Uint8Array>>((resolve, fail) => {
        reject = fail;
        next(iterator).then(resolve, (error) => {
          isOpen = false;
          fail(error);
        });
      });
      if (result.done === true) {
        isOpen = false;
        return;
      }
      const problem = bytesProblem("a piece of data", result.value);
      if (problem !== undefined) throw problem;
      yield result.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    if (isOpen) release(iterator);
  }
}

/** Tells `data`, of which nothing was read, that nobody will. */
export function discard(data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): void {
  release(iteratorOf(data));
}

type AnyIterator = AsyncIterator<Uint8Array> | Iterator<Uint8Array>;

function iteratorOf(data: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AnyIterator {
  if (typeof data === "object" && data !== null) {
    if (Symbol.asyncIterator in data) return data[Symbol.asyncIterator]();
    if (Symbol.iterator in data) return data[Symbol.iterator]();
  }
  throw new InvalidConfigError("data", `of type ${typeName(data)}`, "pieces of bytes to iterate");
}

async function next(iterator: AnyIterator): Promise<IteratorResult<Uint8Array>> {
  return await iterator.next();
}

/** Not waited for: what it is in the middle of may never come. */
function release(iterator: AnyIterator): void {
  (async () => await iterator.return?.())().catch(() => {});
}
