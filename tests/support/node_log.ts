/**
 * What a node that does not run has on its disk, as `inspect` tells it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { nodeArgs, runDeno } from "./process.ts";

/** An entry of a log, as `inspect --entries --json` prints it. */
export interface LoggedEntry {
  readonly index: number;
  readonly term: number;
  readonly type: string;
  /** Its data, if that is text. */
  readonly data: string;
}

/** A node's log. */
export interface NodeLog {
  /** Where the node keeps it. */
  readonly directory: string;
  /** Its entries by their index. */
  readonly entries: ReadonlyMap<number, LoggedEntry>;
  /** The words in it, in the order of the log. */
  readonly words: readonly string[];
  /** Index of its last entry. */
  readonly lastIndex: number;
}

/** Reads the log in `directory`. A write that a crash has cut short is no damage; anything else that is wrong fails. */
export async function readNodeLog(directory: string): Promise<NodeLog> {
  const { code, stdout, stderr } = await runDeno(
    nodeArgs("inspect", directory, "--entries", "--json"),
  );
  assertEquals(code, 0, `inspect finds ${directory} damaged\n${stdout.slice(0, 4000)}${stderr}`);
  const inspection = JSON.parse(stdout) as { lastIndex: number; entries: LoggedEntry[] };
  const { lastIndex, entries } = inspection;
  return {
    directory,
    entries: new Map(entries.map((entry) => [entry.index, entry])),
    words: entries.filter(({ type }) => type === "command").map(({ data }) => data),
    lastIndex,
  };
}
