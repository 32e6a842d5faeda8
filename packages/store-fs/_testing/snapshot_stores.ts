/**
 * What tests of a snapshot store look at besides it.
 *
 * @module
 */
import { type Logger, silentLogger } from "@coracle/core";
import type { MemoryDisk } from "./memory_disk.ts";

/** The files in the directory of snapshots. */
export function files(disk: MemoryDisk): string[] {
  return disk.paths().filter((path) => path.startsWith("/d/snapshots/"));
}

/** A logger that collects what it is told. */
export function listening(): {
  logger: Logger;
  heard: [string, Record<string, unknown> | undefined][];
} {
  const heard: [string, Record<string, unknown> | undefined][] = [];
  const hear: Logger["warn"] = (message, properties) => void heard.push([message, properties]);
  return { logger: { ...silentLogger, warn: hear, error: hear }, heard };
}
