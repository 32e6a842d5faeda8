/**
 * gRPC's health service. It tells clients who leads: the leader is SERVING for the services that
 * need one, all others are NOT_SERVING. Clients that balance over all nodes find the leader this way.
 *
 * @module
 */
import { status } from "@grpc/grpc-js";
import {
  type Health,
  HealthCheckResponse_ServingStatus,
  type HealthCheckResponseSchema,
} from "../gen/grpc/health/v1/health_pb.ts";
import type { AnswerStream, Handlers } from "./handlers.ts";
import { CallError } from "./status.ts";

type ServingStatus = HealthCheckResponse_ServingStatus;
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;

/** The services that only the leader serves: the words, and the name that leadership itself goes by. */
const LEADER_SERVICES = ["Example", "quis.RaftLeader"] as const;

/** The services that every node serves. The empty name is the server as a whole. */
const NODE_SERVICES = ["", "RaftAdmin", "coracle.v1.CoracleAdmin"] as const;

type Watcher = AnswerStream<typeof HealthCheckResponseSchema>;

/** The statuses of a server's services, and who watches them. */
export class HealthStatuses {
  readonly #statuses = new Map<string, ServingStatus>([
    ...NODE_SERVICES.map((service) => [service, SERVING] as const),
    ...LEADER_SERVICES.map((service) => [service, NOT_SERVING] as const),
  ]);
  readonly #watchers = new Map<string, Set<Watcher>>();

  /** Says whether this node leads. */
  setLeading(leading: boolean): void {
    for (const service of LEADER_SERVICES) this.#set(service, leading ? SERVING : NOT_SERVING);
  }

  /** Says that nothing is served any more, and ends every watch. */
  close(): void {
    for (const service of this.#statuses.keys()) this.#set(service, NOT_SERVING);
    const gone = new CallError(status.UNAVAILABLE, "shutdown", "the node is shutting down");
    for (const watchers of this.#watchers.values()) {
      for (const watcher of watchers) watcher.end(gone);
    }
    this.#watchers.clear();
  }

  /** The methods of the service. */
  readonly handlers: Handlers<typeof Health> = {
    check: ({ service }) => {
      const known = this.#statuses.get(service);
      if (known === undefined) {
        throw new CallError(
          status.NOT_FOUND,
          "unknown-service",
          `service ${JSON.stringify(service)} is unknown; known are ${
            [...this.#statuses.keys()].map((name) => JSON.stringify(name)).join(", ")
          }`,
        );
      }
      return { status: known };
    },
    watch: ({ service }, answers) => {
      const watchers = this.#watchers.get(service) ?? new Set();
      this.#watchers.set(service, watchers.add(answers));
      answers.send({ status: this.#statuses.get(service) ?? SERVICE_UNKNOWN });
      return () => {
        watchers.delete(answers);
        if (watchers.size === 0) this.#watchers.delete(service);
      };
    },
    list: () => ({
      statuses: Object.fromEntries(
        [...this.#statuses].map(([service, status]) => [service, { status }]),
      ),
    }),
  };

  #set(service: string, next: ServingStatus): void {
    if (this.#statuses.get(service) === next) return;
    this.#statuses.set(service, next);
    for (const watcher of this.#watchers.get(service) ?? []) watcher.send({ status: next });
  }
}
