/**
 * A network of hosts, each in a namespace of its own, with a bridge between them; this process is on the bridge and reaches
 * all hosts at all times. Packets from one host to another can be dropped, all or some, one way or both.
 *
 * What is dropped is dropped where it arrives, by a packet filter: the sender gets no error, as when a cable is cut
 * behind its switch.
 *
 * @module
 */
import { must } from "./commands.ts";

/** A host of the network. */
export interface Host {
  /** Its address, without a port. */
  readonly address: string;
  /** The command that runs `command` on this host. */
  command(command: readonly string[]): readonly string[];
}

/** Packets that get lost on the way from one host to another. Hosts are given by their place, from 0. */
export interface Loss {
  readonly from: number;
  readonly to: number;
  /** How many of a hundred. */
  readonly percent: number;
}

const SUBNET = "10.99.0";
const BRIDGE_ADDRESS = `${SUBNET}.254`;

/** What {@linkcode Loss.percent} may be beside 100. */
export const LOSSY_PERCENT = 30;

/** The filter of each host: what comes from `silenced` is dropped, and so many percent of what comes from `lossy`. */
const FILTER = `table inet faults {
  set silenced { type ipv4_addr; }
  set lossy { type ipv4_addr; }
  chain input {
    type filter hook input priority 0; policy accept;
    ip saddr @silenced drop
    ip saddr @lossy numgen random mod 100 < ${LOSSY_PERCENT} drop
  }
}
`;

/** See the module's description. */
export class Network implements AsyncDisposable {
  readonly #hosts: readonly NamespaceHost[];
  /** What each host's filter was last told. */
  readonly #told: string[] = [];

  private constructor(hosts: readonly NamespaceHost[]) {
    this.#hosts = hosts;
  }

  /** Makes a network of `count` hosts, in a laboratory with namespaces of its own. */
  static async create(count: number): Promise<Network> {
    await must(
      "ip",
      ["-batch", "-"],
      [
        "link set lo up",
        "link add bridge0 type bridge",
        `addr add ${BRIDGE_ADDRESS}/24 dev bridge0`,
        "link set bridge0 up",
        "",
      ].join("\n"),
    );
    const hosts = Array.from({ length: count }, (_, at) => NamespaceHost.create(at));
    return new Network(await Promise.all(hosts));
  }

  /** The hosts. */
  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** From now on these packets are lost, and no others. */
  async lose(losses: readonly Loss[]): Promise<void> {
    await Promise.all(this.#hosts.map(async (host, at) => {
      const from = (chosen: readonly Loss[]): string =>
        chosen.map((loss) => this.#hosts[loss.from]!.address).sort().join(", ");
      const mine = losses.filter(({ to }) => to === at);
      const silenced = from(mine.filter(({ percent }) => percent === 100));
      const lossy = from(mine.filter(({ percent }) => percent !== 100));
      const elements = (set: string, list: string): string =>
        list === "" ? "" : `add element inet faults ${set} { ${list} }\n`;
      const rules = "flush set inet faults silenced\nflush set inet faults lossy\n" +
        elements("silenced", silenced) + elements("lossy", lossy);
      if (this.#told[at] === rules) return;
      await host.must(["nft", "-f", "-"], rules);
      this.#told[at] = rules;
    }));
  }

  /** Ends the hosts; what runs on them should have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host[Symbol.asyncDispose]()));
    await must("ip", ["link", "del", "bridge0"]);
  }
}

/** A namespace, which is there as long as a process is in it that does nothing. */
class NamespaceHost implements Host, AsyncDisposable {
  readonly address: string;
  readonly #holder: Deno.ChildProcess;

  private constructor(at: number, holder: Deno.ChildProcess) {
    this.address = `${SUBNET}.${at + 1}`;
    this.#holder = holder;
  }

  static async create(at: number): Promise<NamespaceHost> {
    const holder = new Deno.Command("unshare", {
      args: ["--net", "sh", "-c", "echo ready; exec cat"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const host = new NamespaceHost(at, holder);
    const output = holder.stdout.getReader();
    await output.read();
    output.releaseLock();
    await must(
      "ip",
      ["-batch", "-"],
      [
        `link add veth${at} type veth peer name eth0 netns ${holder.pid}`,
        `link set veth${at} master bridge0 up`,
        "",
      ].join("\n"),
    );
    await host.must(
      ["ip", "-batch", "-"],
      [
        "link set lo up",
        `addr add ${host.address}/24 dev eth0`,
        "link set eth0 up",
        "",
      ].join("\n"),
    );
    await host.must(["nft", "-f", "-"], FILTER);
    return host;
  }

  command(command: readonly string[]): readonly string[] {
    return ["nsenter", `--net=/proc/${this.#holder.pid}/ns/net`, "--", ...command];
  }

  async must(command: readonly string[], input: string): Promise<void> {
    const [program, ...args] = this.command(command);
    await must(program!, args, input);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.stdout.cancel();
    await this.#holder.status;
  }
}
