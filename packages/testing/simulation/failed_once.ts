/**
 * Seeds that failed once, and what each has found. They are run with every change. What a seed means changes when scenarios
 * are drawn in another way; then its story is all that is left of it, and docs/testing.md tells it.
 *
 * @module
 */

/** See the module's description. */
export const FAILED_ONCE: Readonly<Record<number, string>> = {
  1795670432966126: "operators left a majority that was none with a lost member that was to vote",
  1795669220836238:
    "a disk failed to remove a snapshot that was given up, and the checker took what was left for a mistake of the store",
  1795674558757746:
    "a member came back with a new disk, and the checker of durability looked for what it held on the lost one",
  1795681427152102:
    "a simulated process that was killed between two steps of its start still took its address, and the next one could not",
  1795680487364093:
    "who was demoted and was to vote again within an election timeout was given the vote for what it had as a voter before",
  1795684430689097:
    "a leader that was demoted and had named a store since did not stand for election, and nobody else could win",
  1795686830631942:
    "a majority was left for when one of two servers gets its vote, but the other one got its own first",
  1795687752458563:
    "a write that a backup had undone was sent again, as sessions do, and the checker of histories knew of one effect only",
  1795688010246140:
    "who had removed itself and stood still was added again before it woke up and stopped",
  1795689673903079:
    "a member whose disk was lost after its vote caught up to when it had one, and elected itself",
  1795690525763506:
    "operators took the vote from who had not taken over, though a disk had gone bad since they asked whether they may",
  1795707501374330:
    "a node stopped with an entry still to write that the others had committed: the check of stopped disks took that for a loss",
  1795706358884080:
    "a backup that was just stored gave way to a leader's snapshot, which was stored in that moment, before it was opened",
  1795701525180677:
    "a bit flipped in the write that had replaced entries, which were there again: the checker of disks knew what was missing only",
  5521:
    "who was removed and added again met its removal in the log first, and stopped while the leader counted on it",
  1795677280656408:
    "a disk was lost between its acknowledgement and the commit, and the checker of durability did not count it",
  1264:
    "a write that a restore has undone was seen by a reader before, and its error said that it never took effect",
  200824:
    "after a pause, a message of an earlier leader dropped what a later one had committed: the checker took that for a mistake",
};
