/**
 * docs/security.md: its commands run as they stand there, in a directory and on ports of their own.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/ports.ts";
import { type Exit, ROOT, RunningProcess } from "../support/process.ts";

const page = await Deno.readTextFile(join(ROOT, "docs/security.md"));

/** The blocks of `language` below the heading `heading`. */
function blocks(heading: string, language: string): string[] {
  const [, section] = page.split(`## ${heading}\n`);
  assert(section !== undefined, heading);
  const text = section.split(/^## /m)[0]!;
  return [...text.matchAll(RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g"))].map(([, code]) =>
    code!
  );
}

/** Runs what the page says. */
class Reader implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "coracle-docs-" });
  readonly #ports = new Map<string, number>();
  readonly #running: RunningProcess[] = [];

  /** A command of the page as it is run here. `-P` reaches no further than the repository. */
  command(code: string): string {
    const deno = `'${Deno.execPath()}' run --quiet --no-prompt --config='${ROOT}/deno.json' -P`;
    const places = `--allow-read --allow-write='${this.directory}' --allow-net`;
    return code
      .replaceAll("deno run -P apps/node", `${deno} ${places} '${ROOT}/apps/node/main.ts'`)
      .replaceAll(/127\.0\.0\.1:(\d+)/g, (_, port: string) => `127.0.0.1:${this.#port(port)}`);
  }

  /** Begins a command that goes on. */
  begin(code: string): RunningProcess {
    // It ends with this process, even if that is killed.
    const command = `exec ${this.command(code).trimEnd()} --stop-with-stdin`;
    const process = new RunningProcess("sh", ["-c", command], { cwd: this.directory });
    this.#running.push(process);
    return process;
  }

  /** Runs commands to their end. */
  async run(code: string): Promise<Exit> {
    const script = `set -e\n${this.command(code)}`;
    return await new RunningProcess("sh", ["-c", script], { cwd: this.directory }).exited;
  }

  /** Runs commands that succeed; resolves to what they print. */
  async succeed(code: string): Promise<string> {
    const { code: exitCode, stdout, stderr } = await this.run(code);
    assertEquals(exitCode, 0, stderr);
    return stdout;
  }

  #port(port: string): number {
    // As many as the page has, one after another.
    if (this.#ports.size === 0) {
      const known = [...new Set(page.match(/127\.0\.0\.1:\d+/g))].map((one) => one.split(":")[1]!);
      freePorts(known.length).forEach((free, at) => this.#ports.set(known[at]!, free));
    }
    return this.#ports.get(port)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#running) await process[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** `code` without the flags that match. */
function without(code: string, flags: RegExp): string {
  return code.replaceAll(/\\\n/g, "").replaceAll(flags, "");
}

/** The client's commands know where the nodes are that the page starts. */
function atEndpoints(code: string): string {
  const endpoints =
    "--endpoints=127.0.0.1:50051,127.0.0.1:50052,127.0.0.1:50053 --timeout-ms=20000";
  return code.replaceAll(" --tls-ca", ` ${endpoints} --tls-ca`);
}

Deno.test("TLS step by step leads to three nodes that speak it, and certificates change under them", async () => {
  await using reader = new Reader();
  const [make, token, n1, n2, n3, client] = blocks("TLS, step by step", "sh");
  await reader.succeed(make!);
  await reader.succeed(token!);
  const nodes = [n1!, n2!, n3!].map((code) => reader.begin(code));
  const printed = await reader.succeed(atEndpoints(client!));
  assertMatch(printed, /^coracle: index \d+\nn1\t/);
  for (const { stderr } of nodes) {
    assert(!/rejected a connection|refused a (client|call)/.test(stderr), stderr);
  }

  const words = atEndpoints("deno run -P apps/node words --tls-ca=./certs/ca.pem").replace(
    "20000",
    "2000",
  );
  const refused = await reader.run(words);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "it may not accept this client's certificate");
  const [, list] = client!.split("\n").filter((line) => line !== "");
  const untold = await reader.run(atEndpoints(list!.replace(/\\$/, "")));
  assertEquals(untold.code, 1);
  assertStringIncludes(untold.stderr, "a token is needed");

  const [again] = blocks("New certificates without a restart", "sh");
  await reader.succeed(again!);
  assertMatch(await reader.succeed(atEndpoints(client!)), /^coracle: index \d+\nn1\t/);
  await eventually(
    "new certificates are used",
    () => nodes.some(({ stderr }) => stderr.includes("was read anew and holds until")),
  );
  const token64 = (await Deno.readTextFile(`${reader.directory}/certs/token`)).trim();
  for (const { stderr } of nodes) assert(!stderr.includes(token64));
});

const openssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then(({ stdout }) => /^OpenSSL 3/.test(new TextDecoder().decode(stdout)), () => false);
if (!openssl) console.log("certificates by OpenSSL are skipped: there is no OpenSSL 3 here");

Deno.test({
  name: "certificates by OpenSSL are good for a node",
  ignore: !openssl,
  fn: async () => {
    await using reader = new Reader();
    await Deno.mkdir(`${reader.directory}/certs`);
    const [issue] = blocks("Certificates of your own", "sh");
    await reader.succeed(issue!);
    const node = reader.begin(
      "deno run -P apps/node start --id=n1 --raft-listen=127.0.0.1:7001 --grpc-listen=127.0.0.1:50051 " +
        "--peer-tls-ca=./certs/own-ca.pem --peer-tls-cert=./certs/own-n1.pem --peer-tls-key=./certs/own-n1-key.pem " +
        "--client-tls-cert=./certs/own-n1.pem --client-tls-key=./certs/own-n1-key.pem",
    );
    await eventually("it leads", () => / is leader /.test(node.stderr) || node.hasEnded);
    const added = await reader.succeed(
      "deno run -P apps/node add coracle --endpoints=127.0.0.1:50051 --tls-ca=./certs/own-ca.pem",
    );
    assertEquals(added, "coracle: index 3\n", node.stderr);
  },
});

Deno.test("the permissions of a node with places of its own are enough for it, and for no more", async () => {
  await using reader = new Reader();
  const [json] = blocks("Permissions", "json");
  const [command] = blocks("Permissions", "sh");
  const { permissions: { n1 } } = JSON.parse(json!) as {
    permissions: { n1: { read: string[]; write: string[]; net: string[]; env: string[] } };
  };
  const listed = (kind: string) => RegExp(`--allow-${kind}=(\\S+)`).exec(command!)![1]!.split(",");
  assertEquals([listed("read"), listed("write"), listed("net")], [n1.read, n1.write, n1.net]);

  // The configuration in the node's README, with its files elsewhere.
  const readme = await Deno.readTextFile(join(ROOT, "apps/node/README.md"));
  const elsewhere = (text: string) =>
    text.replaceAll(
      /\/(var\/lib|etc)\/coracle/g,
      (_, below: string) => `${reader.directory}/${below}`,
    );
  await Deno.mkdir(`${reader.directory}/etc`, { recursive: true });
  await Deno.mkdir(`${reader.directory}/var/lib`, { recursive: true });
  const config = elsewhere(/```json\n(.*?)```/s.exec(readme)![1]!);
  await Deno.writeTextFile(`${reader.directory}/etc/node.json`, config);
  const here = (code: string) =>
    elsewhere(code)
      .replace(
        "deno run -P",
        `'${Deno.execPath()}' run --quiet --no-prompt --config='${ROOT}/deno.json' -P`,
      )
      .replace("apps/node ", `'${ROOT}/apps/node/main.ts' `);
  // It is let through to where it finds that there are no certificates.
  const enough = await reader.run(here(command!));
  assertEquals(enough.code, 2);
  assertMatch(enough.stderr, /^coracle: peerTlsCa is ".*\/etc\/ca\.pem" \(it does not exist\)/);
  const less = await reader.run(here(without(command!, /,10\.0\.0\.3:7001/g)));
  assertMatch(less.stderr, /^coracle: permission is missing: --allow-net=\S*10\.0\.0\.3:7001/);
  const none = await reader.run(here(without(command!, /--allow-\S+/g)));
  assertMatch(none.stderr, /^coracle: permission is missing: --allow-/);
});
