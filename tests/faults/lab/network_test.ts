import { assert, assertEquals } from "@std/assert";
import { eventually } from "../../support/eventually.ts";
import { laboratoryTest } from "./laboratory.ts";
import { type Host, type Loss, LOSSY_PERCENT, Network } from "./network.ts";

const PORT = 4000;

/** Receives datagrams on a host and prints the host that each came from; sends what it is told to. */
const PEER = `
  const socket = Deno.listenDatagram({ transport: "udp", hostname: Deno.args[0], port: ${PORT} });
  const print = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\\n"));
  (async () => { for await (const [, from] of socket) print(from.hostname); })();
  print("ready");
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const hosts = (rest + text).split(" ");
    rest = hosts.pop();
    for (const hostname of hosts) {
      await socket.send(Uint8Array.of(1), { transport: "udp", hostname, port: ${PORT} });
    }
  }
  Deno.exit(0);
`;

class Peer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;
  heard: string[] = [];

  constructor(host: Host) {
    const [command, ...args] = host.command([
      Deno.execPath(),
      "eval",
      "--unstable-net",
      PEER,
      host.address,
    ]);
    this.#process = new Deno.Command(command!, { args, stdin: "piped", stdout: "piped" }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#read = this.#listen();
  }

  async #listen(): Promise<void> {
    for await (const chunk of this.#process.stdout) {
      this.heard.push(...new TextDecoder().decode(chunk).trim().split("\n"));
    }
  }

  async send(hosts: readonly Host[]): Promise<void> {
    const line = hosts.map(({ address }) => `${address} `).join("");
    await this.#input.write(new TextEncoder().encode(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#process.status;
    await this.#read;
  }
}

laboratoryTest(
  import.meta.url,
  "a network loses what it is told to, one way",
  ["network"],
  async () => {
    await using network = await Network.create(3);
    const { hosts } = network;
    await using peers = new AsyncDisposableStack();
    const [a, b, c] = hosts.map((host) => peers.use(new Peer(host)));
    const all = [a!, b!, c!];
    await eventually("all listen", () => all.every(({ heard }) => heard.includes("ready")));

    /** Everybody sends to everybody else; then `expected` has each one's peers, by the end of their addresses. */
    const hear = async (losses: readonly Loss[], expected: readonly string[]): Promise<void> => {
      await network.lose(losses);
      for (const peer of all) peer.heard = [];
      for (const [at, peer] of all.entries()) await peer.send(hosts.filter((_, to) => to !== at));
      const heard = (): string =>
        all.map((peer) => peer.heard.map((address) => address.slice(-1)).sort().join("")).join();
      await eventually("they hear each other", () => heard() === expected.join(), {
        describe: () => `but ${heard()} instead of ${expected.join()}`,
      });
    };
    await hear([], ["23", "13", "12"]);
    await hear([{ from: 0, to: 1, percent: 100 }], ["23", "3", "12"]);
    await hear([{ from: 0, to: 1, percent: 100 }, { from: 2, to: 1, percent: 100 }], [
      "23",
      "",
      "12",
    ]);
    await hear([], ["23", "13", "12"]);

    await network.lose([{ from: 0, to: 2, percent: LOSSY_PERCENT }]);
    for (const peer of all) peer.heard = [];
    const sent = 400;
    for (let round = 0; round < sent; round += 1) await a!.send([hosts[2]!]);
    await a!.send([hosts[1]!]);
    await eventually("the last one has come", () => b!.heard.length === 1);
    const share = c!.heard.length / sent;
    assert(share > 0.5 && share < 0.9, `${c!.heard.length} of ${sent} came`);
    assertEquals(b!.heard, [hosts[0]!.address]);
  },
);
