/**
 * A cluster of real nodes to which everything can happen: its network, its disks and its processes are in a test's hand, as
 * far as the machine allows it.
 *
 * @module
 */
import {
  ClusterNode,
  type Launcher,
  NodeGroup,
  type NodePlace,
  peerFlags,
  showingLogs,
} from "../../support/cluster.ts";
import { eventually } from "../../support/eventually.ts";
import { freePorts } from "../../support/ports.ts";
import { buildFaultySync, FaultySync } from "./faulty_sync.ts";
import { type Laboratory, laboratoryTest } from "./laboratory.ts";
import type { Means } from "./machine.ts";
import { Network } from "./network.ts";
import { SmallDisk } from "./small_disk.ts";

const RAFT_PORT = 7001;
const GRPC_PORT = 50051;
const SMALL_DISK_MIB = 8;

/** Half of the default timeouts: tests wait for elections most of the time. */
export const QUICK_TIMEOUTS: readonly string[] = [
  "--heartbeat-timeout-ms=500",
  "--election-timeout-ms=500",
  "--leader-lease-timeout-ms=250",
  "--disk-stall-timeout-ms=1000",
];

/** What a cluster is made of. */
export interface FaultyClusterOptions {
  /** How many nodes; 3 if nothing is said. */
  readonly nodes?: number;
  /** What all nodes are started with beside their places. */
  readonly flags?: readonly string[];
  /** Which nodes, from 0, have a file system of their own that can be filled up. Needs mounts. */
  readonly smallDisks?: readonly number[];
}

/** A node, and what can be done to it beside stopping it. */
export class FaultyNode extends ClusterNode {
  /** `sync` and `disk`: where there are such. */
  constructor(
    place: NodePlace,
    flags: readonly string[],
    launcher: Launcher,
    readonly sync: FaultySync | undefined,
    readonly disk: SmallDisk | undefined,
  ) {
    super(place, flags, { launcher });
  }

  /** Waits until its process has ended by itself; resolves to its exit code. */
  async ends(): Promise<number> {
    await eventually(`${this.id} ends`, () => !this.isRunning);
    return (await this.exitCode())!;
  }

  /** The paths of the files of its log, the oldest first. */
  segments(): string[] {
    const log = `${this.directory}/log`;
    return [...Deno.readDirSync(log)].map(({ name }) => `${log}/${name}`).sort();
  }
}

/** See the module's description. */
export class FaultyCluster extends NodeGroup<FaultyNode> {
  private constructor(
    nodes: readonly FaultyNode[],
    /** What is between the nodes; without namespaces there is nothing that could be cut. */
    readonly network: Network | undefined,
  ) {
    super(nodes);
  }

  /** Starts a cluster in `laboratory`, with all that the machine has. It may not have a leader yet. */
  static async startIn(
    { directory, machine }: Laboratory,
    { nodes: count = 3, flags = [], smallDisks = [] }: FaultyClusterOptions,
  ): Promise<FaultyCluster> {
    const { hasNamespaces, missing } = machine;
    const hasNetwork = hasNamespaces && missing.network === undefined;
    const network = hasNetwork ? await Network.create(count) : undefined;
    const library = missing.compiler === undefined ? await buildFaultySync(directory) : undefined;
    const ports = network === undefined ? freePorts(2 * count) : [];
    const places = Array.from({ length: count }, (_, at): NodePlace => {
      const host = network?.hosts[at]?.address;
      return {
        id: `n${at + 1}`,
        raft: host === undefined ? `127.0.0.1:${ports[at]}` : `${host}:${RAFT_PORT}`,
        grpc: host === undefined ? `127.0.0.1:${ports[count + at]}` : `${host}:${GRPC_PORT}`,
        directory: `${directory}/n${at + 1}/data`,
      };
    });
    const nodes = await Promise.all(places.map(async (place, at) => {
      const home = `${directory}/${place.id}`;
      await Deno.mkdir(home);
      const disk = smallDisks.includes(at)
        ? await SmallDisk.mount(home, SMALL_DISK_MIB)
        : undefined;
      const sync = library === undefined
        ? undefined
        : new FaultySync(library, `${directory}/${place.id}-syncs`);
      const launcher: Launcher = (command) => {
        const launched = sync?.command(command) ?? command;
        return network === undefined ? launched : network.hosts[at]!.command(launched);
      };
      const common = [
        ...peerFlags(places),
        ...(network === undefined ? [] : ["--insecure"]),
        ...flags,
      ];
      return new FaultyNode(place, common, launcher, sync, disk);
    }));
    const cluster = new FaultyCluster(nodes, network);
    cluster.found();
    return cluster;
  }

  /** The place of a node, from 0: its host in the network has the same. */
  placeOf(node: FaultyNode): number {
    return this.nodes.indexOf(node);
  }

  /** Ends everything. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.network?.[Symbol.asyncDispose]();
  }
}

/** A test of a cluster in a laboratory. It is skipped, with the reason, where the machine lacks one of `needs`. */
export function faultTest(
  url: string,
  name: string,
  { needs, ...options }: FaultyClusterOptions & { readonly needs: readonly Means[] },
  body: (cluster: FaultyCluster) => Promise<void>,
): void {
  laboratoryTest(url, name, needs, async (laboratory) => {
    await using cluster = await FaultyCluster.startIn(laboratory, options);
    await showingLogs(cluster.nodes, () => body(cluster));
  });
}
