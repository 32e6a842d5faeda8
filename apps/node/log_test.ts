/**
 * What a log line looks like.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { LogRecord } from "@logtape/logtape";
import { formatter } from "./log.ts";

function record(message: readonly unknown[], properties: Record<string, unknown>): LogRecord {
  return {
    category: ["coracle"],
    level: "info",
    message,
    rawMessage: "",
    properties,
    timestamp: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  };
}

const failed = record(["node ", "n\n1", " stops: ", new RangeError("bad", { cause: 7 }), ""], {
  id: "n\n1",
});

Deno.test("a line for people holds no line break, and says what an error was caused by", () => {
  assertEquals(
    formatter("text", false)(failed),
    "2026-01-02T03:04:05.678Z [INF] coracle: node n\\n1 stops: RangeError: bad (caused by 7)\n",
  );
});

Deno.test("a line for machines is JSON, with the same message", () => {
  assertEquals(JSON.parse(formatter("json", false)(failed)), {
    "@timestamp": "2026-01-02T03:04:05.678Z",
    level: "INFO",
    logger: "coracle",
    message: "node n\\n1 stops: RangeError: bad (caused by 7)",
    properties: { id: "n\n1" },
  });
});
