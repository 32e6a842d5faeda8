/**
 * The port to structured logs. Shaped so that a logger of `@logtape/logtape` fits as it is.
 *
 * @module
 */

/** Writes one line of structured log: a message with `{placeholders}` and the values of its properties. Should not throw: what it throws is lost. */
export interface Logger {
  /** What only a developer wants to know. */
  debug(message: string, properties?: Record<string, unknown>): void;
  /** What an operator wants to know: roles, members, start and stop. */
  info(message: string, properties?: Record<string, unknown>): void;
  /** What should not be, but is coped with. */
  warn(message: string, properties?: Record<string, unknown>): void;
  /** What stops something from working. */
  error(message: string, properties?: Record<string, unknown>): void;
}

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
