/**
 * Holds the logs on the nodes' disks to what clients were told, again and again, while the nodes run.
 *
 * @module
 */
import type { NodePlace } from "../../tests/support/cluster.ts";
import type { Book } from "./book.ts";
import type { LogAnswer, LogQuestion } from "./log_reader.ts";

/** See the module's description. */
export class LogAudit implements Disposable {
  readonly #nodes: readonly NodePlace[];
  readonly #book: Book;
  readonly #worker = new Worker(import.meta.resolve("./log_reader.ts"), { type: "module" });

  /** Looks at nothing yet. */
  constructor(nodes: readonly NodePlace[], book: Book) {
    this.#nodes = nodes;
    this.#book = book;
  }

  /** Looks at what has come to each log. */
  async look(): Promise<void> {
    for (const { id, directory } of this.#nodes) {
      await this.#check(id, directory, this.#book.fromIndex(id));
    }
  }

  /** Looks at all that is in the logs, whose nodes run no more. */
  async end(): Promise<void> {
    for (const { id, directory } of this.#nodes) await this.#check(id, directory, 0);
    this.#book.checkEnd();
  }

  /** Nothing may be damaged. Of a log that is, nothing else is said. */
  async #check(id: string, directory: string, fromIndex: number): Promise<void> {
    const { image, damage } = await this.#ask(id, directory, fromIndex);
    for (const what of damage) this.#book.note(`${id} is damaged: ${what}`);
    if (damage.length === 0) this.#book.checkLog(image);
  }

  /** Ends the worker. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  #ask(nodeId: string, directory: string, fromIndex: number): Promise<LogAnswer> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }: MessageEvent<LogAnswer>) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the log of ${nodeId} cannot be read: ${event.message}`));
      };
      this.#worker.postMessage({ nodeId, directory, fromIndex } satisfies LogQuestion);
    });
  }
}
