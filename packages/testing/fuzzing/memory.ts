/**
 * How much memory a piece of code asks for by size: what a length in hostile bytes could make it do.
 *
 * @module
 */

/** Counts what is asked for. */
export class MemoryMeter {
  #askedBytes = 0;

  /** Bytes that were asked for so far. */
  get askedBytes(): number {
    return this.#askedBytes;
  }

  /**
   * Runs `work`, and counts memory that is asked for by its size: `new Uint8Array(n)`, `new ArrayBuffer(n)`, `new Array(n)`. Until it is
   * done these globals are replaced, so nothing else should run meanwhile.
   *
   * Slices and copies are not counted: they are no larger than what is there.
   */
  async watch<T>(work: () => T | Promise<T>): Promise<T> {
    const { Uint8Array: Bytes, ArrayBuffer: Buffer, Array: List } = globalThis;
    const watched = <Class extends new (...args: never[]) => object>(
      Class: Class,
      unitBytes: number,
    ): Class => {
      const countSize = (args: readonly unknown[]) => {
        const [size] = args;
        if (args.length === 1 && typeof size === "number") this.#askedBytes += size * unitBytes;
      };
      return new Proxy(Class, {
        construct(target, args, newTarget) {
          countSize(args);
          return Reflect.construct(target, args, newTarget);
        },
        apply(target, self, args) {
          countSize(args);
          return Reflect.apply(target, self, args);
        },
      });
    };
    globalThis.Uint8Array = watched(Bytes, 1);
    globalThis.ArrayBuffer = watched(Buffer, 1);
    globalThis.Array = watched(List, 8);
    try {
      return await work();
    } finally {
      globalThis.Uint8Array = Bytes;
      globalThis.ArrayBuffer = Buffer;
      globalThis.Array = List;
    }
  }
}
