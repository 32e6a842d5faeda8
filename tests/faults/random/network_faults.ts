/**
 * Partitions of every shape, and links that work one way or badly.
 *
 * @module
 */
import type { FaultyNode } from "../lab/faulty_cluster.ts";
import { type Loss, LOSSY_PERCENT } from "../lab/network.ts";
import { cut, type Fault, type World } from "./fault.ts";

function networkFault(name: string, losses: (world: World) => Loss[] | undefined): Fault {
  return {
    name,
    needs: ["network"],
    make: (world) => {
      const found = losses(world);
      return Promise.resolve(
        found && { disabled: [], losses: found, heal: () => Promise.resolve() },
      );
    },
  };
}

/** All pairs of `some` and the others. */
function between({ cluster }: World, some: readonly number[]): [number, number][] {
  const others = cluster.nodes.map((_, at) => at).filter((at) => !some.includes(at));
  return some.flatMap((one) => others.map((other): [number, number] => [one, other]));
}

function apart(world: World, some: readonly number[]): Loss[] {
  return between(world, some).flatMap(([a, b]) => cut(a, b));
}

/** The places of all nodes, the given one first and the others in any order. */
function places({ cluster, prng }: World, first: FaultyNode): number[] {
  const one = cluster.placeOf(first);
  const others = cluster.nodes.map((_, at) => at).filter((at) => at !== one);
  return [one, ...prng.shuffle(others)];
}

/** A minority of nodes, as large as it can be. */
function minoritySize({ cluster }: World): number {
  return Math.floor((cluster.nodes.length - 1) / 2);
}

/** See the module's description. */
export const NETWORK_FAULTS: readonly Fault[] = [
  networkFault(
    "the leader cut off",
    (world) => apart(world, [world.cluster.placeOf(world.leader)]),
  ),
  networkFault("a follower cut off", (world) => {
    const [follower] = world.followers;
    return follower && apart(world, [world.cluster.placeOf(follower)]);
  }),
  networkFault(
    "halves, the leader in the smaller",
    (world) => apart(world, places(world, world.leader).slice(0, minoritySize(world))),
  ),
  networkFault(
    "halves, the leader in the larger",
    (world) => apart(world, places(world, world.leader).slice(-minoritySize(world))),
  ),
  networkFault(
    "everybody alone",
    ({ cluster: { nodes } }) =>
      nodes.flatMap((_, a) => nodes.slice(a + 1).flatMap((_, ahead) => cut(a, a + 1 + ahead))),
  ),
  networkFault("a ring: each hears two", (world) => {
    const order = places(world, world.leader);
    if (order.length < 5) return undefined;
    return order.flatMap((one, at) =>
      order.slice(at + 2, at === 0 ? -1 : undefined).flatMap((other) => cut(one, other))
    );
  }),
  networkFault("a bridge: two halves that share one node", (world) => {
    const order = world.prng.shuffle(world.cluster.nodes.map((_, at) => at));
    const half = minoritySize(world);
    const [left, right] = [order.slice(0, half), order.slice(half + 1)];
    return left.flatMap((a) => right.flatMap((b) => cut(a, b)));
  }),
  networkFault("the leader cut off from one", (world) => {
    const [leader, one] = places(world, world.leader);
    return cut(leader!, one!);
  }),
  networkFault("the leader deaf", (world) =>
    between(world, [world.cluster.placeOf(world.leader)])
      .map(([leader, other]) => ({ from: other, to: leader, percent: 100 }))),
  networkFault("the leader mute", (world) =>
    between(world, [world.cluster.placeOf(world.leader)])
      .map(([leader, other]) => ({ from: leader, to: other, percent: 100 }))),
  networkFault("a follower deaf", (world) => {
    const [follower] = world.followers;
    return follower && between(world, [world.cluster.placeOf(follower)])
      .map(([one, other]) => ({ from: other, to: one, percent: 100 }));
  }),
  networkFault("one link one way", (world) => {
    const [from, to] = world.prng.shuffle(world.cluster.nodes.map((_, at) => at));
    return [{ from: from!, to: to!, percent: 100 }];
  }),
  networkFault(
    "the leader's links lossy",
    (world) =>
      between(world, [world.cluster.placeOf(world.leader)])
        .flatMap(([leader, other]) => cut(leader, other, LOSSY_PERCENT)),
  ),
];
