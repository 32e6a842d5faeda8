/**
 * Disks that fail, hang, are slow or full, and files that change while their node is down.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { inspectStore } from "@coracle/store-fs";
import { eventually } from "../../support/eventually.ts";
import type { FaultyNode } from "../lab/faulty_cluster.ts";
import { flip, overwrite } from "../lab/files.ts";
import type { Fault, World, Wound } from "./fault.ts";

const NOTHING_LOST = { losses: [] } as const;

/** The leader as often as not. */
function anyNode({ prng, leader, followers }: World): FaultyNode {
  return prng.chance(0.5) || followers.length === 0 ? leader : prng.pick(followers);
}

/** A sync fails, and the node ends for that. */
async function failSync(node: FaultyNode): Promise<Wound> {
  node.sync!.failNext();
  await eventually(`a sync of ${node.id} fails`, () => node.sync!.hasFailed);
  assertEquals(await node.ends(), 1, `${node.id} goes on after a sync has failed`);
  return { disabled: [node], ...NOTHING_LOST, heal: () => Promise.resolve(node.start()) };
}

function hangSync(node: FaultyNode): Promise<Wound> {
  node.sync!.hang();
  return Promise.resolve({
    disabled: [node],
    ...NOTHING_LOST,
    heal: () => Promise.resolve(node.sync!.heal()),
  });
}

/** The room is taken; the node ends when it needs more, and is started when there is some. */
function fill(node: FaultyNode): Promise<Wound> {
  node.disk!.fill();
  return Promise.resolve({
    disabled: [node],
    ...NOTHING_LOST,
    heal: () => node.disk!.free(),
  });
}

/** A killed node finds the beginning of a write behind its last one. */
async function tear(node: FaultyNode, world: World): Promise<Wound> {
  await node.kill();
  const { file, sizeBytes } = (await inspectStore(node.directory)).segments.at(-1)!;
  const sizeTorn = world.prng.int(1, 200);
  const bytes = Uint8Array.from({ length: sizeTorn }, () => world.prng.int(1, 255));
  overwrite(file, sizeBytes, bytes);
  return { disabled: [node], ...NOTHING_LOST, heal: () => Promise.resolve(node.start()) };
}

/** A killed node with a changed byte in an early segment refuses to start, and says where; then the byte is right again. */
async function damage(node: FaultyNode, world: World): Promise<Wound | undefined> {
  const segments = node.segments();
  if (segments.length < 2) return undefined;
  await node.kill();
  const file = segments[0]!;
  const { sizeBytes } = (await inspectStore(node.directory)).segments[0]!;
  const offset = world.prng.int(0, sizeBytes - 1);
  flip(file, offset);
  const logged = node.log.length;
  node.start();
  assertEquals(await node.ends(), 1, `${node.id} starts on a damaged log`);
  const said = node.log.slice(logged);
  if (!said.includes(`${file} is damaged at offset `)) throw new Error(`${node.id} says ${said}`);
  flip(file, offset);
  return { disabled: [node], ...NOTHING_LOST, heal: () => Promise.resolve(node.start()) };
}

/** See the module's description. */
export const DISK_FAULTS: readonly Fault[] = [
  { name: "a sync fails", needs: ["compiler"], make: (world) => failSync(anyNode(world)) },
  { name: "syncs hang", needs: ["compiler"], make: (world) => hangSync(anyNode(world)) },
  {
    name: "the leader's syncs slow",
    needs: ["compiler"],
    make: ({ leader }) => {
      leader.sync!.slow();
      return Promise.resolve({
        disabled: [],
        ...NOTHING_LOST,
        heal: () => Promise.resolve(leader.sync!.heal()),
      });
    },
  },
  {
    name: "a disk full",
    needs: ["mounts"],
    make: async (world) => {
      const small = [world.leader, ...world.followers].filter(({ disk }) => disk !== undefined);
      return small.length === 0 ? undefined : await fill(world.prng.pick(small));
    },
  },
  { name: "a torn write found", needs: [], make: (world) => tear(anyNode(world), world) },
  { name: "a changed byte found", needs: [], make: (world) => damage(anyNode(world), world) },
];
