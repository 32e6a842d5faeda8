/**
 * What a command's error says to programs.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { ClientError } from "../client/leader_client.ts";
import { failureOf } from "./admin.ts";
import { CommandError, EXIT } from "./exit.ts";

function shownOf({ exitCode, code, outcome, message }: CommandError): unknown[] {
  return [exitCode, code, outcome, message];
}

Deno.test("an error's code is that of its cause, or follows from the exit code", () => {
  const lost = new ClientError("unknown", false, "the node led", "leadership-lost");
  assertEquals(
    shownOf(failureOf(lost, "oar may or may not have been added")),
    [3, "leadership-lost", "unknown", "oar may or may not have been added: the node led"],
  );
  const broken = new ClientError("unknown", false, "the connection broke");
  assertEquals(shownOf(failureOf(broken, "oar")), [
    3,
    "unknown",
    "unknown",
    "oar: the connection broke",
  ]);
  const refused = new ClientError("not-written", true, "too long", "invalid-argument");
  assertEquals(shownOf(failureOf(refused, "oar")), [
    1,
    "invalid-argument",
    "not-written",
    "oar: too long",
  ]);
  const ofSystem = Object.assign(new Error("no such file"), { code: "ENOENT" });
  assertEquals(shownOf(new CommandError(EXIT.failed, "no", { cause: ofSystem })), [
    1,
    "failed",
    "not-written",
    "no",
  ]);
});
