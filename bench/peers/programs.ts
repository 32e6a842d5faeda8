/**
 * Who is measured: this project's node, and hashicorp/raft with each of its stores, built from the Go program beside this file.
 *
 * @module
 */
import { CORACLE, type Program } from "../cluster.ts";

/** hashicorp/raft as it is run here. */
const HASHICORP = [
  { name: "hashicorp (raft-wal)", store: "wal", maxAppend: 64 },
  { name: "hashicorp (raft-boltdb)", store: "boltdb", maxAppend: 64 },
  // Its default of 64 limits what one message carries; 1,024 is the most that it allows.
  { name: "hashicorp (raft-wal, MaxAppendEntries 1024)", store: "wal", maxAppend: 1024 },
] as const;

/** All programs that this machine can run, this project's first. Builds what has to be built into `directory`. */
export async function programs(directory: string): Promise<readonly Program[]> {
  const binary = `${directory}/hashicorp`;
  const problem = await build(binary);
  if (problem !== undefined) {
    console.error(`hashicorp/raft is left out: ${problem}`);
    return [CORACLE];
  }
  return [
    CORACLE,
    ...HASHICORP.map(({ name, store, maxAppend }): Program => ({
      name,
      command: (id, data) => [
        binary,
        `-id=${id}`,
        `-dir=${data}`,
        `-store=${store}`,
        `-max-append=${maxAppend}`,
      ],
    })),
  ];
}

/** Returns why it cannot be built, or `undefined`. */
async function build(binary: string): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("go", {
      args: ["build", "-o", binary, "."],
      cwd: `${import.meta.dirname}/hashicorp`,
    }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no Go on this machine";
    throw error;
  }
}
