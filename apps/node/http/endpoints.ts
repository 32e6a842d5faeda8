/**
 * All endpoints.
 *
 * @module
 */
import { z } from "zod";
import { endpoint, forwardField, timeoutField } from "./endpoint.ts";
import {
  addedSchema,
  addWordsSchema,
  changedSchema,
  configurationSchema,
  doneSchema,
  levelField,
  liveSchema,
  logLevelChangedSchema,
  logLevelSchema,
  memberParams,
  previousIndexField,
  putMemberSchema,
  readySchema,
  restoredSchema,
  snapshotSchema,
  statusSchema,
  targetSchema,
  transferSchema,
  wordsSchema,
} from "./schemas.ts";

const leaderQuery = z.strictObject({ ...timeoutField, ...forwardField });

/** See the module's description. By the names of their handlers. */
export const ENDPOINTS = {
  getWords: endpoint({
    method: "GET",
    path: "/v1/words",
    summary: "The best words. Every node answers, at every level.",
    query: z.strictObject({ ...levelField, ...timeoutField }),
    answer: wordsSchema,
  }),
  addWords: endpoint({
    method: "POST",
    path: "/v1/words",
    summary: "Adds words, in order. Answers when all of them are committed and applied.",
    needsLeader: true,
    query: leaderQuery,
    body: addWordsSchema,
    answer: addedSchema,
  }),

  getStatus: endpoint({
    method: "GET",
    path: "/v1/status",
    summary: "This node at a glance, whether there is a leader or not.",
    access: "administration",
    answer: statusSchema,
  }),
  getEvents: endpoint({
    method: "GET",
    path: "/v1/events",
    summary: "The status as a stream of server-sent events: at once, when role, term, leader or " +
      "members change, and once a second when anything else does.",
    access: "administration",
    answer: {
      contentType: "text/event-stream",
      description: "Events named status, whose data are those of /v1/status.",
    },
  }),

  getConfiguration: endpoint({
    method: "GET",
    path: "/v1/configuration",
    summary: "The members, as this node knows them.",
    access: "administration",
    answer: configurationSchema,
  }),
  putConfiguration: endpoint({
    method: "PUT",
    path: "/v1/configuration",
    summary: "Changes the members into those given, by single safe steps. May be repeated.",
    access: "administration",
    needsLeader: true,
    query: leaderQuery,
    body: targetSchema,
    answer: changedSchema,
  }),
  putMember: endpoint({
    method: "PUT",
    path: "/v1/members/{id}",
    summary: "Adds a member, or gives one the vote. Answers when it has caught up and votes.",
    access: "administration",
    needsLeader: true,
    params: memberParams,
    query: leaderQuery,
    body: putMemberSchema,
    answer: changedSchema,
  }),
  deleteMember: endpoint({
    method: "DELETE",
    path: "/v1/members/{id}",
    summary: "Removes a member.",
    access: "administration",
    needsLeader: true,
    params: memberParams,
    query: z.strictObject({ ...previousIndexField, ...timeoutField, ...forwardField }),
    answer: changedSchema,
  }),
  demoteMember: endpoint({
    method: "POST",
    path: "/v1/members/{id}/demote",
    summary: "Takes the vote from a member, which goes on to receive the log.",
    access: "administration",
    needsLeader: true,
    params: memberParams,
    query: z.strictObject({ ...previousIndexField, ...timeoutField, ...forwardField }),
    answer: changedSchema,
  }),

  transferLeadership: endpoint({
    method: "POST",
    path: "/v1/leadership/transfer",
    summary: "Hands leadership to another voter. Answers when this node leads no longer.",
    access: "administration",
    needsLeader: true,
    query: z.strictObject(forwardField),
    body: transferSchema,
    answer: doneSchema,
  }),
  stepDown: endpoint({
    method: "POST",
    path: "/v1/leadership/step-down",
    summary: "Lets the leader lead no longer, whoever leads next.",
    access: "administration",
    needsLeader: true,
    query: z.strictObject(forwardField),
    answer: doneSchema,
  }),

  takeSnapshot: endpoint({
    method: "POST",
    path: "/v1/snapshots",
    summary: "Makes a snapshot on this node, and compacts its log.",
    access: "administration",
    answer: snapshotSchema,
  }),
  getBackup: endpoint({
    method: "GET",
    path: "/v1/backup",
    summary: "A backup file with all that was acknowledged before, from any node.",
    access: "administration",
    query: z.strictObject({
      level: z.enum(["linearizable", "local"]).optional().meta({
        description: "local takes what the node has, which may be old, also without a leader.",
        allowed: "linearizable or local",
      }),
      ...timeoutField,
    }),
    answer: {
      contentType: "application/vnd.coracle.backup",
      description: "The bytes of the file (docs/backup-format.md), once they are all right: a " +
        "connection that ends too early is a backup that is cut short, which is refused.",
    },
  }),
  restoreBackup: endpoint({
    method: "POST",
    path: "/v1/restore",
    summary: "Replaces the state of all nodes by that of a backup file, which is the body: all " +
      "of it or, if it is damaged, nothing.",
    access: "administration",
    needsLeader: true,
    query: z.strictObject(forwardField),
    body: "stream",
    answer: restoredSchema,
  }),

  getLogLevel: endpoint({
    method: "GET",
    path: "/v1/log-level",
    summary: "The least important messages that this node logs.",
    access: "administration",
    answer: logLevelSchema,
  }),
  putLogLevel: endpoint({
    method: "PUT",
    path: "/v1/log-level",
    summary: "Changes it, until it is changed again or the node is started again.",
    access: "administration",
    body: logLevelSchema,
    answer: logLevelChangedSchema,
  }),

  getLive: endpoint({
    method: "GET",
    path: "/live",
    summary: "Whether the node runs: if not, start it again.",
    access: "open",
    answer: liveSchema,
  }),
  getReady: endpoint({
    method: "GET",
    path: "/ready",
    summary: "Whether the node leads or hears its leader, and has applied since it was started " +
      "all that was committed before.",
    access: "open",
    answer: readySchema,
  }),
  getMetrics: endpoint({
    method: "GET",
    path: "/metrics",
    summary: "Metrics for Prometheus (docs/metrics.md).",
    answer: {
      contentType: "text/plain; version=0.0.4; charset=utf-8",
      description: "Prometheus's text format.",
    },
  }),
  getOpenApi: endpoint({
    method: "GET",
    path: "/openapi.json",
    summary: "This description.",
    access: "open",
    answer: { contentType: "application/json", description: "OpenAPI 3.1." },
  }),
};

/** The names of all endpoints. */
export type EndpointName = keyof typeof ENDPOINTS;
