/**
 * Who may ask the endpoints: pages of other sites, names that are made to mean this machine, and those who have the token.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { PlayedApp } from "./_testing/played_app.ts";

Deno.test("a page of another site may not change anything", async () => {
  const played = new PlayedApp();
  const step = (origin: string) =>
    played.ask("POST", "http://n1:8080/v1/leadership/step-down", undefined, { origin });
  for (const origin of ["http://evil.example", "null", "http://n1:8081"]) {
    const { status, json } = await step(origin);
    assertEquals([status, json.code], [403, "other-origin"]);
  }
  assertEquals(played.admin.asked, []);
  assertEquals((await step("http://n1:8080")).status, 200);
});

Deno.test("a name that is made to mean this machine is no way around it", async () => {
  const token = { problem: () => undefined };
  const played = new PlayedApp({ loopbackOnly: true });
  const security = { token: token as never, tokenScope: "administration" as const };
  const guarded = new PlayedApp({ loopbackOnly: true, security });
  const whole = { ...security, tokenScope: "everything" as const };
  const guardedWhole = new PlayedApp({ loopbackOnly: true, security: whole });
  for (const host of ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"]) {
    assertEquals((await played.ask("GET", `http://${host}/v1/status`)).status, 200, host);
  }
  for (const host of ["evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1"]) {
    const { status, json } = await played.ask("GET", `http://${host}/v1/status`);
    assertEquals([status, json.code], [403, "other-host"]);
    assertEquals((await guarded.ask("GET", `http://${host}/v1/status`)).status, 200);
    // Words ask for the token only if it is for everything.
    const words = `http://${host}/v1/words?level=local`;
    assertEquals((await guarded.ask("GET", words)).json.code, "other-host");
    assertEquals((await guardedWhole.ask("GET", words)).status, 200);
    assertEquals((await guarded.ask("GET", `http://${host}/live`)).status, 200);
  }
});

Deno.test("with a token, administration is for those who have it", async () => {
  const token = { problem: (given?: string) => given === "Bearer right" ? undefined : "wrong" };
  for (
    const [tokenScope, open] of [
      ["administration", ["/v1/words?level=local", "/metrics"]],
      ["everything", []],
    ] as const
  ) {
    const played = new PlayedApp({ security: { token: token as never, tokenScope } });
    const always = ["/live", "/openapi.json"];
    for (const target of ["/v1/status", "/v1/words?level=local", "/metrics", ...always]) {
      const { status, headers } = await played.ask("GET", target);
      const isOpen = [...open, ...always].includes(target as never);
      assertEquals(status, isOpen ? 200 : 401, target);
      if (!isOpen) assertEquals(headers.get("www-authenticate"), "Bearer");
      const given = { authorization: "Bearer right" };
      assertEquals((await played.ask("GET", target, undefined, given)).status, 200);
    }
    const refused = { path: "/v1/status", host: "somebody", problem: "wrong" };
    assertEquals(played.warnings, [refused], "one of each kind is logged, not one of each call");
  }
});
