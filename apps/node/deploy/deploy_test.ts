/**
 * The files for deployment go together with the program: flags and fields exist, ports and names match, a configuration is accepted.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Command } from "commander";
import { join } from "node:path";
import { parse } from "yaml";
import { completeSettings, type NodeConfig } from "../config/config.ts";
import { addFieldFlags, givenFields } from "../config/flags.ts";
import { loadSettings } from "../config/load.ts";

const read = (name: string) => Deno.readTextFileSync(join(import.meta.dirname!, name));
const UNIT = "coracle@.service";

interface Service {
  readonly command: readonly string[];
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly restart: string;
  readonly build: { readonly context: string; readonly dockerfile: string };
  readonly stop_grace_period: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** What `start` makes of `command`: it refuses flags that it has not, and values that cannot be. */
function configOf(command: readonly string[]): NodeConfig {
  const [name, ...flags] = command;
  assertEquals(name, "start");
  const start = new Command().exitOverride();
  addFieldFlags(start);
  start.parse([...flags], { from: "user" });
  return completeSettings(loadSettings(undefined, givenFields(start.opts())));
}

/** The instructions of the Containerfile, each with what follows it. */
function instructions(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const lines = read("Containerfile").split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  for (const line of lines.join("\n").replaceAll(/\\\n/g, " ").split("\n")) {
    const [instruction = ""] = line.split(" ");
    assertMatch(instruction, /^[A-Z]+$/);
    found.set(instruction, [
      ...(found.get(instruction) ?? []),
      line.slice(instruction.length).trim(),
    ]);
  }
  return found;
}

const compose = parse(read("compose.yaml"), { merge: true }) as Compose;
const nodes = Object.entries(compose.services).map(([name, service]) => ({
  name,
  service,
  config: configOf(service.command),
}));

Deno.test("compose.yaml starts three members of one cluster, one of which founds it", () => {
  assertEquals(nodes.map(({ name }) => name), ["n1", "n2", "n3"]);
  for (const { name, config } of nodes) {
    assertEquals(config.id, name);
    assertEquals([config.clusterId, config.peers], [
      nodes[0]!.config.clusterId,
      nodes[0]!.config.peers,
    ]);
    // Members find each other by the names that the network has for them.
    const own = config.peers.find(({ id }) => id === name)!;
    assertEquals(own.raft, `${name}:${config.raftListen.port}`);
  }
  assertEquals(nodes.filter(({ config }) => config.bootstrap).length, 1);
});

Deno.test("compose.yaml has clients come in where the nodes send them, on this machine only", () => {
  for (const { name, service, config } of nodes) {
    const own = config.peers.find(({ id }) => id === name)!;
    assertEquals(service.ports, [
      `${own.grpc}:${config.grpcListen.port}`,
      `${own.http}:${config.httpListen!.port}`,
    ]);
    for (const port of service.ports) assertMatch(port, /^127\.0\.0\.1:/);
  }
});

Deno.test("compose.yaml keeps each node's data on a volume of its own, and lets calls end", () => {
  const [volume] = instructions().get("VOLUME")!;
  for (const { name, service, config } of nodes) {
    assertEquals(service.volumes, [`${name}:${volume}`]);
    assert(config.dataDir.startsWith(`${volume}/`), config.dataDir);
    assert(parseInt(service.stop_grace_period) * 1000 > config.requestTimeoutMs);
    assertMatch(service.restart, /^on-failure/);
    const { context, dockerfile } = service.build;
    Deno.statSync(join(import.meta.dirname!, context, dockerfile));
  }
  assertEquals(Object.keys(compose.volumes), nodes.map(({ name }) => name));
});

Deno.test("the Containerfile copies what is there, exposes where the nodes listen, and has the Deno of this run", () => {
  const found = instructions();
  const root = join(import.meta.dirname!, "../../..");
  for (const copy of found.get("COPY")!) {
    for (const source of copy.split(" ").slice(0, -1)) Deno.statSync(join(root, source));
  }
  const { raftListen, grpcListen, httpListen } = nodes[0]!.config;
  assertEquals(
    found.get("EXPOSE")![0]!.split(" ").map(Number),
    [raftListen.port, grpcListen.port, httpListen!.port],
  );
  const [, version] = /^docker\.io\/denoland\/deno:([\d.]+)$/.exec(found.get("FROM")![0]!) ?? [];
  assertEquals(version?.split(".")[0], Deno.version.deno.split(".")[0]);
  const [entry, ...args] = JSON.parse(found.get("ENTRYPOINT")![0]!) as string[];
  assertEquals([entry, args[0], args.at(-1)], ["deno", "run", "apps/node"]);
  configOf(JSON.parse(found.get("CMD")![0]!) as string[]);
  assertEquals(found.get("USER"), ["10001"]);
});

Deno.test("node.json is a configuration that start takes, with everything protected", () => {
  const config = completeSettings(loadSettings(join(import.meta.dirname!, "node.json"), {}));
  const { security, id, dataDir } = config;
  assertEquals(security.insecure, false);
  for (
    const field of ["peerTlsCa", "peerTlsCert", "peerTlsKey", "clientTlsKey", "tokenFile"] as const
  ) {
    assert(security[field] !== undefined, field);
  }
  // The unit gives it this directory and these credentials.
  const unit = read(UNIT).replaceAll("%i", id);
  assert(unit.includes(`\nStateDirectory=${dataDir.replace("/var/lib/", "")}\n`));
  const credentials = [...unit.matchAll(/^LoadCredential=([^:]+):/gm)].map(([, name]) => name);
  for (const path of [security.peerTlsKey!, security.clientTlsKey!, security.tokenFile!]) {
    const [, name] = RegExp(`^/run/credentials/coracle@${id}.service/(.*)$`).exec(path) ?? [];
    assert(credentials.includes(name), path);
  }
});

/** The settings of the unit. */
function unitSettings(): Map<string, string> {
  return new Map(
    [...read(UNIT).matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]),
  );
}

Deno.test("the unit starts a node again when that may help, and gives it time to stop", () => {
  const settings = unitSettings();
  assertEquals(settings.get("Restart"), "on-failure");
  // Exit code 2: a wrong configuration stays wrong.
  assertEquals(settings.get("RestartPreventExitStatus"), "2");
  assert(
    Number(settings.get("TimeoutStopSec")) * 1000 > loadSettings(undefined, {}).requestTimeoutMs,
  );
  const [, ...args] = settings.get("ExecStart")!.split(" ");
  assertEquals(args, ["start", "--config=/etc/coracle/%i.json"]);
});
