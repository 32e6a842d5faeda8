/**
 * Mistakes about the confirmation of a leader.
 *
 * @module
 */
import { isVoter } from "@coracle/core";
import { configurationOf, step } from "@coracle/core/consensus";
import { changingMessages } from "./around_step.ts";
import type { PlantedBug } from "./planted_bug.ts";

/** See the module's description. */
export const CONFIRMATION_BUGS: readonly PlantedBug[] = [
  {
    name: "stale-round-confirms",
    description: "any answer confirms a question, also one to an older message (B56)",
    world: "leased",
    step: changingMessages((message, { role }) =>
      message.type === "appendAccepted" && role.type === "leader"
        ? { ...message, round: role.round }
        : message
    ),
  },
  {
    name: "nonvoters-confirm",
    description: "answers of members without a vote confirm a question (B57)",
    step(state, input, nowMs) {
      const { role } = state;
      const configuration = configurationOf(state);
      if (
        role.type === "leader" && input.type === "received" && !isVoter(configuration, input.from)
      ) {
        for (const message of input.messages) {
          if (message.type !== "appendAccepted" || message.term !== state.term) continue;
          for (const [id, progress] of role.progress) {
            if (!isVoter(configuration, id)) continue;
            progress.confirmedRound = Math.max(progress.confirmedRound, message.round);
            progress.lastContactMs = nowMs;
          }
        }
      }
      return step(state, input, nowMs);
    },
  },
  {
    name: "refusal-carries-round",
    description: "the refusal of an earlier term's append answers a round of that term (B56)",
    step(state, input, nowMs) {
      const effects = step(state, input, nowMs);
      if (input.type !== "received") return effects;
      const stale = input.messages.find((one) => one.type === "append" && one.term < state.term);
      if (stale?.type !== "append") return effects;
      return effects.map((effect) =>
        effect.type === "send" && effect.message.type === "appendRejected" &&
          effect.message.round === 0
          ? { ...effect, message: { ...effect.message, round: stale.round } }
          : effect
      );
    },
  },
];
