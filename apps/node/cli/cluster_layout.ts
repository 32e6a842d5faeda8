/**
 * What a cluster's directory remembers of it, so that it can be started again: `DIR/cluster.json`, and a
 * directory for each node beside it.
 *
 * @module
 */
import { resolve } from "node:path";
import { z } from "zod";
import { pathProblem } from "../config/path_problem.ts";
import { CommandError, EXIT } from "./exit.ts";
import { requirePlaceForDirectory } from "./store_directory.ts";

const layoutSchema = z.strictObject({
  clusterId: z.string(),
  /** Whether a leader was ever seen; until then the first node is told to found the cluster. */
  founded: z.boolean(),
  nodes: z.array(z.strictObject({ id: z.string(), raft: z.string() })).min(1),
});

/** The nodes of a cluster and the addresses that they know each other by, which never change. */
export type ClusterLayout = z.output<typeof layoutSchema>;

/** What a new cluster is made of. */
export interface NewCluster {
  /** How many nodes, if that was said. */
  readonly nodes: number | undefined;
  /** The first node's port for the others. */
  readonly raftPort: number;
}

const NODES_DEFAULT = 3;

/** The layout in `dir`, or a new one, which is not there before it is saved. Throws {@linkcode CommandError} if it is not what was asked for. */
export function openLayout(dir: string, { nodes, raftPort }: NewCluster): ClusterLayout {
  const existing = readLayout(dir);
  if (existing === undefined) {
    return {
      clusterId: `cluster-${crypto.randomUUID().slice(0, 8)}`,
      founded: false,
      nodes: Array.from({ length: nodes ?? NODES_DEFAULT }, (_, at) => ({
        id: `n${at + 1}`,
        raft: `127.0.0.1:${raftPort + at}`,
      })),
    };
  }
  if (nodes !== undefined && nodes !== existing.nodes.length) {
    throw new CommandError(
      EXIT.usage,
      `--nodes is ${nodes}; allowed is ${existing.nodes.length}, which is what ${dir} holds, or another --dir`,
    );
  }
  return existing;
}

/** Writes the layout, wholly or not at all. */
export function saveLayout(dir: string, layout: ClusterLayout): void {
  const path = layoutPath(dir);
  try {
    Deno.mkdirSync(dir, { recursive: true });
  } catch (error) {
    const problem = pathProblem(error);
    if (problem === undefined) throw error;
    throw new CommandError(EXIT.failed, `${dir} cannot be made: ${problem}`, { cause: error });
  }
  Deno.writeTextFileSync(`${path}.new`, `${JSON.stringify(layout, undefined, 2)}\n`);
  Deno.renameSync(`${path}.new`, path);
}

/** Where node `id` keeps its data. */
export function nodeDirectory(dir: string, id: string): string {
  return resolve(dir, id);
}

/** Where node `id` writes its log messages. */
export function nodeLogPath(dir: string, id: string): string {
  return resolve(dir, `${id}.log`);
}

function layoutPath(dir: string): string {
  return resolve(dir, "cluster.json");
}

function readLayout(dir: string): ClusterLayout | undefined {
  requirePlaceForDirectory("--dir", dir);
  const path = layoutPath(dir);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    return layoutSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CommandError(EXIT.failed, `${path} is not what this command wrote there`, { cause });
  }
}
