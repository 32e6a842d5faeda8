/**
 * docs/http.md and /openapi.json say what the endpoints are.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { z } from "zod";
import type { Endpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { openApi } from "./openapi.ts";

const PAGE = new URL("../../../docs/http.md", import.meta.url);
const FOR = { open: "all", client: "clients", administration: "administration" } as const;

function rowOf({ method, path, access, needsLeader, summary }: Endpoint): string[] {
  return [`\`${method} ${path}\``, FOR[access], needsLeader ? "yes" : "", summary];
}

Deno.test("docs/http.md lists every endpoint, in order", async () => {
  const page = await Deno.readTextFile(PAGE);
  const table = page.slice(page.indexOf("## Endpoints"), page.indexOf("What is for **admin"));
  const rows = table.split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assertEquals(rows, Object.values<Endpoint>(ENDPOINTS).map(rowOf));
});

/** All values under `key` in `value`, however deep. */
function* found(value: unknown, key: string): Generator<unknown> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (name === key) yield inner;
    yield* found(inner, key);
  }
}

Deno.test("the OpenAPI description has every endpoint, with its parameters, body and answer", () => {
  // deno-lint-ignore no-explicit-any
  const description = openApi() as any;
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const operation = description.paths[endpoint.path][endpoint.method.toLowerCase()];
    assertEquals(operation.operationId, name);
    const inPath = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter!);
    // deno-lint-ignore no-explicit-any
    const parameters = (operation.parameters ?? []) as any[];
    assertEquals(
      parameters.filter((parameter) => parameter.in === "path").map((parameter) => parameter.name),
      inPath,
    );
    const fields = Object.keys((endpoint.query as z.ZodObject).shape);
    assertEquals(
      parameters.filter((parameter) => parameter.in === "query").map((parameter) => parameter.name),
      fields,
    );
    assertEquals(operation.requestBody !== undefined, endpoint.body !== undefined);
    assert(operation.responses["200"].content !== undefined);
  }
  assertEquals([...found(description, "allowed"), ...found(description, "$schema")], []);
  const timeout = description.paths["/v1/words"].post.parameters[0];
  assertEquals([timeout.schema.type, timeout.schema.minimum], ["integer", 1]);
  for (const ref of found(description, "$ref")) {
    const path = String(ref).slice("#/".length).split("/");
    assert(path.reduce((at, step) => at?.[step], description) !== undefined, String(ref));
  }
});
