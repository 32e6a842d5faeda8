/**
 * What requests and answers hold.
 *
 * @module
 */
import { z } from "zod";
import { isUnspecified, parseAddress } from "../config/address.ts";
import { NAME_ALLOWED, NAME_PATTERN } from "../config/name.ts";
import { LOG_LEVELS } from "../config/schema.ts";
import { wholeNumber } from "./endpoint.ts";

/** How many words one request adds. */
const WORDS_MAX = 1000;
/** How many members a configuration may have, in a request. */
const MEMBERS_MAX = 1000;

const index = z.int().min(0);

const nameSchema = z.string().regex(NAME_PATTERN).meta({ allowed: NAME_ALLOWED });

const memberAddress = z.string().refine((text) => {
  const parsed = parseAddress(text);
  return parsed !== undefined && parsed.port > 0 && !isUnspecified(parsed.host);
}).meta({
  description: "Where the other members reach it.",
  allowed: "host:port where other members can connect to it, with a port from 1 to 65535",
});

const previousIndex = index.optional().meta({
  description: "Refuse the change unless the configuration in force is the one at this index.",
  allowed: "a whole number from 0 on",
});

/** `?level=`: how fresh an answer must be. */
export const levelField = {
  level: z.enum(["linearizable", "lease", "local"]).optional().meta({
    description: "How fresh the answer must be. Default: linearizable. local answers at once " +
      "with what the node has, which may be old.",
    allowed: "linearizable, lease or local",
  }),
};

/** `{id}` in a path. */
export const memberParams = z.strictObject({ id: nameSchema });

/** The best words. */
export const wordsSchema = z.strictObject({
  index: index.meta({ description: "The words hold what the log says up to this entry." }),
  bestWords: z.array(z.string()).meta({ description: "At most three, the best first." }),
});

/** Words to add. */
export const addWordsSchema = z.strictObject({
  words: z.array(
    z.string().refine((text) => text.isWellFormed()).meta({ allowed: "text of valid Unicode" }),
  ).min(1).max(WORDS_MAX).meta({
    description: "They are added in this order.",
    allowed: `a list of 1 to ${WORDS_MAX} words`,
  }),
}).meta({ allowed: 'an object such as {"words": ["oar"]}' });

/** Words that were added. */
export const addedSchema = z.strictObject({
  words: z.array(z.strictObject({ word: z.string(), index })).meta({
    description: "Each word, and the index of its entry in the log.",
  }),
});

const suffrage = z.enum(["voter", "nonvoter", "staging"]).meta({
  description: "Whether it votes; staging is one that will when it has caught up.",
  allowed: "voter, nonvoter or staging",
});

const memberSchema = z.strictObject({
  id: z.string(),
  address: z.string().meta({ description: "Where the other members reach it." }),
  suffrage,
  clientAddress: z.string().optional().meta({
    description: "Where clients reach it over gRPC, if the node knows.",
  }),
  httpUrl: z.string().optional().meta({
    description: "Where clients reach it over HTTP, if the node knows.",
  }),
});

/** The configuration in force. */
export const configurationSchema = z.strictObject({
  index: index.meta({ description: "Of its entry in the log." }),
  members: z.array(memberSchema),
});

/** A configuration that is wanted. */
export const targetSchema = z.strictObject({
  members: z.array(z.strictObject({
    id: nameSchema,
    address: memberAddress,
    suffrage: z.enum(["voter", "nonvoter"]).default("voter").meta({
      description: "Whether it votes. Default: voter.",
      allowed: "voter or nonvoter",
    }),
  })).min(1).max(MEMBERS_MAX).meta({ allowed: `a list of 1 to ${MEMBERS_MAX} members` }),
}).meta({
  allowed: 'an object such as {"members": [{"id": "n1", "address": "127.0.0.1:7001"}]}',
});

/** How a member is to be. */
export const putMemberSchema = z.strictObject({
  address: memberAddress.optional().meta({
    description: "Where the other members reach it. May be left out for one that is a member.",
    allowed: "host:port where other members can connect to it, with a port from 1 to 65535",
  }),
  suffrage: z.enum(["voter", "nonvoter"]).default("voter").meta({
    description: "Whether it is to vote. A new voter catches up first. Default: voter.",
    allowed: "voter or nonvoter",
  }),
  previousIndex,
}).meta({ allowed: 'an object such as {"address": "127.0.0.1:7004", "suffrage": "voter"}' });

/** The query of a change of one member. */
export const previousIndexField = {
  previousIndex: wholeNumber(index).optional().meta({
    description: "Refuse the change unless the configuration in force is the one at this index.",
    allowed: "a whole number from 0 on",
  }),
};

/** A configuration was changed. */
export const changedSchema = z.strictObject({
  index: index.meta({ description: "Of the entry with the configuration that was reached." }),
});

/** Who shall lead. */
export const transferSchema = z.strictObject({
  to: nameSchema.optional().meta({
    description:
      "Who shall lead. Default: the best voter, by priority and then by how far its log is.",
    allowed: NAME_ALLOWED,
  }),
}).meta({ allowed: 'an object such as {} or {"to": "n2"}' });

/** Nothing is to be said but that it is done. */
export const doneSchema = z.strictObject({ done: z.literal(true) });

/** A snapshot. */
export const snapshotSchema = z.strictObject({
  id: z.string(),
  lastIncludedIndex: index,
  lastIncludedTerm: index,
  sizeBytes: index,
  createdAt: z.iso.datetime(),
});

/** A backup was restored. */
export const restoredSchema = z.strictObject({
  sizeBytes: index.meta({ description: "Bytes of the state machine that were restored." }),
});

const logLevel = z.enum(LOG_LEVELS).meta({
  description: "The least important messages that are logged.",
  allowed: LOG_LEVELS.join(", "),
});

/** The level of the logs. */
export const logLevelSchema = z.strictObject({ level: logLevel }).meta({
  allowed: 'an object such as {"level": "debug"}',
});

/** The level of the logs was changed. */
export const logLevelChangedSchema = z.strictObject({ level: logLevel, previousLevel: logLevel });

const ms = z.number().min(0);

/** How far one follower is. */
const followerSchema = z.strictObject({
  id: z.string(),
  matchIndex: index.meta({ description: "Its log agrees with the leader's up to here, on disk." }),
  nextIndex: index.meta({ description: "The next entry to be sent." }),
  lagEntries: index.meta({ description: "Entries of the leader that it has not acknowledged." }),
  inflightSizeBytes: index.meta({ description: "Bytes of entries on their way to it." }),
  lastContactMs: ms.meta({ description: "Milliseconds since its last answer." }),
});

/** The node at a glance. */
export const statusSchema = z.strictObject({
  nodeId: z.string(),
  clusterId: z.string(),
  storeId: z.string().meta({ description: "Names the node's disk." }),
  version: z.string().meta({ description: "Of the node's program." }),
  startedAt: z.iso.datetime(),
  state: z.enum(["follower", "candidate", "leader", "shutdown"]),
  term: index,
  leader: memberSchema.optional().meta({ description: "The leader that the node knows of." }),
  members: z.array(memberSchema),
  configurationIndex: index,
  lastLogIndex: index.meta({ description: "The last entry, committed or not." }),
  lastLogTerm: index,
  durableIndex: index.meta({ description: "The last entry that is certainly on its disk." }),
  commitIndex: index.meta({ description: "The last entry that it knows to be committed." }),
  appliedIndex: index.meta({ description: "The last entry that its state machine has applied." }),
  fsmPending: index.meta({ description: "Entries that are committed and not applied." }),
  lastSnapshotIndex: index.meta({ description: "The last entry of the newest snapshot; 0: none." }),
  lastSnapshotTerm: index,
  lastContactMs: ms.optional().meta({
    description: "Milliseconds since the leader was heard: 0 on the leader, absent for never.",
  }),
  uncommittedSizeBytes: index.meta({ description: "On the leader: of entries not committed." }),
  followers: z.array(followerSchema).meta({ description: "On the leader: the other members." }),
  entriesPerSecond: z.number().min(0).meta({
    description: "Entries that the state machine has come on by in the last second.",
  }),
  diskWrites: index.meta({ description: "Writes of entries to its disk in the last second." }),
  diskWriteMs: ms.optional().meta({
    description: "How long one of them took, syncing included, on average. Absent without any.",
  }),
  diskWriteMaxMs: ms.optional().meta({ description: "How long the longest of them took." }),
  logLevel,
});

/** The node at a glance. */
export type Status = z.output<typeof statusSchema>;

/** Whether a node is alive. */
export const liveSchema = z.strictObject({ live: z.literal(true) });

/** Whether a node can serve. */
export const readySchema = z.strictObject({
  ready: z.literal(true),
  leader: z.string().meta({ description: "The leader that it hears, or is." }),
});
