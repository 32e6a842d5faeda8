/**
 * `members`: who belongs to the cluster, and changes of that.
 *
 * @module
 */
import { delay } from "@std/async";
import type { AdminClient, NodeReport } from "../client/admin_client.ts";
import { ClientError } from "../client/leader_client.ts";
import { commandErrorOf, withAdmin } from "./admin.ts";
import type { ClientOptions } from "./client_options.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { type Column, printJson, printTable } from "./output.ts";
import { Progress } from "./progress.ts";

const PROGRESS_INTERVAL_MS = 200;

/** What all of these commands may be asked for. */
export interface MembersOptions extends ClientOptions {
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** A member, and how far it is. */
interface MemberRow {
  readonly id: string;
  readonly address: string;
  readonly suffrage: string;
  readonly clientAddress: string | undefined;
  readonly isLeader: boolean;
  /** Its log agrees with the leader's up to here, on its disk. */
  readonly matchIndex: bigint;
  /** Entries that it lacks. */
  readonly lag: bigint;
  /** Since its last answer; 0 for the leader. */
  readonly lastContactMs: number | undefined;
}

const COLUMNS: readonly Column<MemberRow>[] = [
  { title: "ID", value: ({ id }) => id },
  { title: "ROLE", value: ({ isLeader, suffrage }) => isLeader ? "leader" : suffrage },
  { title: "MEMBERS", value: ({ address }) => address },
  { title: "CLIENTS", value: ({ clientAddress }) => clientAddress ?? "-" },
  { title: "MATCH", value: ({ matchIndex }) => matchIndex },
  { title: "LAG", value: ({ lag }) => lag },
  {
    title: "HEARD",
    value: ({ lastContactMs }) =>
      lastContactMs === undefined ? "-" : `${Math.round(lastContactMs)} ms`,
  },
];

/** Prints the members, as the leader knows them. */
export async function listMembers(options: MembersOptions): Promise<ExitCode> {
  const status = await withAdmin(options, (client) => client.status());
  const rows = rowsOf(status);
  if (options.json) printJson({ configurationIndex: status.configurationIndex, members: rows });
  else printTable(rows, COLUMNS);
  return EXIT.ok;
}

function rowsOf(
  { nodeId, members, followers, lastLogIndex, durableIndex }: NodeReport,
): MemberRow[] {
  return members.map(({ id, address, suffrage, clientAddress }) => {
    const isLeader = id === nodeId;
    const follower = followers.find((one) => one.id === id);
    const matchIndex = isLeader ? durableIndex : follower?.matchIndex ?? 0n;
    return {
      id,
      address,
      suffrage,
      clientAddress: clientAddress === "" ? undefined : clientAddress,
      isLeader,
      matchIndex,
      lag: lastLogIndex - matchIndex,
      lastContactMs: isLeader ? 0 : follower?.lastContactMs,
    };
  });
}

/** What `members add` is asked to do. */
export interface AddMemberOptions extends MembersOptions {
  /** The new member's name. */
  readonly id: string;
  /** Where the others reach it. */
  readonly address: string;
  /** Whether it gets a vote. */
  readonly voter: boolean;
}

/** Adds a member, and waits until it votes, if it is to. */
export async function addMember(options: AddMemberOptions): Promise<ExitCode> {
  const { id, address, voter } = options;
  return await withAdmin(options, async (client) => {
    if (voter) return await giveVote(client, { id, address }, options);
    const configurationIndex = await client.addNonvoter({ id, address });
    return done(options, { id, suffrage: "nonvoter", configurationIndex });
  });
}

/** What the commands are asked that change one member. */
export interface MemberOptions extends MembersOptions {
  /** The member. */
  readonly id: string;
}

/** Gives a member a vote that has none. */
export async function promoteMember(options: MemberOptions): Promise<ExitCode> {
  const { id } = options;
  return await withAdmin(options, async (client) => {
    const { members } = await client.status();
    const member = members.find((one) => one.id === id);
    if (member === undefined) {
      throw new CommandError(
        EXIT.failed,
        `${JSON.stringify(id)} is not a member; members are ${
          members.map((one) => one.id).join(", ")
        }`,
      );
    }
    return await giveVote(client, { id, address: member.address }, options);
  });
}

/** Takes the vote from a member. */
export async function demoteMember(options: MemberOptions): Promise<ExitCode> {
  const { id } = options;
  const configurationIndex = await withAdmin(options, (client) => client.demoteVoter(id));
  return done(options, { id, suffrage: "nonvoter", configurationIndex });
}

/** Removes a member. */
export async function removeMember(options: MemberOptions): Promise<ExitCode> {
  const { id } = options;
  const configurationIndex = await withAdmin(options, (client) => client.removeServer(id));
  return done(options, { id, suffrage: undefined, configurationIndex });
}

/** Waits until the member votes. If it takes too long to catch up, says that it goes on to do so. */
async function giveVote(
  client: AdminClient,
  member: { readonly id: string; readonly address: string },
  options: MembersOptions,
): Promise<ExitCode> {
  const { id } = member;
  const watching = new AbortController();
  const watched = Deno.stderr.isTerminal() ? showCatchUp(client, id, watching.signal) : undefined;
  try {
    const configurationIndex = await client.addVoter(member).finally(async () => {
      watching.abort();
      await watched;
    });
    return done(options, { id, suffrage: "voter", configurationIndex });
  } catch (error) {
    if (!(error instanceof ClientError && error.code === "commit-timeout")) throw error;
    const { members } = await client.status();
    const suffrage = members.find((one) => one.id === id)?.suffrage;
    if (suffrage !== "staging") throw commandErrorOf(error);
    throw new CommandError(
      EXIT.unknown,
      `${id} is a member and has not caught up within ${options.timeoutMs} ms; it gets its vote by itself as soon ` +
        "as it has. Is it running, can it be reached, and has it founded no cluster of its own? Its log says so.",
      { cause: error },
    );
  }
}

/** Shows how far a member has come, until `signal` fires. */
async function showCatchUp(client: AdminClient, id: string, signal: AbortSignal): Promise<void> {
  const progress = Progress.onTerminal("entries");
  let first: number | undefined;
  while (!signal.aborted) {
    try {
      const row = rowsOf(await client.status()).find((one) => one.id === id);
      if (row !== undefined && !signal.aborted) {
        const matchIndex = Number(row.matchIndex);
        first ??= matchIndex;
        progress.update(matchIndex - first, matchIndex / Math.max(1, matchIndex + Number(row.lag)));
      }
    } catch (error) {
      // Whoever waits for the change hears of it.
      if (!(error instanceof ClientError)) throw error;
    }
    await delay(PROGRESS_INTERVAL_MS, { signal }).catch(() => {});
  }
  progress.clear();
}

/** What has become of a member. */
interface Change {
  readonly id: string;
  readonly suffrage: "voter" | "nonvoter" | undefined;
  readonly configurationIndex: bigint;
}

function done({ json }: MembersOptions, change: Change): ExitCode {
  const { id, suffrage, configurationIndex } = change;
  if (json) printJson({ ...change, suffrage: suffrage ?? null });
  else console.log(`${id} ${changeText(suffrage)} (configuration ${configurationIndex})`);
  return EXIT.ok;
}

function changeText(suffrage: Change["suffrage"]): string {
  switch (suffrage) {
    case "voter":
      return "is a voter";
    case "nonvoter":
      return "is a member without a vote";
    case undefined:
      return "is no longer a member";
  }
}
