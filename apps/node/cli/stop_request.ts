/**
 * What asks a command to stop that runs until it is asked to.
 *
 * @module
 */

/** Waits for SIGINT, SIGTERM or, if told to, the end of standard input, as long as it is not disposed of. */
export class StopRequest implements Disposable {
  /** Resolves with what asked first. What asks later changes nothing: the command is stopping already. */
  readonly requested: Promise<string>;
  readonly #release: () => void;

  /** `withStdin`: whether the end of standard input asks, too. */
  constructor({ withStdin = false }: { readonly withStdin?: boolean } = {}) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.requested = promise;
    const releases = (["SIGINT", "SIGTERM"] as const).map((signal) => {
      const listener = () => resolve(signal);
      Deno.addSignalListener(signal, listener);
      return () => Deno.removeSignalListener(signal, listener);
    });
    if (withStdin) void inputEnded().then(() => resolve("standard input has ended"));
    this.#release = () => releases.forEach((release) => release());
  }

  /** Listens no more. */
  [Symbol.dispose](): void {
    this.#release();
  }
}

async function inputEnded(): Promise<void> {
  const buffer = new Uint8Array(256);
  while (await Deno.stdin.read(buffer) !== null);
}
