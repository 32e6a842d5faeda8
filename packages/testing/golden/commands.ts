/**
 * The commands of golden scripts.
 *
 * | Command | What happens |
 * |---|---|
 * | `cluster 3 nonvoters=1 disk=manual appendSizeMaxBytes=100` | makes nodes n1, n2, n3 and starts them; settings of the consensus by name; a second one begins anew |
 * | `cluster 4 members=3`, `cluster 3 blank=yes` | the same, but n4 holds nothing and is no member; nobody is |
 * | `cluster 3 founding=yes` | the same, but the configuration names no stores, as a cluster's first one; otherwise it names them |
 * | `log n1 term=5 vote=n2 2@1 3@4` | before anything else: what a node's disk holds after the configuration at index 1; `3@4:n1,n2*,n3?,n4+` is a configuration, with a voter whose store is not named, a member that has no vote and one that is to get it |
 * | `tick n1` | the node's deadline comes, and only this node is told |
 * | `stand n1 n2 n3` | n1 stands for election: `tick`, and pre-votes with n2 and n3 (everybody without names); its messages to others are lost |
 * | `elect n1 n2 n3` | the same with the votes; the first appends to n2 and n3 are on their way |
 * | `wait 500` | time passes and nobody is told |
 * | `run 500` | time passes, every node is told, everything is delivered at once; with `hold=snapshots`, snapshots stay on their way |
 * | `settle` | everything is delivered and written until nothing is left; no time passes |
 * | `propose n1 a b` | callers want entries |
 * | `verify n1 7` | a caller asks whether n1 is the leader, as question 7 |
 * | `read n1 7 lease` | a caller asks up to where to apply before a read of level `lease`, as question 7; `linearizable` without a level |
 * | `change n1 addVoter n4 immediately prev=5` | a caller wants another membership: `addVoter`, `addNonvoter`, `demoteVoter`, `removeServer` |
 * | `transfer n1 n2` | a caller wants n2 to lead; without n2, the best |
 * | `stepdown n1` | a caller wants n1 to lead no longer |
 * | `hold n1`, `release n1` | calls of several steps are under way, and are no longer |
 * | `reload n1 leaderPriority=5` | other settings hold, until the node is started again |
 * | `bootstrap n1 n1 n2 n3?` | the first configuration of a cluster made with `blank=yes` |
 * | `snapshot n1 5 keep=2` | n1 makes a snapshot of everything up to entry 5, and the log drops all of that but the last two |
 * | `offer n1 n2` | n1's newest snapshot is at n2, though n1 has not decided to send it |
 * | `install n1 n2` | the snapshot that n1 sends n2 is there, whole |
 * | `sent n1 n2`, `unsent n1 n2` | n1 hears that n2 has taken the snapshot, or has not got it |
 * | `deliver n1 n2 2` | the second of the messages on their way arrives; all of them without a number; all on all links without names |
 * | `drop n1 n2 1` | the same, but they are lost |
 * | `repeat n1 n2 1` | a copy follows the others |
 * | `forge n4 n1 voteResult 2` | a vote for term 2 is on its way that nobody gave; `preVoteResult` and `timeoutNow` likewise |
 * | `sync n1 1` | the disk completes the first write; all of them without a number |
 * | `crash n1 keep=1` | the power fails; of the writes that wait, the first is on the disk nevertheless |
 * | `restart n1` | the node starts on what its disk holds |
 * | `lose n1 5` | the node starts, and its disk has lost what it had from entry 5 on |
 * | `wipe n1` | the node starts on another disk, which is empty |
 * | `clock n1 rate=1.1 ahead=300` | n1's clock goes 1.1 times as fast from now on, and is 300 ms ahead at once |
 * | `cut n1 n2`, `mend n1 n2` | nothing gets through that way; it does again |
 * | `partition n1 n2 / n3` | messages get through only within the groups |
 * | `heal` | every link works |
 * | `disconnect n1 n2` | the connection breaks, what is on its way is lost, and both hear of it |
 * | `links` | what is on its way, snapshots too |
 * | `state n1` | what a node knows; all nodes without a name |
 * | `members n1` | the configuration in force at a node |
 * | `log n1` | a node's entries; those after the bar are not durable |
 *
 * `quiet` before a command keeps what happens out of the record.
 *
 * @module
 */
import { CALL_COMMANDS } from "./call_commands.ts";
import type { ScriptCluster } from "./cluster.ts";
import type { Command } from "./command.ts";
import { NETWORK_COMMANDS } from "./network_commands.ts";
import { SETUP_COMMANDS } from "./setup_commands.ts";
import { SNAPSHOT_COMMANDS } from "./snapshot_commands.ts";
import { TIME_COMMANDS } from "./time_commands.ts";

const COMMANDS: Record<string, Command> = {
  ...SETUP_COMMANDS,
  ...TIME_COMMANDS,
  ...CALL_COMMANDS,
  ...SNAPSHOT_COMMANDS,
  ...NETWORK_COMMANDS,
};

/** Runs one command. What it does is written down by the cluster. Throws an `Error` that says what is wrong with it. */
export function runCommand(cluster: ScriptCluster, line: string): void {
  const [name = "", ...rest] = line.split(" ").filter((word) => word !== "");
  if (name === "quiet") {
    const before = cluster.takeOutput();
    runCommand(cluster, rest.join(" "));
    cluster.takeOutput();
    for (const one of before) cluster.print(one);
    return;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    throw new Error(`no command ${name}; there are ${Object.keys(COMMANDS).join(", ")}`);
  }
  const options = new Map(
    rest.filter((word) => word.includes("=")).map((word) => word.split("=") as [string, string]),
  );
  command(cluster, { words: rest.filter((word) => !word.includes("=")), options });
}
