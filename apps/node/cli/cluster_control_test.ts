import { assertEquals, assertMatch } from "@std/assert";
import { controlApp, ControlRefusal } from "./cluster_control.ts";

const PAGE = "http://127.0.0.1:8080";

/** A cluster of one node that does nothing. */
function played() {
  const asked: string[] = [];
  const take = (what: string) => (id: string) => {
    if (id !== "n1") throw new ControlRefusal(404, `the node is ${JSON.stringify(id)}`);
    asked.push(`${what} ${id}`);
  };
  const app = controlApp([PAGE], {
    nodes: () => [{ id: "n1", state: "running" }],
    kill: take("kill"),
    start: take("start"),
    pause: take("pause"),
    resume: take("resume"),
    "cut-off": take("cut-off"),
    heal: take("heal"),
  });
  const ask = async (method: string, target: string, headers: Record<string, string> = {}) => {
    const response = await app.request(new URL(target, "http://127.0.0.1:9999"), {
      method,
      headers,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text };
  };
  return { asked, ask };
}

Deno.test("the nodes' own pages kill, pause and cut off nodes, and bring them back", async () => {
  const { asked, ask } = played();
  for (const origin of [PAGE, "http://localhost:8080"]) {
    const read = await ask("GET", "/nodes", { origin });
    assertEquals(JSON.parse(read.text), { nodes: [{ id: "n1", state: "running" }] });
    assertEquals(read.headers.get("access-control-allow-origin"), origin);
  }
  for (const action of ["kill", "start", "pause", "resume", "cut-off", "heal"]) {
    const { status } = await ask("POST", `/nodes/n1/${action}`, { origin: PAGE });
    assertEquals(status, 200);
  }
  assertEquals(asked, ["kill n1", "start n1", "pause n1", "resume n1", "cut-off n1", "heal n1"]);
  const unknown = await ask("POST", "/nodes/n9/kill", { origin: PAGE });
  assertEquals([unknown.status, JSON.parse(unknown.text).detail], [404, 'the node is "n9"']);
  const elsewhere = await ask("POST", "/nodes/n1/explode", { origin: PAGE });
  assertEquals(elsewhere.status, 404);
});

Deno.test("a page of another site kills nothing, also under a name of its own for this machine", async () => {
  const { asked, ask } = played();
  for (const origin of ["https://example.org", "http://127.0.0.1:8081", "null"]) {
    const { status, headers, text } = await ask("POST", "/nodes/n1/kill", { origin });
    assertEquals([status, headers.get("access-control-allow-origin")], [403, null]);
    assertMatch(text, /origin is/);
    const preflight = await ask("OPTIONS", "/nodes/n1/kill", {
      origin,
      "access-control-request-method": "POST",
    });
    assertEquals(preflight.status, 403);
  }
  const renamed = await ask("POST", "http://example.org:9999/nodes/n1/kill", {});
  assertEquals(renamed.status, 403);
  assertEquals(asked, []);
});
