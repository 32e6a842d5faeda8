/**
 * Structured logs on standard error: for people, or as JSON lines for machines.
 *
 * @module
 */
import type { Logger } from "@coracle/core";
import {
  configureSync,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type TextFormatter,
} from "@logtape/logtape";
import type { NodeSettings } from "./config/schema.ts";

/** What is logged, and how. */
export type LogSettings = Pick<NodeSettings, "logLevel" | "logFormat">;

/** Sends all logs of this process to standard error. What is logged, and how, can be changed at any time. */
export class Logs {
  /** The node's logger. */
  readonly logger: Logger = getLogger(["coracle"]);
  #settings: LogSettings;

  /** `settings`: what is logged, and how, until that is changed. */
  constructor(settings: LogSettings) {
    this.#settings = settings;
    this.configure(settings);
  }

  /** What is logged, and how. */
  get settings(): LogSettings {
    return this.#settings;
  }

  /** Changes what is logged, and how, as far as it is given. */
  configure(changes: Partial<LogSettings>): void {
    const { logLevel, logFormat } = this.#settings = { ...this.#settings, ...changes };
    const format = formatter(logFormat, Deno.stderr.isTerminal() && !Deno.noColor);
    const encoder = new TextEncoder();
    configureSync({
      reset: true,
      sinks: {
        stderr: (record) => void Deno.stderr.writeSync(encoder.encode(format(record))),
      },
      loggers: [
        { category: ["coracle"], lowestLevel: logLevel, sinks: ["stderr"] },
        { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
      ],
    });
  }
}

/** How a record becomes a line; `colors` for a terminal that shows them. */
export function formatter(format: LogSettings["logFormat"], colors: boolean): TextFormatter {
  const options = { timestamp: "rfc3339", category: "·", value: valueText } as const;
  switch (format) {
    case "text":
      return colors ? getAnsiColorFormatter(options) : getTextFormatter(options);
    case "json": {
      const message = getTextFormatter({ ...options, format: (values) => values.message });
      const line = getJsonLinesFormatter({ properties: "nest:properties" });
      return (record) => line({ ...record, message: [message(record).trimEnd()] });
    }
  }
}

/** Text as it is but for control characters, an error by its message and causes, anything else as JSON. */
function valueText(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value).slice(1, -1);
  if (value instanceof Error) return errorText(value);
  return JSON.stringify(value) ?? String(value);
}

/** An error in one line: its message, then what it was caused by. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = `${error.name}: ${error.message}`;
  return error.cause === undefined ? text : `${text} (caused by ${errorText(error.cause)})`;
}
