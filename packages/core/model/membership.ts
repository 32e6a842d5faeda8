/**
 * Changes of the membership, one server at a time: any majority of the configuration before a change and any
 * majority of the one after it have a server in common (thesis 4.1).
 *
 * @module
 */
import {
  type Configuration,
  configurationProblem,
  findServer,
  type Server,
  type ServerAddress,
  type ServerId,
  type Suffrage,
} from "./configuration.ts";

/** One change of the membership. */
export type ConfigurationChange =
  | {
    /** Make `id` a voter; a new server or a non-voter catches up first, unless `immediately`. A voter gets a new address. */
    readonly type: "addVoter";
    /** The server. */
    readonly id: ServerId;
    /** Where it listens. */
    readonly address: ServerAddress;
    /** Let it vote at once, caught up or not. */
    readonly immediately: boolean;
  }
  | {
    /** Add `id` as a server that receives the log and has no vote. A member keeps its suffrage and gets a new address. */
    readonly type: "addNonvoter";
    /** The server. */
    readonly id: ServerId;
    /** Where it listens. */
    readonly address: ServerAddress;
  }
  | {
    /** Take the vote from `id`; it goes on to receive the log. */
    readonly type: "demoteVoter";
    /** The server. */
    readonly id: ServerId;
  }
  | {
    /** Remove `id`. */
    readonly type: "removeServer";
    /** The server. */
    readonly id: ServerId;
  }
  | {
    /** The leader found that the staging server `id` has caught up: it votes from now on. */
    readonly type: "promote";
    /** The server. */
    readonly id: ServerId;
  };

/** The configuration after `change`, or in words why that cannot be. A change of something that is so already gives an equal configuration. */
export function changeConfiguration(
  before: Configuration,
  change: ConfigurationChange,
): Configuration | string {
  const present = findServer(before, change.id);
  const after = withServer(before, change.id, changedServer(present, change));
  if (present === undefined && change.type !== "addVoter" && change.type !== "addNonvoter") {
    return `${JSON.stringify(change.id)} is not a member`;
  }
  return configurationProblem(after) ?? after;
}

function changedServer(
  present: Server | undefined,
  change: ConfigurationChange,
): Server | undefined {
  switch (change.type) {
    case "addVoter": {
      const caughtUp = change.immediately || present?.suffrage === "voter";
      const suffrage: Suffrage = caughtUp ? "voter" : "staging";
      return { ...present, id: change.id, address: change.address, suffrage };
    }
    case "addNonvoter":
      return { suffrage: "nonvoter", ...present, id: change.id, address: change.address };
    case "demoteVoter":
      // Without its store: if it gets its vote back, it has caught up by then, whatever store it has.
      return present && { id: present.id, address: present.address, suffrage: "nonvoter" };
    case "promote":
      return present?.suffrage === "staging" ? { ...present, suffrage: "voter" } : present;
    case "removeServer":
      return undefined;
  }
}

function withServer(
  { servers }: Configuration,
  id: ServerId,
  changed: Server | undefined,
): Configuration {
  const at = servers.findIndex((server) => server.id === id);
  if (at === -1) return { servers: changed === undefined ? servers : [...servers, changed] };
  if (changed === undefined) return { servers: servers.filter((server) => server.id !== id) };
  return { servers: servers.with(at, changed) };
}

/** Whether two configurations have the same members, whatever their order and whether their stores are named. */
export function equalConfigurations(one: Configuration, other: Configuration): boolean {
  return one.servers.length === other.servers.length && one.servers.every((server) => {
    const same = findServer(other, server.id);
    return same?.address === server.address && same.suffrage === server.suffrage;
  });
}

/**
 * The next change on the way from `present` to `target`, or `undefined` at the end of it and while a server that came first has
 * to catch up. New servers come first and old ones go last, so that the cluster never has fewer voters than it must; the
 * server `last` (the leader) goes after all others. A voter that moves to another address changes it while the others vote.
 */
export function nextChange(
  present: Configuration,
  target: Configuration,
  last: ServerId,
): ConfigurationChange | undefined {
  return nextArrival(present, target) ?? nextDeparture(present, target, last);
}

function nextArrival(
  present: Configuration,
  target: Configuration,
): ConfigurationChange | undefined {
  let blocked: ConfigurationChange | undefined;
  for (const { id, address, suffrage } of target.servers) {
    const change = arrival(findServer(present, id), { id, address, suffrage });
    const holder = present.servers.find((one) => one.address === address && one.id !== id);
    if (change === undefined) continue;
    if (holder === undefined) return change;
    // Another name at the address of a server that goes: that one has to go first.
    if (findServer(target, holder.id) === undefined) return { type: "removeServer", id: holder.id };
    // The server at this address moves as well, and has to do so first.
    blocked ??= change;
  }
  return blocked;
}

function arrival(
  now: Server | undefined,
  { id, address, suffrage }: Server,
): ConfigurationChange | undefined {
  const isThere = now?.address === address;
  if (suffrage !== "voter") return isThere ? undefined : { type: "addNonvoter", id, address };
  return isThere && now.suffrage !== "nonvoter"
    ? undefined
    : { type: "addVoter", id, address, immediately: false };
}

function nextDeparture(
  present: Configuration,
  target: Configuration,
  last: ServerId,
): ConfigurationChange | undefined {
  // Nobody goes before those who come can vote.
  const isWaiting = target.servers.some(({ id, suffrage }) =>
    suffrage === "voter" && findServer(present, id)?.suffrage !== "voter"
  );
  if (isWaiting) return undefined;
  const going = present.servers.filter(({ id, suffrage }) => {
    const then = findServer(target, id);
    return then === undefined || (suffrage !== "nonvoter" && then.suffrage === "nonvoter");
  }).sort((a, b) => Number(a.id === last) - Number(b.id === last));
  const [first] = going;
  if (first === undefined) return undefined;
  const removed = findServer(target, first.id) === undefined;
  return { type: removed ? "removeServer" : "demoteVoter", id: first.id };
}
