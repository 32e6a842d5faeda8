/**
 * All known mistakes that can be planted.
 *
 * @module
 */
import { COMMIT_BUGS } from "./commits.ts";
import { CONFIRMATION_BUGS } from "./confirmations.ts";
import { ELECTION_BUGS } from "./elections.ts";
import { LEASE_BUGS } from "./leases.ts";
import { LOG_BUGS } from "./logs.ts";
import { MEMBER_BUGS } from "./members.ts";
import type { PlantedBug } from "./planted_bug.ts";
import { SNAPSHOT_BUGS } from "./snapshots.ts";
import { STORE_BUGS } from "./stores.ts";
import { TRANSFER_BUGS } from "./transfers.ts";

export type { PlantedBug } from "./planted_bug.ts";

/** All mistakes that can be planted. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...ELECTION_BUGS,
  ...COMMIT_BUGS,
  ...LOG_BUGS,
  ...CONFIRMATION_BUGS,
  ...LEASE_BUGS,
  ...MEMBER_BUGS,
  ...TRANSFER_BUGS,
  ...SNAPSHOT_BUGS,
  ...STORE_BUGS,
];
