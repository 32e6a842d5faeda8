/**
 * docs/metrics.md says of each metric what its catalogue says, and of each metric of hashicorp/raft where it is or why it is not.
 *
 * @module
 */
import { type MetricDescription, RAFT_METRICS } from "@coracle/core";
import { STORE_METRICS } from "@coracle/store-fs";
import { TRANSPORT_METRICS } from "@coracle/transport-tcp";
import { assert, assertEquals } from "@std/assert";

/** What hashicorp/raft 1.8.0, raft-boltdb and raft-wal with its verifier measure. */
const HASHICORP = `
  apply barrier verify_leader restore state.follower state.candidate state.leader
  transition.heartbeat_timeout transition.leader_lease_timeout
  replication.appendEntries.logs replication.appendEntries.rpc replication.heartbeat replication.installSnapshot
  replication.appendEntries.logs.<peer> replication.appendEntries.rpc.<peer> replication.heartbeat.<peer>
  replication.installSnapshot.<peer>
  commitTime compactLogs removeOldLogs restoreUserSnapshot
  fsm.apply fsm.applyBatch fsm.enqueue fsm.restore fsm.snapshot fsm.store_config fsm.applyBatchNum
  fsm.lastRestoreDuration leader.dispatchLog leader.dispatchNumLogs leader.oldestLogAge leader.lastContact
  peers commitNumLogs candidate.electSelf candidate.preElectSelf
  rpc.appendEntries rpc.appendEntries.storeLogs rpc.appendEntries.processLogs rpc.requestVote
  rpc.requestPreVote rpc.installSnapshot rpc.processHeartbeat
  net.getRPCType net.rpcDecode net.rpcEnqueue net.rpcRespond
  snapshot.create snapshot.persist snapshot.takeSnapshot thread.main.saturation thread.fsm.saturation
  boltdb.*
  log_entries_written log_entry_bytes_written log_appends log_entries_read log_entry_bytes_read
  segment_rotations head_truncations tail_truncations stable_gets stable_sets last_segment_age_seconds
  checkpoints_written ranges_verified read_checksum_failures write_checksum_failures dropped_reports
`.trim().split(/\s+/);

/** The page's sections, by what their headings begin with, and the catalogue that each repeats. */
const CATALOGUES: readonly (readonly [string, Readonly<Record<string, MetricDescription>>])[] = [
  ["A node", RAFT_METRICS],
  ["A transport", TRANSPORT_METRICS],
  ["A log store", STORE_METRICS],
];

const page = await Deno.readTextFile(new URL("./metrics.md", import.meta.url));
const sections = new Map(
  page.split(/^## /m).slice(1).map((section) => {
    const end = section.indexOf("\n");
    return [section.slice(0, end), section.slice(end)];
  }),
);

/** The section whose heading begins with `heading`, with each item of its lists on one line. */
function itemsOf(heading: string): string[] {
  const [, text] = [...sections].find(([title]) => title.startsWith(heading)) ?? [];
  assert(text !== undefined, `there is no section "${heading}…"`);
  return text.replaceAll(/\n {2}(?=\S)/g, " ").split("\n").filter((line) => line.startsWith("- "));
}

function lineOf(name: string, { kind, unit, labels, meaning }: MetricDescription): string {
  const by = labels.map((label) => `\`${label}\``).join(" and ");
  return `- \`${name}\` (${kind}, ${unit}${by === "" ? "" : `, by ${by}`}): ${meaning}`;
}

for (const [heading, catalogue] of CATALOGUES) {
  Deno.test(`docs/metrics.md, "${heading}", says what the catalogue says, in its order`, () => {
    const expected = Object.entries(catalogue).map(([name, one]) => lineOf(name, one));
    assertEquals(itemsOf(heading), expected);
  });
}

Deno.test("each metric of hashicorp/raft is in a catalogue, or the page says why not", () => {
  const measured = CATALOGUES.flatMap(([, catalogue]) => Object.keys(catalogue));
  const absent = itemsOf("What hashicorp/raft measures").flatMap((line) =>
    [...line.slice(0, line.indexOf("`: ") + 1).matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
  );
  assertEquals(absent.filter((name) => measured.includes(name)), []);
  const known = HASHICORP.filter((name) => measured.includes(name) || absent.includes(name));
  assertEquals(known, HASHICORP);
  assertEquals(absent.filter((name) => !HASHICORP.includes(name)), []);
});

Deno.test("what is not hashicorp's is said to be Coracle's own, and nothing else is", () => {
  for (const [, catalogue] of CATALOGUES) {
    for (const [name, { meaning }] of Object.entries(catalogue)) {
      assertEquals(meaning.includes("(Coracle's own)"), !HASHICORP.includes(name), name);
    }
  }
});

Deno.test("no name is in two catalogues", () => {
  const names = CATALOGUES.flatMap(([, catalogue]) => Object.keys(catalogue));
  assertEquals(new Set(names).size, names.length);
});
