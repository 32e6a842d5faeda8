/**
 * What deployment needs other programs for: systemd's word on the unit, and the one binary that `deno compile` makes.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { ROOT, runDeno, RunningProcess } from "../support/process.ts";

/** Whether there is a program of that name. */
function isInstalled(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(join(folder, program)).isFile;
    } catch {
      return false;
    }
  });
}

const hasSystemd = isInstalled("systemd-analyze");
if (!hasSystemd) console.log("the unit is not verified: there is no systemd-analyze");

Deno.test({ name: "systemd finds nothing wrong with the unit", ignore: !hasSystemd }, async () => {
  const directory = await Deno.makeTempDir({ prefix: "coracle-" });
  try {
    // It looks whether the program is there.
    const program = join(directory, "coracle");
    await Deno.writeTextFile(program, "#!/bin/sh\n", { mode: 0o755 });
    const unit = await Deno.readTextFile(join(ROOT, "apps/node/deploy/coracle@.service"));
    const verify = async (text: string) => {
      const path = join(directory, "coracle@n1.service");
      await Deno.writeTextFile(path, text);
      return await new RunningProcess("systemd-analyze", ["verify", "--man=no", path]).exited;
    };
    const installed = unit.replaceAll("/usr/local/bin/coracle", program);
    const { code, stdout, stderr } = await verify(installed);
    assertEquals([code, stdout, stderr], [0, "", ""]);
    // It would have said so.
    const wrong = await verify(installed.replace("ProtectHome=yes", "ProtectHomes=yes"));
    assertMatch(wrong.stderr, /ProtectHomes/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** How long the base binary may take to be fetched. */
const PROBE_TIMEOUT_MS = 20_000;

/** Why no binary can be made here; `undefined` if one can. `deno compile` fetches its base binary from a host that not every machine reaches. */
async function compileProblem(directory: string): Promise<string | undefined> {
  const entry = join(directory, "empty.ts");
  await Deno.writeTextFile(entry, "");
  await using compile = RunningProcess.deno(
    ["compile", "--no-check", "--quiet", "--output", join(directory, "empty"), entry],
    { cwd: directory },
  );
  const late = setTimeout(() => compile.signal("SIGKILL"), PROBE_TIMEOUT_MS);
  const { code, signal, stderr } = await compile.exited;
  clearTimeout(late);
  if (code === 0) return undefined;
  return signal === null
    ? `its base binary cannot be fetched: ${
      [...stderr.matchAll(/^ +\d: (?!<)(.*)$/gm)].map(([, cause]) => cause).join(": ") || stderr
    }`
    : `its base binary was not there within ${PROBE_TIMEOUT_MS} ms`;
}

Deno.test("deno task compile makes one binary that runs by itself", async () => {
  const directory = await Deno.makeTempDir({ prefix: "coracle-" });
  try {
    const config = await Deno.readTextFile(join(ROOT, "deno.json"));
    const { tasks } = JSON.parse(config.replaceAll(/^\s*\/\/.*$/gm, "")) as {
      readonly tasks: Readonly<Record<string, { readonly command: string }>>;
    };
    const [deno, ...args] = tasks["compile"]!.command.split(" ");
    assertEquals([deno, args[0], args.at(-1)], ["deno", "compile", "apps/node/main.ts"]);

    const problem = await compileProblem(directory);
    if (problem !== undefined) return console.log(`nothing is compiled: ${problem}`);
    const binary = join(directory, "coracle");
    const compiled = await runDeno(args.map((arg) => arg === "coracle" ? binary : arg));
    assertEquals(compiled.code, 0, compiled.stderr);

    // Anywhere, and with the permissions that it was made with.
    await using node = new RunningProcess(binary, [
      "start",
      "--stop-with-stdin",
      "--data-dir=data",
      "--raft-listen=127.0.0.1:0",
      "--grpc-listen=127.0.0.1:0",
    ], { cwd: directory });
    await eventually("the node listens", () => /listens for clients/.test(node.stderr), {
      describe: () => node.stderr,
    });
    node.signal("SIGTERM");
    assertEquals((await node.exited).code, 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
