/**
 * The description of all endpoints as OpenAPI 3.1, made from what checks their requests.
 *
 * @module
 */
import { z } from "zod";
import { VERSION } from "../version.ts";
import type { Endpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";
import { PROBLEM_TYPE, problemSchema } from "./problem.ts";

/** A JSON schema, or a part of one. */
type Json = Readonly<Record<string, unknown>>;

/** What of the schemas is for error messages only. */
const OWN_KEYWORDS = ["$schema", "allowed", "otherwise"];

/** The description. */
export function openApi(): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operation(name, endpoint);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "A node of a Coracle cluster",
      version: VERSION,
      description: "Errors are problems: their code and outcome say what to do. What only the " +
        "leader can do, another node answers with 307 to the leader, with 421 if it does not know " +
        "where clients reach it, with 503 if there is none; or it asks the leader itself, if the " +
        "query has forward=true or the header Coracle-Forward is true.",
    },
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: { Problem: jsonSchema(problemSchema, "output") },
      responses: {
        Problem: {
          description: "What went wrong.",
          content: { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } },
        },
      },
    },
  };
}

function operation(operationId: string, endpoint: Endpoint): Json {
  const { summary, access, params, query, body, answer } = endpoint;
  const parameters = [...parametersOf(params, "path"), ...parametersOf(query, "query")];
  const content = answer instanceof z.ZodType
    ? { "application/json": { schema: jsonSchema(answer, "output") } }
    : { [answer.contentType]: { schema: { type: "string" } } };
  return {
    operationId,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    ...(access === "open" ? {} : { security: [{}, { token: [] }] }),
    responses: {
      "200": {
        description: answer instanceof z.ZodType ? "It is so." : answer.description,
        content,
      },
      default: { $ref: "#/components/responses/Problem" },
    },
  };
}

function parametersOf(schema: z.ZodType, place: "path" | "query"): Json[] {
  const { properties = {}, required = [] } = jsonSchema(schema, "input") as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...field }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: field,
  }));
}

function requestBody(body: z.ZodType | "stream"): Json {
  const content = body === "stream"
    ? { "application/octet-stream": { schema: { type: "string", format: "binary" } } }
    : { "application/json": { schema: jsonSchema(body, "input") } };
  return { required: true, content };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  // What a query's text is turned into says what it may be.
  const given = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return JSON.parse(
    JSON.stringify(given, (key, value) => OWN_KEYWORDS.includes(key) ? undefined : value),
  );
}
