/**
 * Takes what comes in on a listener, whatever goes wrong in between.
 *
 * @module
 */
import { describeError } from "./describe_error.ts";
import { Pause } from "./pause.ts";
import type { Stream, StreamListener } from "./stream_layer.ts";

/** After a failure to accept (such as too many open files) there is no point in trying again at once. */
const RETRY_MS = 100;

/** What an {@linkcode Acceptor} tells. */
export interface AcceptorContext {
  /** Somebody has connected. */
  accepted(stream: Stream): void;
  /** A connection could not be accepted; another attempt follows. */
  failed(reason: string): void;
}

/** Accepts connections until it is closed. */
export class Acceptor {
  readonly #listener: StreamListener;
  readonly #context: AcceptorContext;
  readonly #retry = new Pause();
  #closed = false;

  /** Nothing is accepted before {@linkcode run}. */
  constructor(listener: StreamListener, context: AcceptorContext) {
    this.#listener = listener;
    this.#context = context;
  }

  /** Resolves once it is closed and nothing is under way. */
  async run(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#context.accepted(await this.#listener.accept());
      } catch (error) {
        if (this.#closed) return;
        this.#context.failed(describeError(error));
        await this.#retry.wait(RETRY_MS);
      }
    }
  }

  /** Stops listening. */
  close(): void {
    this.#closed = true;
    this.#retry.end();
    this.#listener.close();
  }
}
