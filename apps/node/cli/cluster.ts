/**
 * `cluster`: several nodes on this machine, as processes of their own, until they are asked to stop.
 *
 * @module
 */
import { relative, resolve } from "node:path";
import { counted } from "../counted.ts";
import { watchLeadership } from "../client/leadership.ts";
import { quietGrpc } from "../grpc/quiet.ts";
import { httpUrl } from "../config/config.ts";
import { errorText } from "../log.ts";
import { DEFAULT_ENDPOINTS } from "./client_options.ts";
import { ClusterControl, type ControlledNode, ControlRefusal } from "./cluster_control.ts";
import {
  type ClusterLayout,
  nodeDirectory,
  nodeLogPath,
  openLayout,
  saveLayout,
} from "./cluster_layout.ts";
import { requireFree, type WantedAddresses } from "./free_addresses.ts";
import { complain, EXIT, type ExitCode } from "./exit.ts";
import { appendToFile } from "./log_file.ts";
import { nodeCommand } from "./node_process.ts";
import { ClusterTls } from "./cluster_tls.ts";
import { StopRequest } from "./stop_request.ts";

/** What `cluster` is asked to do. */
export interface ClusterOptions {
  /** How many nodes, if that was said. */
  readonly nodes: number | undefined;
  /** Where they keep their data. */
  readonly dir: string;
  /** The first node's port for clients. */
  readonly grpcPort: number;
  /** The first node's port for the others, in a new cluster. */
  readonly raftPort: number;
  /** The first node's port for HTTP; 0 for none. */
  readonly httpPort: number;
  /** Whether they speak TLS, with each other and with clients. */
  readonly tls: boolean;
}

const STOP_TIMEOUT_MS = 10_000;

/** Runs the nodes until a signal comes, or none can go on. */
export async function cluster(options: ClusterOptions): Promise<ExitCode> {
  quietGrpc();
  const dir = resolve(options.dir);
  const layout = openLayout(dir, options);
  requireFree(wantedAddresses(layout, options));
  saveLayout(dir, layout);
  const tls = options.tls ? await ClusterTls.open(dir, layout) : undefined;
  using stop = new StopRequest();
  return await new Cluster(dir, layout, options, tls).run(stop.requested);
}

function wantedAddresses(
  { nodes }: ClusterLayout,
  { grpcPort, httpPort }: ClusterOptions,
): WantedAddresses[] {
  return [
    {
      addresses: nodes.map((_, at) => localAddress(grpcPort + at)),
      purpose: "clients",
      otherwise: "another --grpc-port",
    },
    {
      addresses: httpPort === 0 ? [] : nodes.map((_, at) => localAddress(httpPort + at)),
      purpose: "HTTP",
      otherwise: "another --http-port",
    },
    {
      addresses: nodes.map(({ raft }) => raft),
      purpose: "each other",
      otherwise: "another --raft-port, with a --dir that holds no cluster yet",
    },
  ];
}

function localAddress(port: number): string {
  return `127.0.0.1:${port}`;
}

/** One node as this command sees it. */
interface Member {
  readonly id: string;
  readonly raft: string;
  readonly grpc: string;
  readonly http: string | undefined;
  process: Deno.ChildProcess | undefined;
  /** Whether it was stopped in the middle of whatever it did. */
  paused: boolean;
  /** Whether it was cut off from the others. */
  cutOff: boolean;
  /** Resolves when a node that was killed from the page is to be started again. */
  killed: PromiseWithResolvers<void> | undefined;
}

class Cluster {
  readonly #dir: string;
  readonly #layout: ClusterLayout;
  readonly #tls: ClusterTls | undefined;
  readonly #members: readonly Member[];
  readonly #watching = new AbortController();
  readonly #failed = Promise.withResolvers<void>();
  #control: ClusterControl | undefined;
  #stopping = false;
  #greeted = false;

  constructor(
    dir: string,
    layout: ClusterLayout,
    { grpcPort, httpPort }: Pick<ClusterOptions, "grpcPort" | "httpPort">,
    tls: ClusterTls | undefined,
  ) {
    this.#dir = dir;
    this.#layout = layout;
    this.#tls = tls;
    this.#members = layout.nodes.map(({ id, raft }, at) => ({
      id,
      raft,
      grpc: localAddress(grpcPort + at),
      http: httpPort === 0 ? undefined : localAddress(httpPort + at),
      process: undefined,
      paused: false,
      cutOff: false,
      killed: undefined,
    }));
  }

  async run(stopRequested: Promise<unknown>): Promise<ExitCode> {
    console.log(`${counted(this.#members.length, "node")}, data in ${shownPath(this.#dir)}`);
    await using control = this.#listenForPages();
    this.#control = control;
    const lives = this.#members.map((member) => this.#live(member));
    const watches = this.#members.map((member) => this.#watch(member));
    const asked = await Promise.race([
      stopRequested.then(() => true),
      this.#failed.promise.then(() => false),
    ]);
    if (asked) console.log("stopping all nodes");
    const clean = await this.#stop(lives);
    await Promise.all(watches);
    if (asked && clean) {
      console.log("all nodes have stopped; start again on the same directory to go on");
    }
    return asked && clean ? EXIT.ok : EXIT.failed;
  }

  /** Starts a node, and again whenever somebody kills it. Returns when it has stopped for good; `true` if it did so cleanly. */
  async #live(member: Member): Promise<boolean> {
    for (;;) {
      const { code, signal, pid } = await this.#runOnce(member);
      // A node that has only begun to start does not listen for signals yet, and has nothing to close.
      const asAsked = code === 0 || signal === "SIGINT" || signal === "SIGTERM";
      if (this.#stopping && asAsked) return true;
      if (member.killed !== undefined) {
        console.log(`${member.id} (process ${pid}) was killed from the page`);
        await member.killed.promise;
        member.killed = undefined;
        if (this.#stopping) return true;
        continue;
      }
      if (this.#stopping || signal === null) {
        complain(
          `${member.id} (process ${pid}) has stopped with exit code ${code}; see ${
            this.#logPath(member)
          }: ${lastLine(nodeLogPath(this.#dir, member.id))}`,
        );
        if (!this.#greeted || this.#members.every((other) => other.process === undefined)) {
          this.#failed.resolve();
        }
        return false;
      }
      console.log(`${member.id} (process ${pid}) was killed by ${signal}; starting it again`);
    }
  }

  async #runOnce(member: Member): Promise<Deno.CommandStatus & { readonly pid: number }> {
    const process = nodeCommand({
      dataDir: nodeDirectory(this.#dir, member.id),
      flags: this.#flags(member),
    }).spawn();
    member.process = process;
    const { id, grpc, raft, http } = member;
    const url = http === undefined ? "" : `  ${httpUrl(http, this.#tls !== undefined)}`;
    console.log(
      `  ${id}  process ${process.pid}  clients ${grpc}${url}  members ${raft}  log ${
        this.#logPath(member)
      }`,
    );
    const [status] = await Promise.all([
      process.status,
      appendToFile(nodeLogPath(this.#dir, id), process.stderr, (error) => {
        complain(`messages of ${id} are lost: ${errorText(error)}`);
      }),
    ]);
    member.process = undefined;
    member.paused = member.cutOff = false;
    await process.stdin.close().catch(() => {});
    return { ...status, pid: process.pid };
  }

  #flags({ id, grpc, http }: Member): string[] {
    const { clusterId, founded, nodes } = this.#layout;
    return [
      `--id=${id}`,
      `--cluster-id=${clusterId}`,
      `--grpc-listen=${grpc}`,
      ...(http === undefined ? [] : [`--http-listen=${http}`]),
      ...(this.#control === undefined ? [] : [`--control-port=${this.#control.port}`]),
      ...this.#members.map((member) =>
        `--peer=${member.id}=${member.raft},${member.grpc}` +
        (member.http === undefined ? "" : `,${member.http}`)
      ),
      ...(!founded && id === nodes[0]!.id ? ["--bootstrap"] : []),
      ...(this.#tls?.flags(id) ?? []),
    ];
  }

  async #watch({ id, grpc }: Member): Promise<void> {
    await watchLeadership(
      grpc,
      (leads) => {
        if (leads && !this.#stopping) this.#leads(id);
      },
      this.#watching.signal,
      this.#tls?.security,
    );
  }

  #leads(id: string): void {
    console.log(`${id} is the leader`);
    if (this.#greeted) return;
    this.#greeted = true;
    if (!this.#layout.founded) saveLayout(this.#dir, { ...this.#layout, founded: true });
    this.#layout.founded = true;
    const endpoints = this.#members.map(({ grpc }) => grpc);
    // One of them is enough: it names the leader.
    const known = endpoints.some((endpoint) => DEFAULT_ENDPOINTS.split(",").includes(endpoint));
    const hint = (known ? "" : ` --endpoints=${endpoints.join(",")}`) +
      (this.#tls === undefined ? "" : ` --tls-ca=${shownPath(this.#tls.authority)}`);
    console.log("in another terminal:");
    console.log(`  deno run -P apps/node add coracle paddle oar${hint}`);
    console.log(`  deno run -P apps/node words${hint}`);
    console.log(`  deno run -P apps/node status${hint}`);
    const page = this.#members[0]!.http;
    if (page !== undefined) {
      console.log(`in a browser:\n  ${httpUrl(page, this.#tls !== undefined)}/`);
    }
    console.log("Ctrl-C stops all nodes");
  }

  /** Lets the nodes' page kill, pause and cut them off, if they serve one. */
  #listenForPages(): ClusterControl | undefined {
    const pages = this.#members.flatMap(({ http }) =>
      http === undefined ? [] : httpUrl(http, this.#tls !== undefined)
    );
    if (pages.length === 0) return undefined;
    return ClusterControl.listen(pages, {
      nodes: () => this.#members.map(controlled),
      kill: (id) => this.#kill(this.#member(id)),
      start: (id) => this.#member(id).killed?.resolve(),
      pause: (id) => this.#pause(this.#member(id), true),
      resume: (id) => this.#pause(this.#member(id), false),
      "cut-off": (id) => this.#cutOff(this.#member(id), true),
      heal: (id) => this.#cutOff(this.#member(id), false),
    });
  }

  #member(id: string): Member {
    const member = this.#members.find((each) => each.id === id);
    if (member !== undefined) return member;
    const known = this.#members.map((each) => each.id).join(", ");
    throw new ControlRefusal(404, `the node is ${JSON.stringify(id)}; known are ${known}`);
  }

  #kill(member: Member): void {
    if (this.#stopping) throw new ControlRefusal(409, "the cluster is stopping");
    if (member.process === undefined || member.killed !== undefined) return;
    member.killed = Promise.withResolvers();
    member.process.kill("SIGKILL");
  }

  #pause(member: Member, paused: boolean): void {
    const process = running(member);
    if (member.paused === paused) return;
    process.kill(paused ? "SIGSTOP" : "SIGCONT");
    member.paused = paused;
    console.log(`${member.id} ${paused ? "is paused" : "goes on"}`);
  }

  /** See `partition_on_signal.ts`. */
  #cutOff(member: Member, cutOff: boolean): void {
    const process = running(member);
    if (member.cutOff === cutOff) return;
    process.kill(cutOff ? "SIGUSR1" : "SIGUSR2");
    member.cutOff = cutOff;
    console.log(
      `${member.id} ${cutOff ? "is cut off from the others" : "reaches the others again"}`,
    );
  }

  async #stop(lives: readonly Promise<boolean>[]): Promise<boolean> {
    this.#stopping = true;
    this.#watching.abort();
    // One that is paused would not hear of it.
    this.#signal("SIGCONT");
    this.#signal("SIGTERM");
    for (const { killed } of this.#members) killed?.resolve();
    const impatience = setTimeout(() => {
      complain(`not all nodes have stopped within ${STOP_TIMEOUT_MS / 1000} s; killing them`);
      this.#signal("SIGKILL");
    }, STOP_TIMEOUT_MS);
    const clean = await Promise.all(lives);
    clearTimeout(impatience);
    return clean.every((each) => each);
  }

  #signal(signal: Deno.Signal): void {
    for (const { process } of this.#members) {
      try {
        process?.kill(signal);
      } catch (error) {
        // It has ended a moment ago.
        if (!(error instanceof TypeError)) throw error;
      }
    }
  }

  #logPath({ id }: Member): string {
    return shownPath(nodeLogPath(this.#dir, id));
  }
}

function running({ id, process, killed }: Member): Deno.ChildProcess {
  if (process !== undefined && killed === undefined) return process;
  throw new ControlRefusal(409, `${id} does not run`);
}

function controlled({ id, process, paused, cutOff, killed }: Member): ControlledNode {
  if (killed !== undefined) return { id, state: "killed" };
  if (process === undefined) return { id, state: "stopped" };
  return { id, state: paused ? "paused" : cutOff ? "cut-off" : "running" };
}

/** As seen from here, if it is below. */
function shownPath(path: string): string {
  const fromHere = relative(Deno.cwd(), path);
  return fromHere.startsWith("..") ? path : `./${fromHere}`;
}

function lastLine(path: string): string {
  return Deno.readTextFileSync(path).trimEnd().split("\n").at(-1) ?? "";
}
