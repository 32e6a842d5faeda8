/**
 * A disk whose syncs fail, hang or are slow, as seen by one process: see faulty_sync.c.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { must } from "./commands.ts";

const SOURCE = fileURLToPath(new URL("./faulty_sync.c", import.meta.url));

/** Compiles the library into `directory`; resolves to its path. Needs a C compiler. */
export async function buildFaultySync(directory: string): Promise<string> {
  const library = `${directory}/faulty_sync.so`;
  await must("cc", ["-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, SOURCE]);
  return library;
}

/** The syncs of one node. */
export class FaultySync {
  readonly #library: string;
  readonly #orders: string;

  /** `library`: of {@linkcode buildFaultySync}; `orders`: a directory that is made for this. */
  constructor(library: string, orders: string) {
    this.#library = library;
    this.#orders = orders;
    Deno.mkdirSync(orders, { recursive: true });
  }

  /** The command that runs `command` with these syncs. */
  command(command: readonly string[]): readonly string[] {
    return [
      "env",
      `LD_PRELOAD=${this.#library}`,
      `CORACLE_FAULTY_SYNC=${this.#orders}`,
      ...command,
    ];
  }

  /** The next sync fails. */
  failNext(): void {
    this.#remove("failed");
    this.#make("fail");
  }

  /** Whether the sync has failed that was to. */
  get hasFailed(): boolean {
    return this.#has("failed");
  }

  /** From now on syncs hang. */
  hang(): void {
    this.#remove("hanging");
    this.#make("hang");
  }

  /** Whether one hangs, or has. */
  get hangs(): boolean {
    return this.#has("hanging");
  }

  /** From now on syncs take 20 ms longer. */
  slow(): void {
    this.#make("slow");
  }

  /** From now on all is well; what hangs goes on. */
  heal(): void {
    for (const order of ["fail", "hang", "slow"]) this.#remove(order);
  }

  #make(order: string): void {
    Deno.writeTextFileSync(`${this.#orders}/${order}`, "");
  }

  #remove(order: string): void {
    if (this.#has(order)) Deno.removeSync(`${this.#orders}/${order}`);
  }

  #has(order: string): boolean {
    try {
      return Deno.statSync(`${this.#orders}/${order}`).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }
}
