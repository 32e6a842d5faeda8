/**
 * Mistakes about the comparison of logs.
 *
 * @module
 */
import type { Index } from "@coracle/core";
import { afterAppends, changingMessages } from "./around_step.ts";
import type { PlantedBug } from "./planted_bug.ts";

/** See the module's description. */
export const LOG_BUGS: readonly PlantedBug[] = [
  {
    name: "place-not-compared",
    description: "a follower does not compare the entry before those it is sent",
    step: changingMessages((message, state) => {
      if (message.type !== "append") return message;
      const prevLogTerm = state.log.term(message.prevLogIndex);
      return prevLogTerm === undefined ? message : { ...message, prevLogTerm };
    }),
  },
  {
    name: "truncation-without-conflict",
    description: "a late append removes the entries after its own (B11)",
    step: afterAppends((state, { term, entries }, effects, nowMs) => {
      if (term !== state.term || entries === undefined) return;
      const { lastIndex } = entries;
      if (state.log.lastIndex <= lastIndex || state.log.term(lastIndex) !== entries.lastTerm) {
        return;
      }
      const truncateFrom = (lastIndex + 1) as Index;
      state.log.truncate(truncateFrom);
      const id = state.nextPersistId++;
      state.log.written(id, nowMs);
      effects.push({
        type: "persist",
        id,
        hardState: undefined,
        reset: undefined,
        truncateFrom,
        entries: undefined,
      });
    }),
  },
  {
    name: "probe-moves-on",
    description: "a probe does not stay at its place, and its rejection looks stale",
    step: changingMessages((message, { role }, from) => {
      if (message.type !== "appendRejected" || role.type !== "leader") return message;
      const progress = role.progress.get(from);
      if (progress?.mode !== "probe" || !progress.paused) return message;
      // Only the rejection of a heartbeat behind everything that was sent is taken for current.
      return { ...message, rejectedIndex: -1 as Index };
    }),
  },
];
