/**
 * What faults this machine lets a test make.
 *
 * Networks, mounts and processes of a test live in namespaces of their own (`unshare`): nobody else sees them, two tests never
 * meet, and all of them are gone with the process for which they were made, however it ends.
 *
 * @module
 */

/** What a test may need that not every machine has. */
export const MEANS = ["network", "mounts", "compiler"] as const;

/** One of {@linkcode MEANS}: networks with packet filters, file systems of its own, a C compiler. */
export type Means = typeof MEANS[number];

/** What there is. */
export interface Machine {
  /** Whether there are namespaces of one's own. */
  readonly hasNamespaces: boolean;
  /** What there is not, each with the reason. */
  readonly missing: Readonly<Partial<Record<Means, string>>>;
}

/** Says what a network is made of; in the words that Debian's packages have. */
const NETWORK_TOOLS = "needs ip (package iproute2) and nft (package nftables)";

/** Makes one of everything. A line for each means that does not work: its name and what was said. */
const PROBE = `
attempt() { said=$("$1" 2>&1) || echo "$1: $said" | tr '\\n' ' '; echo; }
network() {
  ip link add bridge0 type bridge && ip link add veth0 type veth peer name veth1 &&
  nft 'add table inet probe; add chain inet probe input { type filter hook input priority 0; };
    add rule inet probe input ip saddr 10.0.0.1 numgen random mod 100 < 50 drop'
}
mounts() { mount -t tmpfs -o size=1m coracle /mnt; }
attempt network
attempt mounts
`;

/**
 * How to enter namespaces of one's own: mounts, processes and, `withNetwork`, a network without any link. They end with
 * whoever has entered them.
 */
export function enterCommand(
  { withNetwork }: { readonly withNetwork: boolean },
): readonly string[] {
  const asRoot = Deno.uid() === 0 ? [] : ["--map-root-user"];
  const own = ["--mount", "--pid", "--mount-proc", ...(withNetwork ? ["--net"] : [])];
  return ["unshare", ...asRoot, ...own, "--fork", "--kill-child", "--"];
}

/** Looks what there is, by trying. */
export function examineMachine(): Machine {
  if (Deno.build.os !== "linux") {
    const reason = `${Deno.build.os} has no namespaces as Linux has`;
    return { hasNamespaces: false, missing: { network: reason, mounts: reason, ...compiler() } };
  }
  const [command, ...args] = [...enterCommand({ withNetwork: true }), "sh", "-c", PROBE];
  const { ok, said } = run(command!, args);
  if (!ok) {
    const reason = `no namespaces of one's own: ${said}`;
    return { hasNamespaces: false, missing: { network: reason, mounts: reason, ...compiler() } };
  }
  const failures = Object.fromEntries(
    said.split("\n").flatMap((line) => {
      const [, means, why] = /^(network|mounts): (.*)$/.exec(line) ?? [];
      if (means === undefined) return [];
      return [[means, means === "network" ? `${NETWORK_TOOLS}: ${why!.trim()}` : why!.trim()]];
    }),
  );
  return { hasNamespaces: true, missing: { ...failures, ...compiler() } };
}

function compiler(): { compiler?: string } {
  if (Deno.build.os !== "linux") return { compiler: "the library is for Linux" };
  const { ok } = run("cc", ["--version"]);
  return ok ? {} : { compiler: "there is no C compiler (cc)" };
}

function run(command: string, args: readonly string[]): { ok: boolean; said: string } {
  try {
    const { success, stdout, stderr } = new Deno.Command(command, { args: [...args] }).outputSync();
    const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    return { ok: success, said: said.trim() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { ok: false, said: `${command} is missing` };
    throw error;
  }
}
