/**
 * What can be done to a node as a whole, whichever way it is asked for.
 *
 * @module
 */
import { restoreBackup, takeBackup, type TakeOptions } from "../backup/transfer.ts";
import type { LogLevel } from "../config/schema.ts";
import type { Logs } from "../log.ts";
import type { NodeParts } from "../parts.ts";
import { type NodeStatus, nodeStatus } from "./status.ts";

/** See the module's description. */
export class NodeAdmin {
  readonly #parts: NodeParts;
  readonly #logs: LevelledLogs;

  /** `logs`: where the node logs. */
  constructor(parts: NodeParts, logs: LevelledLogs) {
    this.#parts = parts;
    this.#logs = logs;
  }

  /** The node's state at a glance. */
  status(): NodeStatus {
    return nodeStatus(this.#parts);
  }

  /** A backup file. Rejects with a `RaftError`. */
  takeBackup(options: TakeOptions): AsyncIterable<Uint8Array> {
    return takeBackup(this.#parts, options);
  }

  /**
   * Replaces the state of all nodes by that of a backup file, on the leader; resolves to the size of its data. Rejects with a
   * `BackupError`, a `RaftError`, or what `chunks` throws.
   */
  async restoreBackup(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
    const { raft, logger, config } = this.#parts;
    const sizeBytes = await restoreBackup({ raft }, chunks, signal);
    logger.info("node {id} has restored a backup of {sizeBytes} bytes", {
      id: config.id,
      sizeBytes,
    });
    return sizeBytes;
  }

  /** Leads no longer. Rejects with a `RaftError`. */
  async stepDown(): Promise<void> {
    await this.#parts.raft.stepDown();
  }

  /** The least important messages that are logged. */
  get logLevel(): LogLevel {
    return this.#logs.settings.logLevel;
  }

  /** Logs those that are at least as important as `logLevel`. */
  set logLevel(logLevel: LogLevel) {
    if (logLevel === this.logLevel) return;
    this.#logs.configure({ logLevel });
    this.#parts.logger.info("node {id} logs messages from {logLevel} on", {
      id: this.#parts.config.id,
      logLevel,
    });
  }
}

/** Logs whose level can be changed. */
export type LevelledLogs = Pick<Logs, "logger" | "settings" | "configure">;
