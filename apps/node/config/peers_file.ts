/**
 * The file of peers that `recover` is given: hashicorp/raft's peers.json, in both of its forms.
 *
 * ```json
 * [{ "id": "n1", "address": "10.0.0.1:7001", "non_voter": false }]
 * ```
 *
 * ```json
 * ["10.0.0.1:7001"]
 * ```
 *
 * The second is that of its protocol 2, in which a server's id is its address.
 *
 * @module
 */
import type { Configuration } from "@coracle/core";
import { z } from "zod";
import { isUnspecified, parseAddress } from "./address.ts";
import { readJsonFile } from "./load.ts";
import { ConfigError, describeProblems } from "./problems.ts";
import { address, type FieldSchema } from "./schema.ts";

const ALLOWED = 'a list such as [{"id": "n1", "address": "10.0.0.1:7001", "non_voter": false}] ' +
  'or ["10.0.0.1:7001"]';

const peerAddress = address(1, { description: "Where the other members reach it." });

const server = z.strictObject({
  id: z.string().min(1).max(255).meta({ allowed: "a name of 1 to 255 characters" }),
  address: peerAddress,
  non_voter: z.boolean().meta({ allowed: "true or false; without it, false" }).default(false),
}).meta({ allowed: '{"id", "address"} and perhaps "non_voter", as in the others' });

type PeerServer = z.output<typeof server>;

const servers = z.array(server).min(1).meta({ allowed: ALLOWED });
const addresses = z.array(peerAddress).min(1).meta({ allowed: ALLOWED });

/** The forms, and how each is made a list of servers. */
const withIds = servers.pipe(z.custom<PeerServer[]>().superRefine(checkTogether));
const ofAddresses = addresses
  .transform((list) => list.map((one): PeerServer => ({ id: one, address: one, non_voter: false })))
  .pipe(z.custom<PeerServer[]>().superRefine(checkTogether));

/**
 * The members in the file of peers at `path`. Throws {@linkcode ConfigError} with a line for each thing that is wrong: it names the file,
 * what was given and what is allowed.
 */
export function readPeersFile(path: string): Configuration {
  const value = readJsonFile("--peers", path, ALLOWED);
  const isOfAddresses = Array.isArray(value) && typeof value[0] === "string";
  const [form, schema] = isOfAddresses ? [ofAddresses, addresses] : [withIds, servers];
  const parsed = form.safeParse(value, { reportInput: true });
  if (!parsed.success) {
    const described = { schema: z.toJSONSchema(schema, { io: "input" }) as FieldSchema };
    throw new ConfigError(
      describeProblems(parsed.error, () => ` (in ${path})`, { ...described, whole: "the list" }),
    );
  }
  return {
    servers: parsed.data.map(({ id, address, non_voter }) => ({
      id,
      address,
      suffrage: non_voter ? "nonvoter" : "voter",
    })),
  };
}

/** Checks how the servers go together, once each is right by itself. */
function checkTogether(list: readonly PeerServer[], ctx: z.RefinementCtx): void {
  const refuse = (path: PropertyKey[], input: unknown, allowed: string) => {
    ctx.addIssue({ code: "custom", path, input, params: { allowed } });
  };
  list.forEach((one, at) => {
    const before = list.slice(0, at);
    if (before.some(({ address }) => address === one.address)) {
      refuse([at, "address"], one.address, "an address that no other server has");
    } else if (before.some(({ id }) => id === one.id)) {
      refuse([at, "id"], one.id, "an id that no other server has");
    }
    if (isUnspecified(parseAddress(one.address)!.host)) {
      refuse([at, "address"], one.address, "an address that other members can connect to");
    }
  });
  if (list.every(({ non_voter }) => non_voter)) {
    refuse([], list, 'a list with a server that votes: one without "non_voter": true');
  }
}
