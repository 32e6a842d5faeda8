/**
 * Which part of the repository may import what. ARCHITECTURE.md draws these edges; here they are
 * data that tools/edges.ts holds the files to.
 *
 * @module
 */

/** What the files of one part may import. */
export interface Part {
  /** Folder that the part covers, from the root; the longest that fits a file counts. */
  folder: string;
  /** Packages of the workspace, by name, imported through their public entries. */
  packages: string[];
  /** Packages from outside, by name. `node:` built-ins are part of the platform and always allowed. */
  external: string[];
  /** Other parts of the same package whose files may be imported by path. */
  parts?: string[];
  /** Parts of the same package of which only types may be imported. */
  types?: string[];
}

const CORE = "@coracle/core";
const PACKAGES = [
  CORE,
  "@coracle/store-fs",
  "@coracle/transport-tcp",
  "@coracle/fsm-words",
  "@coracle/testing",
  "@coracle/node",
];
const STD = ["@std/assert", "@std/async", "@std/streams"];

/** What tests, and the helpers in their `_testing` folders, may import besides what their part may. */
export const FOR_TESTS = {
  packages: ["@coracle/testing"],
  external: [...STD, "fast-check", "yaml"],
};

/** Folders whose files do not import each other in circles, not even types. */
export const ACYCLIC = [
  "packages/core",
  "packages/store-fs",
  "packages/transport-tcp",
  "packages/fsm-words",
];

/** All parts. A TypeScript file that is in none of them is an error. */
export const PARTS: Part[] = [
  {
    // The package's entries: they put its layers together. Nothing from outside: whoever takes core takes core alone.
    folder: "packages/core",
    packages: [],
    external: [],
    parts: [
      "packages/core/model",
      "packages/core/ports",
      "packages/core/consensus",
      "packages/core/driver",
      "packages/core/typed",
      "packages/core/sessions",
    ],
  },
  { folder: "packages/core/model", packages: [], external: [] },
  {
    folder: "packages/core/ports",
    packages: [],
    external: [],
    parts: ["packages/core/model"],
  },
  {
    folder: "packages/core/consensus",
    packages: [],
    external: [],
    parts: ["packages/core/model"],
    types: ["packages/core/ports"],
  },
  {
    folder: "packages/core/driver",
    packages: [],
    external: [],
    parts: ["packages/core/model", "packages/core/ports", "packages/core/consensus"],
  },
  {
    folder: "packages/core/typed",
    packages: [],
    external: [],
    parts: ["packages/core/model", "packages/core/ports"],
    types: ["packages/core/driver"],
  },
  {
    folder: "packages/core/sessions",
    packages: [],
    external: [],
    parts: ["packages/core/model", "packages/core/ports", "packages/core/typed"],
    types: ["packages/core/driver"],
  },
  { folder: "packages/store-fs", packages: [CORE], external: [] },
  { folder: "packages/transport-tcp", packages: [CORE], external: [] },
  {
    folder: "packages/transport-tcp/tls",
    packages: [CORE],
    external: [],
    parts: ["packages/transport-tcp"],
  },
  {
    // An entry of its own: nobody who does not import it has its libraries.
    folder: "packages/transport-tcp/development_ca",
    packages: [],
    external: ["@peculiar/x509", "reflect-metadata"],
  },
  { folder: "packages/fsm-words", packages: [CORE], external: [] },
  {
    // Suites that other authors run against their own stores and transports: assertions are its trade.
    folder: "packages/testing",
    packages: [CORE, "@coracle/store-fs"],
    external: ["@std/assert", "fast-check"],
  },
  {
    folder: "apps/node",
    packages: [CORE, "@coracle/store-fs", "@coracle/transport-tcp", "@coracle/fsm-words"],
    external: [
      "@bufbuild/protobuf",
      "@grpc/grpc-js",
      "@logtape/logtape",
      "@opentelemetry/api",
      "@std/async",
      "commander",
      "hono",
      "prom-client",
      "uplot",
      "zod",
    ],
  },
  {
    folder: "tests",
    packages: PACKAGES,
    external: [...STD, "@grpc/grpc-js", "playwright-core"],
  },
  // Benchmarks of whole clusters run the processes that tests run.
  {
    folder: "bench",
    packages: PACKAGES,
    external: ["@std/async", "@std/streams"],
    parts: ["tests"],
  },
  { folder: "docs", packages: PACKAGES, external: ["@std/assert", "@std/async"] },
  { folder: "tools", packages: [], external: [] },
];
