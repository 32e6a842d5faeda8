/**
 * Who the members of a cluster are. A configuration is an entry of the log: it holds from the moment
 * it is appended, and no longer when it is truncated (thesis 4.1).
 *
 * @module
 */
import { MalformedError } from "./entry_codec.ts";
import type { Index } from "./numbers.ts";
import { isStoreId, type StoreId } from "./store_id.ts";

/** A member's name: chosen by people. A voter's name stands for one store ({@linkcode Server.storeId}). */
export type ServerId = string;

/** Where a member's transport listens, in the transport's own notation (`host:port` for TCP). */
export type ServerAddress = string;

/**
 * Whether a member's vote and acknowledgement count (`voter`), it only receives the log (`nonvoter`), or it
 * receives the log and its leader makes it a voter as soon as it has caught up (`staging`).
 */
export type Suffrage = "voter" | "nonvoter" | "staging";

/** One member: a name, where it listens, and what it has to say. */
export interface Server {
  /** Its name, unique in the configuration. */
  readonly id: ServerId;
  /** Its address, unique in the configuration. */
  readonly address: ServerAddress;
  /** Whether it votes. */
  readonly suffrage: Suffrage;
  /**
   * The store that the name of a voter stands for: what another one says under this name does not count. Missing until a leader has
   * heard the voter, and writes it down; nobody else need give it.
   */
  readonly storeId?: StoreId;
}

/** All members of a cluster (thesis, chapter 4). */
export interface Configuration {
  /** The members, in no particular order. */
  readonly servers: readonly Server[];
}

/** A configuration and the index of the entry that carries it. */
export interface IndexedConfiguration {
  /** Index of the configuration entry; 0 for the empty configuration before any. */
  readonly index: Index;
  /** The members. */
  readonly configuration: Configuration;
}

/** A cluster without members: what a node knows before it is bootstrapped or hears of a leader. */
export const EMPTY_CONFIGURATION: Configuration = { servers: [] };

const SUFFRAGES: readonly unknown[] = ["voter", "nonvoter", "staging"] satisfies Suffrage[];

/** Longest id or address, in UTF-16 code units. */
const NAME_LENGTH_MAX = 255;

/** The member `id`, or `undefined`. */
export function findServer(configuration: Configuration, id: ServerId): Server | undefined {
  return configuration.servers.find((server) => server.id === id);
}

/** Whether `id` is a member with a vote. */
export function isVoter(configuration: Configuration, id: ServerId): boolean {
  return findServer(configuration, id)?.suffrage === "voter";
}

/** The ids of the members with a vote. */
export function voterIds(configuration: Configuration): ServerId[] {
  return configuration.servers.filter((server) => server.suffrage === "voter").map((s) => s.id);
}

/**
 * What is wrong with `configuration`, in words, or `undefined` if nothing is: there must be a voter,
 * and ids and addresses must be unique text, not empty and at most 255 characters; stores are named by 12 hexadecimal digits.
 */
export function configurationProblem(configuration: Configuration): string | undefined {
  const ids = new Set<string>();
  const addresses = new Set<string>();
  let voters = 0;
  if (!Array.isArray(configuration?.servers)) return "a configuration has no list of servers";
  for (const server of configuration.servers) {
    const problem = typeProblem(server);
    if (problem !== undefined) return problem;
    const { id, address, suffrage, storeId } = server;
    if (id === "") return "a server has an empty id";
    if (address === "") return `server ${JSON.stringify(id)} has an empty address`;
    if (id.length > NAME_LENGTH_MAX || address.length > NAME_LENGTH_MAX) {
      return `an id or address is longer than ${NAME_LENGTH_MAX} characters: ${id.slice(0, 40)}…`;
    }
    if (ids.has(id)) return `two servers have the id ${JSON.stringify(id)}`;
    if (addresses.has(address)) return `two servers have the address ${JSON.stringify(address)}`;
    if (storeId !== undefined && (typeof storeId !== "string" || !isStoreId(storeId))) {
      return `the store of server ${JSON.stringify(id)} is ${
        JSON.stringify(storeId)
      }; allowed are ` +
        "12 hexadecimal digits";
    }
    ids.add(id);
    addresses.add(address);
    if (suffrage === "voter") voters += 1;
  }
  return voters === 0 ? "a configuration needs at least one voter" : undefined;
}

/** What is wrong with `server` as a value: lists of members often come from files, whose types nobody has checked. */
function typeProblem(server: Server): string | undefined {
  if (typeof server !== "object" || server === null) {
    return `a server is ${JSON.stringify(server)}; allowed is one with id, address and suffrage`;
  }
  const { id, address, suffrage } = server;
  if (typeof id !== "string") return `the id of a server is ${JSON.stringify(id)}; allowed is text`;
  const name = JSON.stringify(id);
  if (typeof address !== "string") {
    return `the address of server ${name} is ${JSON.stringify(address)}; allowed is text`;
  }
  return SUFFRAGES.includes(suffrage)
    ? undefined
    : `the suffrage of server ${name} is ${JSON.stringify(suffrage)}; ` +
      "allowed are voter, nonvoter and staging";
}

/** The bytes of a configuration entry: JSON, since it is rare and people read it. */
export function encodeConfiguration(configuration: Configuration): Uint8Array<ArrayBuffer> {
  const servers = configuration.servers.map(serverFields);
  return new TextEncoder().encode(JSON.stringify({ servers }));
}

/** The inverse of {@linkcode encodeConfiguration}. Throws {@linkcode MalformedError}. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const text = new TextDecoder().decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MalformedError(`a configuration entry is not JSON: ${text.slice(0, 80)}`);
  }
  const servers = (value as { servers?: unknown } | null)?.servers;
  if (!Array.isArray(servers) || !servers.every(isServer)) {
    throw new MalformedError(
      `a configuration entry is not {"servers":[{"id","address","suffrage","storeId"?}]}: ${
        text.slice(0, 80)
      }`,
    );
  }
  return {
    servers: servers.map(serverFields),
  };
}

function serverFields({ id, address, suffrage, storeId }: Server): Server {
  return { id, address, suffrage, ...(storeId !== undefined && { storeId }) };
}

function isServer(value: unknown): value is Server {
  if (typeof value !== "object" || value === null) return false;
  const { id, address, suffrage, storeId } = value as Partial<Record<keyof Server, unknown>>;
  return typeof id === "string" && typeof address === "string" &&
    (storeId === undefined || (typeof storeId === "string" && isStoreId(storeId))) &&
    SUFFRAGES.includes(suffrage);
}
