/**
 * Mistakes about handing leadership over.
 *
 * @module
 */
import { step } from "@coracle/core/consensus";
import type { PlantedBug } from "./planted_bug.ts";

/** See the module's description. */
export const TRANSFER_BUGS: readonly PlantedBug[] = [
  {
    name: "transfer-never-given-up",
    description: "a leader whose target does not take over refuses writes for ever (B65)",
    script: "transfer_03_target_dies_before_told_B65",
    world: "members",
    step(state, input, nowMs) {
      const effects = step(state, input, nowMs);
      if (state.role.type === "leader" && state.role.transfer !== undefined) {
        (state.role.transfer as { deadlineMs: number }).deadlineMs = Infinity;
      }
      return effects;
    },
  },
  {
    name: "transfer-told-when-sent",
    description: "the target is told when it was sent everything, not when it has it (B66)",
    script: "transfer_01_to_a_voter",
    world: "members",
    step(state, input, nowMs) {
      const effects = step(state, input, nowMs);
      const { role, log, term } = state;
      if (role.type !== "leader" || role.transfer === undefined || role.transfer.told) {
        return effects;
      }
      const { transfer } = role;
      if (role.progress.get(transfer.target)!.nextIndex <= log.lastIndex) return effects;
      transfer.told = true;
      const message = { type: "timeoutNow", term } as const;
      return [...effects, { type: "send", to: transfer.target, message, after: undefined }];
    },
  },
  {
    name: "transfer-takes-writes",
    description: "a leader takes writes while it hands over",
    script: "transfer_01_to_a_voter",
    world: "members",
    step(state, input, nowMs) {
      const { role } = state;
      if (input.type !== "propose" || role.type !== "leader") return step(state, input, nowMs);
      const { transfer } = role;
      role.transfer = undefined;
      const effects = step(state, input, nowMs);
      role.transfer = transfer;
      return effects;
    },
  },
];
