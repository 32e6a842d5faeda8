/**
 * A logger that cannot stop a node.
 *
 * @module
 */
import type { Logger } from "../ports/logger.ts";

/** `logger`, whose errors harm nobody: a node must not stop because a line of its log cannot be written. */
export function harmlessLogger(logger: Logger): Logger {
  const write = (level: keyof Logger): Logger[keyof Logger] => (message, properties) => {
    try {
      logger[level](message, properties);
    } catch {
      // There is nobody to be told but the logger.
    }
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
}
