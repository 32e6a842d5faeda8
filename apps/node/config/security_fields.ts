/**
 * The fields of a node's configuration that say who may connect to it, and how they go together.
 *
 * @module
 */
import { z } from "zod";
import { type Address, formatAddress, isLoopback } from "./address.ts";

/** The schema of a path. The system takes none with a NUL character, which a configuration's file can hold. */
export function path<Meta extends { readonly description: string }>(meta: Meta) {
  return z.string().min(1).refine((text) => !text.includes("\0")).meta({
    ...meta,
    allowed: "a path that is not empty and has no NUL character",
  });
}

function file(description: string) {
  return path({ description, otherwise: "none" }).optional();
}

/** What a certificate of a member must be: also for the help. */
const MEMBER_CERTIFICATE =
  "one of its DNS names must be this node's id, and it must be good for servers and for clients";

/** The fields. */
export const securityFields = {
  peerTlsCa: file(
    "PEM file with the authorities of the members' certificates. With peerTlsCert and peerTlsKey, " +
      "members speak TLS with each other, and each proves who it is.",
  ),
  peerTlsCert: file(`PEM file with this node's certificate for members: ${MEMBER_CERTIFICATE}.`),
  peerTlsKey: file("PEM file with the key of peerTlsCert."),

  clientTlsCert: file(
    "PEM file with the certificate that clients are shown. With clientTlsKey, clients must speak TLS.",
  ),
  clientTlsKey: file("PEM file with the key of clientTlsCert."),
  clientTlsCa: file(
    "PEM file with authorities: every client must present a certificate of one of them.",
  ),

  tokenFile: file(
    "File with the token that administration asks for: one line of 16 to 1024 letters, digits and signs.",
  ),
  tokenEnv: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/).meta({
    description: "Environment variable with that token, instead of a file.",
    allowed: "the name of an environment variable",
    otherwise: "none",
  }).optional(),
  tokenScope: z.enum(["administration", "everything"]).meta({
    description: "What asks for the token: RaftAdmin and CoracleAdmin, or words as well. Health " +
      "and reflection never do.",
    allowed: "administration or everything",
  }).default("administration"),

  insecure: z.boolean().meta({
    description:
      "Whether to listen beyond this machine although members or clients need neither TLS nor, " +
      "for administration, a token or certificate. For networks that something else protects.",
    allowed: "true or false",
  }).default(false),
};

/** The values of the fields. */
export type SecuritySettings = z.output<z.ZodObject<typeof securityFields>>;

/** Where the node listens. */
export interface Listening {
  /** For members. */
  readonly raftListen: Address;
  /** For clients. */
  readonly grpcListen: Address;
  /** For clients over HTTP. */
  readonly httpListen: Address | undefined;
}

/** A field whose value does not go together with others, and what would. */
export interface SecurityProblem {
  /** The field. */
  readonly field: keyof SecuritySettings | keyof Listening;
  /** Its value. */
  readonly given: unknown;
  /** What would be right, in words. */
  readonly allowed: string;
}

/** What of `settings` does not go together, for a node that listens at `listening`. */
export function securityProblems(
  settings: SecuritySettings,
  listening: Listening,
): SecurityProblem[] {
  return [
    ...incompleteProblems(settings),
    ...(settings.insecure ? [] : exposureProblems(settings, listening)),
  ];
}

function incompleteProblems(settings: SecuritySettings): SecurityProblem[] {
  const problems: SecurityProblem[] = [];
  const needs = (field: keyof SecuritySettings, others: readonly (keyof SecuritySettings)[]) => {
    const given = others.filter((other) => settings[other] !== undefined);
    if (settings[field] !== undefined || given.length === 0) return;
    problems.push({ field, given: undefined, allowed: `a path, since ${given[0]} is given` });
  };
  needs("peerTlsCa", ["peerTlsCert", "peerTlsKey"]);
  needs("peerTlsCert", ["peerTlsCa", "peerTlsKey"]);
  needs("peerTlsKey", ["peerTlsCa", "peerTlsCert"]);
  needs("clientTlsCert", ["clientTlsKey", "clientTlsCa"]);
  needs("clientTlsKey", ["clientTlsCert", "clientTlsCa"]);
  if (settings.tokenFile !== undefined && settings.tokenEnv !== undefined) {
    problems.push({
      field: "tokenEnv",
      given: settings.tokenEnv,
      allowed: "nothing, since tokenFile is given",
    });
  }
  if (settings.tokenScope === "everything" && !hasToken(settings)) {
    problems.push({
      field: "tokenScope",
      given: settings.tokenScope,
      allowed: "administration, unless tokenFile or tokenEnv is given",
    });
  }
  return problems;
}

/** What would be open to a network. */
function exposureProblems(
  settings: SecuritySettings,
  { raftListen, grpcListen, httpListen }: Listening,
): SecurityProblem[] {
  const problems: SecurityProblem[] = [];
  if (!isLoopback(raftListen.host) && settings.peerTlsCert === undefined) {
    problems.push({
      field: "raftListen",
      given: formatAddress(raftListen),
      allowed: "an address of this machine alone, such as 127.0.0.1:7001, unless peerTlsCa, " +
        "peerTlsCert and peerTlsKey are given, or insecure is true",
    });
  }
  const proven = settings.clientTlsCa !== undefined || hasToken(settings);
  if (settings.clientTlsCert !== undefined && proven) return problems;
  const forClients = [
    ["grpcListen", grpcListen, "127.0.0.1:50051"],
    ["httpListen", httpListen, "127.0.0.1:8080"],
  ] as const;
  for (const [field, address, example] of forClients) {
    if (address === undefined || isLoopback(address.host)) continue;
    problems.push({
      field,
      given: formatAddress(address),
      allowed: `an address of this machine alone, such as ${example}, unless clientTlsCert ` +
        "and clientTlsKey are given and one of clientTlsCa, tokenFile and tokenEnv, or insecure " +
        "is true",
    });
  }
  return problems;
}

function hasToken({ tokenFile, tokenEnv }: SecuritySettings): boolean {
  return tokenFile !== undefined || tokenEnv !== undefined;
}
