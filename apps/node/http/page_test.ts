/**
 * The page's files, and who may ask a node from a page.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { PlayedApp } from "./_testing/played_app.ts";

// PlayedAdmin says that clients reach n2 there.
const MEMBER = "http://n2:8080";

Deno.test("the page has everything that it names, and asks nobody but members", async () => {
  const played = new PlayedApp({ controlUrl: "http://127.0.0.1:9999" });
  const { status, headers, json: html } = await played.ask("GET", "/");
  assertEquals([status, headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  const policy = headers.get("content-security-policy")!;
  assertMatch(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; img-src data:;/);
  assert(
    policy.includes(`connect-src 'self' ${MEMBER} http://n3:8080 http://127.0.0.1:9999;`),
    policy,
  );
  assert(!policy.includes("unsafe"));
  const wanted = [...html.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path!);
  const seen = new Set<string>();
  while (wanted.length > 0) {
    const path = wanted.pop()!;
    if (seen.has(path)) continue;
    seen.add(path);
    const file = await played.ask("GET", path);
    assertEquals([path, file.status], [path, 200]);
    if (!path.endsWith(".js")) continue;
    assertEquals(file.headers.get("content-type"), "text/javascript; charset=utf-8");
    for (const [, name] of file.json.matchAll(/from "\.\/([\w.]+)"/g)) wanted.push(`/page/${name}`);
  }
  for (const file of ["main", "picture", "watch", "uplot"]) assert(seen.has(`/page/${file}.js`));
  const settings = await played.ask("GET", "/page/settings.json");
  assertEquals(settings.json, { controlUrl: "http://127.0.0.1:9999" });
  assertEquals((await new PlayedApp().ask("GET", "/page/settings.json")).json, {
    controlUrl: null,
  });
});

Deno.test("pages of members may ask, pages of other sites may not", async () => {
  const played = new PlayedApp();
  const body = { words: ["oar"] };
  const preflight = { "access-control-request-method": "POST" };
  const allowed = await played.ask("OPTIONS", "/v1/words", undefined, {
    origin: MEMBER,
    ...preflight,
  });
  assertEquals(
    [allowed.status, allowed.headers.get("access-control-allow-origin")],
    [204, MEMBER],
  );
  const added = await played.ask("POST", "/v1/words", body, { origin: MEMBER });
  assertEquals([added.status, added.headers.get("access-control-allow-origin")], [200, MEMBER]);
  const problem = await played.ask("GET", "/v1/nothing", undefined, { origin: MEMBER });
  assertEquals([problem.status, problem.headers.get("access-control-allow-origin")], [404, MEMBER]);

  for (const origin of ["https://example.org", "http://n2:8081", "https://n2:8080", "null"]) {
    const refused = await played.ask("POST", "/v1/words", body, { origin });
    assertEquals([refused.status, refused.json.code], [403, "other-origin"]);
    const asked = await played.ask("OPTIONS", "/v1/words", undefined, { origin, ...preflight });
    assertEquals(asked.headers.get("access-control-allow-origin"), null);
    const read = await played.ask("GET", "/v1/status", undefined, { origin });
    assertEquals(read.headers.get("access-control-allow-origin"), null);
  }
});
