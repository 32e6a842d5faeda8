import { assertEquals } from "@std/assert";
import { QuietLog } from "./quiet_log.ts";
import { RecordingLogger } from "./_testing/support.ts";

Deno.test("a warning is written once a minute, with the number of those left out", () => {
  let nowMs = 0;
  const logger = new RecordingLogger();
  const quietLog = new QuietLog(logger, () => nowMs);
  const warn = () => quietLog.warn("a", "{what} happened, {leftOut} left out", { what: "it" });
  warn();
  nowMs = 59_999;
  warn();
  warn();
  assertEquals(logger.warnLines, ["it happened, undefined left out"]);
  assertEquals(logger.debugLines.length, 2);
  nowMs = 60_000;
  warn();
  assertEquals(logger.warnLines.slice(1), ["it happened, 2 left out"]);
});

Deno.test("different warnings do not hide each other, and a flood of them takes no memory", () => {
  const logger = new RecordingLogger();
  const quietLog = new QuietLog(logger, () => 0);
  for (let key = 0; key < 10_000; key += 1) quietLog.warn(`${key}`, "{key}", { key });
  assertEquals(logger.warnLines.length, 10_000);
  quietLog.warn("9999", "{key}", { key: 9999 });
  assertEquals(logger.warnLines.length, 10_000);
  quietLog.warn("0", "{key}", { key: 0 });
  assertEquals(logger.warnLines.length, 10_001, "it is forgotten that this was written");
});
