/**
 * `status`: what every node says of itself.
 *
 * @module
 */
import type { NodeReport } from "../client/admin_client.ts";
import { type NodeAnswer, reportsOf } from "../client/nodes.ts";
import { quietGrpc } from "../grpc/quiet.ts";
import { delay } from "@std/async";
import { type ClientOptions, DEFAULT_ENDPOINTS } from "./client_options.ts";
import { clientSettings } from "./client_settings.ts";
import { complain, EXIT, type ExitCode, report } from "./exit.ts";
import { type Column, outputIsClosed, printJson, printTable } from "./output.ts";
import { StopRequest } from "./stop_request.ts";

/** What `status` is asked to do. */
export interface StatusOptions extends ClientOptions {
  /** Whether to print JSON. */
  readonly json: boolean;
  /** Whether to print it again and again, until a signal comes or nobody reads it any more. */
  readonly watch: boolean;
}

const WATCH_INTERVAL_MS = 1000;
/** Clears the terminal, and goes to its upper left corner. */
const CLEAR = "\x1b[H\x1b[2J";

/** A node, or an address at which none says how it is. */
interface Row {
  readonly address: string;
  readonly report: NodeReport | undefined;
  /** Whether a node is there, and wants a token. */
  readonly refused: boolean;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "NODE", value: ({ report }) => report?.nodeId ?? "?" },
  {
    title: "STATE",
    value: ({ report, refused }) => report?.state ?? (refused ? "refused" : "unreachable"),
  },
  { title: "TERM", value: ({ report }) => report?.term },
  { title: "LEADER", value: ({ report }) => report && (report.leader?.id ?? "-") },
  { title: "LOG", value: ({ report }) => report?.lastLogIndex },
  { title: "COMMITTED", value: ({ report }) => report?.commitIndex },
  { title: "APPLIED", value: ({ report }) => report?.appliedIndex },
  { title: "SNAPSHOT", value: ({ report }) => report?.lastSnapshotIndex },
  { title: "HEARD", value: ({ report }) => report && heardText(report) },
  { title: "UP", value: ({ report }) => report && upText(report) },
  { title: "CLIENTS", value: ({ address }) => address },
];

/** Prints what the nodes say. The exit code tells whether one of them leads. */
export async function status(options: StatusOptions): Promise<ExitCode> {
  quietGrpc();
  const settings = await clientSettings(options);
  if (!options.watch) return print(await reportsOf(settings), options);
  using stop = new StopRequest();
  let stopped = false;
  const asked = stop.requested.then(() => stopped = true);
  let exitCode: ExitCode = EXIT.ok;
  while (!stopped && !outputIsClosed()) {
    const answers = await reportsOf(settings);
    if (Deno.stdout.isTerminal()) Deno.stdout.writeSync(new TextEncoder().encode(CLEAR));
    exitCode = print(answers, options);
    await Promise.race([delay(WATCH_INTERVAL_MS), asked]);
  }
  return exitCode;
}

function print(
  answers: readonly NodeAnswer<NodeReport>[],
  { json, endpoints }: StatusOptions,
): ExitCode {
  const shown = answers.filter((answer) => answer.ok || isExpected(answer.address, answers));
  const reports = shown.flatMap((answer) => answer.ok ? [answer.value] : []);
  if (json) {
    printJson({
      nodes: shown.map((answer) => {
        if (!answer.ok) return { clientAddress: answer.address, problem: answer.error.message };
        return { clientAddress: answer.address, ...answer.value };
      }),
    });
  } else {
    const rows = shown.map((answer) => ({
      address: answer.address,
      report: answer.ok ? answer.value : undefined,
      refused: !answer.ok && answer.error.code === "unauthenticated",
    }));
    printTable(rows.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b))), COLUMNS);
    for (const answer of shown) {
      if (!answer.ok) complain(`${answer.address}: ${answer.error.message}`);
    }
  }
  if (reports.some(({ state }) => state === "leader")) return EXIT.ok;
  const [code, message] = reports.length === 0
    ? ["no-node", `no node says how it is (${endpoints.length} asked)`] as const
    : ["no-leader", "no node leads"] as const;
  report({ code, message, outcome: "not-written" }, json);
  return EXIT.failed;
}

/** Whether a node should be at `address`. The addresses that are asked when none are given are only guesses. */
function isExpected(address: string, answers: readonly NodeAnswer<NodeReport>[]): boolean {
  if (!DEFAULT_ENDPOINTS.split(",").includes(address)) return true;
  const members = answers.flatMap((answer) => answer.ok ? answer.value.members : []);
  return members.length === 0 || members.some(({ clientAddress }) => clientAddress === address);
}

function nameOf({ report, address }: Row): string {
  return report?.nodeId ?? `\u{10ffff}${address}`;
}

function heardText({ state, lastContactMs }: NodeReport): string {
  if (state === "leader") return "-";
  return lastContactMs === undefined ? "never" : `${Math.round(lastContactMs)} ms`;
}

function upText({ startedAtUnixMs }: NodeReport): string {
  const seconds = Math.max(0, Math.round((Date.now() - Number(startedAtUnixMs)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}
