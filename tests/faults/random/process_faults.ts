/**
 * Processes that end or stand still.
 *
 * @module
 */
import { NodeClient } from "../../support/node_client.ts";
import type { FaultyNode } from "../lab/faulty_cluster.ts";
import type { Fault, World, Wound } from "./fault.ts";

function processFault(
  name: string,
  victims: (world: World) => readonly FaultyNode[],
  make: (victims: readonly FaultyNode[]) => Promise<Wound>,
): Fault {
  return {
    name,
    needs: [],
    make: async (world) => {
      const nodes = victims(world).filter((node) => node.isRunning);
      return nodes.length === 0 ? undefined : await make(nodes);
    },
  };
}

async function kill(nodes: readonly FaultyNode[]): Promise<Wound> {
  await Promise.all(nodes.map((node) => node.kill()));
  return {
    disabled: nodes,
    losses: [],
    heal: () => Promise.resolve(nodes.forEach((node) => node.start())),
  };
}

function freeze(nodes: readonly FaultyNode[]): Promise<Wound> {
  for (const node of nodes) node.freeze();
  return Promise.resolve({
    disabled: nodes,
    losses: [],
    heal: () => Promise.resolve(nodes.forEach((node) => node.thaw())),
  });
}

const leaderAlone = ({ leader }: World): readonly FaultyNode[] => [leader];
const follower = ({ followers }: World): readonly FaultyNode[] => followers.slice(0, 1);
const all = ({ leader, followers }: World): readonly FaultyNode[] => [leader, ...followers];

/** A majority, which the leader may be in. */
function majority(world: World): readonly FaultyNode[] {
  const count = Math.floor(world.cluster.nodes.length / 2) + 1;
  return world.prng.shuffle([...all(world)]).slice(0, count);
}

/** See the module's description. */
export const PROCESS_FAULTS: readonly Fault[] = [
  processFault("the leader killed", leaderAlone, kill),
  processFault("a follower killed", follower, kill),
  processFault("a majority killed", majority, kill),
  processFault("all killed", all, kill),
  processFault("the leader frozen", leaderAlone, freeze),
  processFault("a follower frozen", follower, freeze),
  processFault("all frozen", all, freeze),
  {
    name: "leadership handed over",
    needs: [],
    make: async ({ leader }) => {
      await using client = new NodeClient(leader.grpc);
      await client.call("/RaftAdmin/LeadershipTransfer", new Uint8Array(0));
      return { disabled: [], losses: [], heal: () => Promise.resolve() };
    },
  },
];
