/**
 * A node's configuration: every field with its meaning, default and limits, in this one place. The
 * help of `start`, the flags and the error messages are all made from it.
 *
 * @module
 */
import { DEFAULT_CONFIG, type RaftConfig } from "@coracle/core";
import { z } from "zod";
import { isUnspecified, parseAddress } from "./address.ts";
import { NAME_ALLOWED, NAME_PATTERN } from "./name.ts";
import { path, securityFields, securityProblems } from "./security_fields.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Where a node listens for members that is told nothing. */
export const RAFT_LISTEN_DEFAULT = "127.0.0.1:7001";

const ENTRY_DATA_MAX_BYTES = 16 * 1024 * 1024 - 32;

/** What can be logged, from the least important on. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** One of {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** What a field's schema says of itself beside what Zod checks. */
interface FieldMeta {
  /** What the field means, in a sentence. */
  readonly description: string;
  /** What may be given, in words; ends the sentence "… is X; allowed is". */
  readonly allowed: string;
  /** The default, where it depends on other fields. */
  readonly otherwise?: string;
}

function name(meta: Omit<FieldMeta, "allowed">) {
  return z.string().regex(NAME_PATTERN).meta({ ...meta, allowed: NAME_ALLOWED });
}

/** The schema of an address with a port from `portLeast` on. */
export function address(
  portLeast: 0 | 1,
  meta: Omit<FieldMeta, "allowed">,
): z.ZodString {
  const fits = (text: string) => {
    const parsed = parseAddress(text);
    return parsed !== undefined && parsed.port >= portLeast;
  };
  return z.string().refine(fits).meta({
    ...meta,
    allowed: `host:port with a port from ${portLeast} to 65535, such as 127.0.0.1:7001`,
  });
}

function whole(least: number, most: number, unit: string, description: string) {
  return z.int().min(least).max(most).meta({
    description,
    allowed: `a whole number of ${unit} from ${least} to ${most}`,
  });
}

/** The settings of the consensus that are numbers. */
type NumberField = {
  [Field in keyof RaftConfig]: RaftConfig[Field] extends number ? Field : never;
}[keyof RaftConfig];

function ms(field: NumberField, least: number, description: string) {
  return whole(least, DAY_MS, "milliseconds", description).default(DEFAULT_CONFIG[field]);
}

function bytes(field: NumberField, most: number, description: string) {
  return whole(1, most, "bytes", description).default(DEFAULT_CONFIG[field]);
}

function count(field: NumberField, description: string) {
  return whole(1, Number.MAX_SAFE_INTEGER, "them", description).default(DEFAULT_CONFIG[field]);
}

const peer = z.strictObject({
  id: name({ description: "The member's id." }),
  raft: address(1, { description: "Where the other members reach it." }),
  grpc: address(1, { description: "Where clients reach it, if they should be told." }).optional(),
  http: address(1, { description: "Where clients reach it over HTTP, if they should be told." })
    .optional(),
}).meta({
  description: "An initial member of the cluster.",
  allowed: '{"id", "raft"} and perhaps "grpc", "http"; as a flag ' +
    "id=host:port[,host:port[,host:port]]",
});

/** The fields, before anything is said about how they go together. */
export const fields = z.strictObject({
  id: name({ description: "This node's name in the cluster. Never give it to another disk." })
    .default("n1"),
  clusterId: name({
    description: "The cluster's name. Nodes of different clusters refuse each other.",
  }).default("coracle"),
  dataDir: path({ description: "Directory of the log, term and vote. Made if it is missing." })
    .default("./coracle-data"),

  raftListen: address(0, {
    description: "Where to listen for the other members. Port 0 takes any free one.",
    otherwise: "this node's address in peers, or 127.0.0.1:7001",
  }).optional(),
  raftAdvertise: address(1, {
    description: "Where the other members reach this node.",
    otherwise: "this node's address in peers, or raftListen",
  }).optional(),
  grpcListen: address(0, {
    description: "Where to listen for clients. Port 0 takes any free one.",
  }).default("127.0.0.1:50051"),
  grpcAdvertise: address(1, {
    description:
      "Where clients reach this node: what the other members tell clients while it leads.",
    otherwise: "grpc of this node in peers, or grpcListen if clients can connect to that",
  }).optional(),
  httpListen: address(0, {
    description: "Where to listen for clients over HTTP. Port 0 takes any free one. Metrics are " +
      "collected only with it.",
    otherwise: "none: no HTTP",
  }).optional(),
  httpAdvertise: address(1, {
    description:
      "Where clients reach this node over HTTP: where the other members send them on to.",
    otherwise: "http of this node in peers, or httpListen if clients can connect to that",
  }).optional(),

  controlPort: z.int().min(1).max(65535).meta({
    description:
      "Port on this machine where the page may kill, pause and cut off nodes: the command " +
      "cluster, which started them, listens there.",
    allowed: "a port from 1 to 65535",
    otherwise: "none",
  }).optional(),

  peers: z.array(peer).meta({
    description: "All initial members, this node among them; none for a cluster of one.",
    allowed: 'a list such as [{"id": "n1", "raft": "127.0.0.1:7001", "grpc": "127.0.0.1:50051"}]',
  }).default([]),
  bootstrap: z.boolean().meta({
    description: "Whether to found the cluster if this node holds nothing yet. Tell it to one " +
      "node, once: a node that lost its disk must not found another cluster of the same name.",
    allowed: "true or false",
    otherwise: "true without peers and join, false with them",
  }).optional(),
  join: z.boolean().meta({
    description:
      "Whether to wait until a cluster that is there already adds this node. It founds " +
      "none; peers, if there are any, only say where clients find the others.",
    allowed: "true or false",
  }).default(false),

  ...securityFields,

  heartbeatTimeoutMs: ms(
    "heartbeatTimeoutMs",
    5,
    "A follower that hears nothing from a leader for this long, and up to twice as long at random, stands for election.",
  ),
  electionTimeoutMs: ms(
    "electionTimeoutMs",
    5,
    "A candidate that is not elected within this time, and up to twice as long at random, tries again. Not below heartbeatTimeoutMs.",
  ),
  leaderLeaseTimeoutMs: ms(
    "leaderLeaseTimeoutMs",
    5,
    "A leader that reaches no majority for this long steps down. Not above heartbeatTimeoutMs.",
  ),
  commitTimeoutMs: ms(
    "commitTimeoutMs",
    1,
    "A leader with nothing else to send tells followers of a new commit index after this long.",
  ),
  diskStallTimeoutMs: ms(
    "diskStallTimeoutMs",
    5,
    "A leader whose disk has not completed a write for this long steps down.",
  ),
  requestTimeoutMs: whole(
    1,
    DAY_MS,
    "milliseconds",
    "How long a client's call may take if it gives no deadline of its own.",
  ).default(10_000),

  commandSizeMaxBytes: bytes(
    "commandSizeMaxBytes",
    ENTRY_DATA_MAX_BYTES,
    "Largest command, and so the longest word.",
  ),
  appendSizeMaxBytes: bytes(
    "appendSizeMaxBytes",
    16 * 1024 * 1024,
    "Most bytes of entries in one message to another member.",
  ),
  inflightSizeMaxBytes: bytes(
    "inflightSizeMaxBytes",
    Number.MAX_SAFE_INTEGER,
    "Most bytes of entries on their way to one member, not yet acknowledged.",
  ),
  inflightMessagesMax: count(
    "inflightMessagesMax",
    "Most messages with entries on their way to one member, not yet acknowledged.",
  ),
  uncommittedSizeMaxBytes: bytes(
    "uncommittedSizeMaxBytes",
    Number.MAX_SAFE_INTEGER,
    "Most bytes of entries not yet committed; beyond it, writes are refused at once.",
  ),
  pendingCallsMax: count(
    "pendingCallsMax",
    "Most calls of one kind (writes, reads, …) that wait; beyond it, further ones are refused at once.",
  ),

  snapshotThreshold: count(
    "snapshotThreshold",
    "A snapshot is made when at least so many entries were applied since the last one.",
  ),
  snapshotIntervalMs: ms(
    "snapshotIntervalMs",
    5,
    "How often, and up to twice as seldom at random, it is looked whether a snapshot is due.",
  ),
  trailingLogs: whole(
    0,
    Number.MAX_SAFE_INTEGER,
    "entries",
    "Entries that stay in the log after a snapshot contains them, at least.",
  ).default(DEFAULT_CONFIG.trailingLogs),
  snapshotRetain: whole(
    1,
    Number.MAX_SAFE_INTEGER,
    "snapshots",
    "How many snapshots are kept, the newest ones.",
  ).default(2),
  leaseReads: z.boolean().meta({
    description: "Whether a leader may answer reads of level lease from its own memory while it " +
      "holds its lease. Wrong if clocks drift more than clockDriftMax. The same on all nodes.",
    allowed: "true or false",
  }).default(DEFAULT_CONFIG.leaseReads),
  clockDriftMax: z.number().min(0).max(0.5).meta({
    description:
      "Largest relative difference in speed between two nodes' clocks that lease reads allow for.",
    allowed: "a number from 0 to 0.5",
  }).default(DEFAULT_CONFIG.clockDriftMax),
  leaderPriority: z.int().min(0).max(65535).meta({
    description: "How much this node is wanted as the leader, compared with the other voters; " +
      "at 0 it never stands for election, unless it is the only voter.",
    allowed: "a whole number from 0 to 65535",
  }).default(DEFAULT_CONFIG.leaderPriority),
  handoverDelayMs: ms(
    "handoverDelayMs",
    5,
    "How long a voter of higher priority must have kept up before the leader hands over to it.",
  ),
  shutdownOnRemove: z.boolean().meta({
    description: "Whether the node stops when it is removed from the cluster.",
    allowed: "true or false",
  }).default(DEFAULT_CONFIG.shutdownOnRemove),

  segmentSizeBytes: whole(
    1024,
    1024 ** 3,
    "bytes",
    "A file of the log that would become larger is followed by a new one.",
  ).default(64 * 1024 ** 2),
  cacheSizeBytes: whole(
    0,
    Number.MAX_SAFE_INTEGER,
    "bytes",
    "How much memory the most recent entries of the log may take; older ones are read from disk.",
  ).default(16 * 1024 ** 2),

  logLevel: z.enum(LOG_LEVELS).meta({
    description: "The least important messages that are logged.",
    allowed: "debug, info, warning or error",
  }).default("info"),
  logFormat: z.enum(["text", "json"]).meta({
    description: "How messages are logged to standard error: for people, or as JSON lines.",
    allowed: "text or json",
  }).default("text"),
});

/** The configuration as it is given, with defaults filled in. */
export type NodeSettings = z.output<typeof fields>;

/** A member as it is named in `peers`. */
export type PeerSettings = NodeSettings["peers"][number];

/** The name of a field. */
export type FieldName = keyof NodeSettings;

/** The part of a JSON schema that is looked at here. */
export interface FieldSchema {
  readonly type?: string;
  readonly description?: string;
  readonly allowed?: string;
  readonly otherwise?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly items?: FieldSchema;
}

/** The schema as JSON schema: what Zod's own objects say, in a form that can be walked. */
export const jsonSchema: FieldSchema = z.toJSONSchema(fields, { io: "input" }) as FieldSchema;

/** Says that `path` is wrong although its type is right. */
function refuse(ctx: z.RefinementCtx, path: PropertyKey[], given: unknown, allowed: string): void {
  ctx.addIssue({ code: "custom", path, input: given, params: { allowed } });
}

/** Checks how the fields go together, once each is right by itself. */
function checkTogether(settings: NodeSettings, ctx: z.RefinementCtx): void {
  const { heartbeatTimeoutMs, electionTimeoutMs, leaderLeaseTimeoutMs, peers } = settings;
  if (electionTimeoutMs < heartbeatTimeoutMs) {
    refuse(
      ctx,
      ["electionTimeoutMs"],
      electionTimeoutMs,
      `at least heartbeatTimeoutMs, which is ${heartbeatTimeoutMs}`,
    );
  }
  if (leaderLeaseTimeoutMs > heartbeatTimeoutMs) {
    refuse(
      ctx,
      ["leaderLeaseTimeoutMs"],
      leaderLeaseTimeoutMs,
      `at most heartbeatTimeoutMs, which is ${heartbeatTimeoutMs}`,
    );
  }
  peers.forEach(({ id, raft }, at) => {
    const before = peers.slice(0, at);
    if (before.some((other) => other.id === id)) {
      refuse(ctx, ["peers", at, "id"], id, "an id that no other member has");
    }
    if (before.some((other) => other.raft === raft)) {
      refuse(ctx, ["peers", at, "raft"], raft, "an address that no other member has");
    }
    if (isUnspecified(parseAddress(raft)!.host)) {
      refuse(ctx, ["peers", at, "raft"], raft, "an address that other members can connect to");
    }
  });
  if (settings.join && settings.bootstrap === true) {
    refuse(ctx, ["join"], true, "false with bootstrap: a node founds a cluster or joins one");
  }
  const isInitial = peers.some((member) => member.id === settings.id);
  if (peers.length > 0 && !isInitial && !settings.join) {
    refuse(
      ctx,
      ["id"],
      settings.id,
      `one of the members in peers: ${peers.map((member) => member.id).join(", ")}; any with join`,
    );
  }
  const own = peers.find((member) => member.id === settings.id);
  const advertised = settings.raftAdvertise ?? own?.raft ?? settings.raftListen;
  if (advertised !== undefined && isUnspecified(parseAddress(advertised)!.host)) {
    refuse(
      ctx,
      ["raftAdvertise"],
      settings.raftAdvertise,
      `an address that other members can connect to, since this node listens on ${advertised}`,
    );
  }
  const listening = {
    raftListen: parseAddress(settings.raftListen ?? own?.raft ?? RAFT_LISTEN_DEFAULT)!,
    grpcListen: parseAddress(settings.grpcListen)!,
    httpListen: settings.httpListen === undefined ? undefined : parseAddress(settings.httpListen)!,
  };
  for (const { field, given, allowed } of securityProblems(settings, listening)) {
    refuse(ctx, [field], given, allowed);
  }
}

/** The fields and how they go together. */
export const schema = fields.pipe(z.custom<NodeSettings>().superRefine(checkTogether));
