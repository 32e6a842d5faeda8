/**
 * A file system that can be filled up: a small one in memory, mounted for one node.
 *
 * @module
 */
import { must } from "./commands.ts";

const BALLAST = "ballast";
const CHUNK_SIZE_BYTES = 64 * 1024;

/** See the module's description. It is gone with the laboratory. */
export class SmallDisk {
  private constructor(
    /** Where it is mounted. */
    readonly directory: string,
  ) {}

  /** Mounts one of `sizeMib` MiB at `directory`, which is made. */
  static async mount(directory: string, sizeMib: number): Promise<SmallDisk> {
    await Deno.mkdir(directory, { recursive: true });
    await must("mount", ["-t", "tmpfs", "-o", `size=${sizeMib}m`, "coracle", directory]);
    return new SmallDisk(directory);
  }

  /** Takes all room that is left, to the last byte. */
  fill(): void {
    using file = Deno.openSync(this.#ballast, { create: true, append: true });
    for (let sizeBytes = CHUNK_SIZE_BYTES; sizeBytes >= 1;) {
      try {
        file.writeSync(new Uint8Array(sizeBytes));
      } catch (error) {
        if ((error as { code?: string }).code !== "ENOSPC") throw error;
        sizeBytes = Math.floor(sizeBytes / 2);
      }
    }
  }

  /** Gives the room back. */
  async free(): Promise<void> {
    await Deno.remove(this.#ballast).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }

  get #ballast(): string {
    return `${this.directory}/${BALLAST}`;
  }
}
