/**
 * What measures the loops of one node: deciding, applying, and how much of the time each takes.
 *
 * @module
 */
import type { NodeState } from "../consensus/state.ts";
import type { LogReader } from "../ports/log_store.ts";
import { ApplyMeter } from "./apply_meter.ts";
import { BusyShare } from "./busy_share.ts";
import { EngineMeter } from "./engine_meter.ts";
import type { Meter } from "./meter.ts";

/** See the module's description. */
export interface NodeMeters {
  /** For the engine. */
  readonly engine: EngineMeter;
  /** For the applier. */
  readonly applier: ApplyMeter;
}

/** The meters of a node with this state and log. */
export function makeNodeMeters(meter: Meter, state: NodeState, log: LogReader): NodeMeters {
  const main = new BusyShare(meter, "thread.main.saturation");
  const fsm = new BusyShare(meter, "thread.fsm.saturation");
  return {
    engine: new EngineMeter(meter, state, log, main),
    applier: new ApplyMeter(meter, main, fsm),
  };
}
