/**
 * What happens in a simulation and when: a list of events, drawn before it begins. Each says everything about itself, so that
 * any of them can be taken out and the rest still makes sense: that is how a failure is made short.
 *
 * @module
 */
import type { Prng } from "../prng.ts";
import type { FsmOperation } from "./faulty_fsm.ts";
import type { Scenario } from "./scenario.ts";

/** Whom an event is about: whoever leads then, or a machine by its number (modulo how many there are). */
export type Target = "leader" | number;

/** Something that happens. */
export type ScriptEvent =
  & {
    /** When. */
    readonly atMs: number;
  }
  & (
    | {
      /**
       * A machine loses power, or its process is killed: now, at a disk operation or message that is counted from now, or, after whatever
       * comes in next from its timers, its disk or its network, at the place where it waits for a promise for the `count`th time.
       */
      readonly kind: "crash";
      readonly target: Target;
      readonly how: "power" | "kill";
      readonly at: "now" | CrashMoment;
      readonly count: number;
      readonly downMs: number;
    }
    | {
      /** A node is shut down and started again. */
      readonly kind: "shutdown";
      readonly target: Target;
      readonly downMs: number;
    }
    | {
      /** Somebody is struck soon after a moment at which there is most to lose. */
      readonly kind: "hunt";
      readonly prey: Prey;
      readonly delayMs: number;
      readonly strike: Strike;
      readonly durationMs: number;
    }
    | {
      /** The network falls apart in groups. */
      readonly kind: "partition";
      /** How the groups are formed. */
      readonly shape: "split" | "isolate" | "shatter" | "bridge" | "ring";
      readonly target: Target;
      readonly seed: number;
      readonly durationMs: number;
    }
    | {
      /** Nothing gets through from one node to another, or in both directions. */
      readonly kind: "cut";
      readonly from: Target;
      readonly to: Target;
      readonly isBothWays: boolean;
      readonly durationMs: number;
    }
    | {
      /** Messages from one node to another take longer. */
      readonly kind: "slowLink";
      readonly from: Target;
      readonly to: Target;
      readonly extraMs: number;
      readonly durationMs: number;
    }
    | {
      /** The connection between two nodes breaks, and both notice. */
      readonly kind: "disconnect";
      readonly from: Target;
      readonly to: Target;
    }
    | {
      /** Snapshots that are on their way break off. */
      readonly kind: "breakSnapshots";
    }
    | {
      /** A process stands still, and does not know it. */
      readonly kind: "pause";
      readonly target: Target;
      readonly durationMs: number;
    }
    | {
      /** Somebody moves a wall clock. */
      readonly kind: "wallJump";
      readonly target: Target;
      readonly byMs: number;
    }
    | {
      /** A disk completes nothing for a while. */
      readonly kind: "stall";
      readonly target: Target;
      readonly durationMs: number;
    }
    | {
      /** An operation of a disk fails. */
      readonly kind: "diskFault";
      readonly target: Target;
      readonly operation: "append" | "sync" | "name" | "read";
      readonly count: number;
    }
    | {
      /** A state machine throws, which ends its process unless it was asked for a snapshot. */
      readonly kind: "fsmFault";
      readonly target: Target;
      readonly operation: FsmOperation;
      readonly count: number;
    }
    | {
      /** A machine gets another address: its node is shut down and started again there. */
      readonly kind: "move";
      readonly target: Target;
      readonly downMs: number;
    }
    | {
      /** A disk has no room for a while. */
      readonly kind: "diskFull";
      readonly target: Target;
      readonly freeBytes: number;
      readonly durationMs: number;
    }
    | {
      /** A machine loses power, and a bit of its disk flips meanwhile. */
      readonly kind: "rot";
      readonly target: Target;
      readonly downMs: number;
    }
    | {
      /** A disk is lost. */
      readonly kind: "wipe";
      readonly target: Target;
    }
    | {
      /** An operator changes the membership. */
      readonly kind: "member";
      readonly change: MemberChange;
      readonly seed: number;
    }
    | {
      /** An operator wants another leader. */
      readonly kind: "transfer";
      readonly seed: number;
    }
    | {
      /** An operator wants a leader to step down. */
      readonly kind: "stepDown";
    }
    | {
      /** An operator wants a snapshot. */
      readonly kind: "snapshot";
      readonly target: Target;
    }
    | {
      /** An operator changes settings. */
      readonly kind: "reload";
      readonly target: Target;
      readonly seed: number;
    }
    | {
      /** Somebody asks whether a node leads. */
      readonly kind: "verify";
      readonly target: Target;
    }
    | {
      /** Somebody waits for everything before to be applied. */
      readonly kind: "barrier";
      readonly target: Target;
    }
    | {
      /** A client comes. */
      readonly kind: "visit";
      readonly client: number;
      readonly seed: number;
    }
  );

/** When a process crashes that does not at once. */
export type CrashMoment = "before operation" | "after operation" | "send" | "await";

/** Who is hunted: the next that is elected, the next that tells another to take over, or that other. */
export type Prey = "elected" | "handing over" | "successor";

/**
 * What befalls it: its machine loses power; nothing gets through to it or from it; the same, and connections break; it stands still; it
 * hears nothing; nobody hears it, and what it hears is late.
 */
export type Strike = "power" | "isolate" | "unplug" | "pause" | "deafen" | "mute";

/** How an operator changes the membership. */
export type MemberChange =
  | "addVoter"
  | "addNonvoter"
  | "demoteVoter"
  | "removeServer"
  | "replace"
  | "changeConfiguration";

/** The kinds of events. */
export type EventKind = ScriptEvent["kind"];

/** What an event is, without its time. */
type Drawn = ScriptEvent extends infer Event
  ? Event extends ScriptEvent ? Omit<Event, "atMs"> : never
  : never;

/** Draws everything that happens in a world, in the order of time. */
export function drawScript(random: Prng, scenario: Scenario): ScriptEvent[] {
  const events: ScriptEvent[] = [];
  for (const [kind, intervalMs] of Object.entries(scenario.intervalsMs) as [EventKind, number][]) {
    for (let atMs = 0;;) {
      atMs += -Math.log(1 - random.next()) * intervalMs;
      if (atMs >= scenario.durationMs) break;
      events.push({ atMs, ...drawEvent(kind, random, scenario) } as ScriptEvent);
    }
  }
  return events.sort((one, other) => one.atMs - other.atMs);
}

/** An event in words. */
export function eventText({ atMs, kind, ...rest }: ScriptEvent): string {
  const details = Object.entries(rest).map(([name, value]) =>
    `${name} ${typeof value === "number" ? Number(value.toFixed(3)) : value}`
  );
  return `${atMs.toFixed(3)} ms: ${[kind, ...details].join(", ")}`;
}

function drawEvent(kind: EventKind, random: Prng, scenario: Scenario): Drawn {
  const { faultMaxMs } = scenario;
  const { heartbeatTimeoutMs } = scenario.config;
  const durationMs = random.between(0, faultMaxMs);
  const downMs = random.between(0, faultMaxMs);
  const target = drawTarget(random);
  const seed = random.uint32();
  switch (kind) {
    case "crash": {
      const at = random.pick(
        ["now", "now", "before operation", "after operation", "send", "await", "await"] as const,
      );
      const how = random.pick(["power", "power", "kill"] as const);
      return { kind, target, how, at, count: random.int(0, random.pick([2, 10, 40])), downMs };
    }
    case "shutdown":
    case "move":
      return { kind, target, downMs };
    case "hunt": {
      const delayMs = random.between(0, random.pick([0.05, 0.3, 1])) * heartbeatTimeoutMs;
      const prey = random.pick(scenario.preys);
      const strike = random.pick(scenario.strikes);
      return { kind, prey, delayMs, strike, durationMs };
    }
    case "partition": {
      const shape = random.pick(
        ["split", "split", "isolate", "shatter", "bridge", "ring"] as const,
      );
      return { kind, shape, target, seed, durationMs };
    }
    case "cut":
      return {
        kind,
        from: target,
        to: drawTarget(random),
        isBothWays: random.chance(0.4),
        durationMs,
      };
    case "slowLink": {
      const extraMs = random.between(0, 0.6) * heartbeatTimeoutMs;
      return { kind, from: target, to: drawTarget(random), extraMs, durationMs };
    }
    case "disconnect":
      return { kind, from: target, to: drawTarget(random) };
    case "breakSnapshots":
    case "stepDown":
      return { kind };
    case "pause":
    case "stall":
      return { kind, target, durationMs };
    case "wallJump":
      return {
        kind,
        target,
        byMs: Math.round(random.between(-1, 1) * random.pick([100, 1e5, 1e8])),
      };
    case "diskFault": {
      const operation = random.pick(["append", "sync", "sync", "name", "read"] as const);
      return { kind, target, operation, count: random.int(0, 20) };
    }
    case "fsmFault": {
      const operation = random.pick(["apply", "apply", "snapshot", "restore"] as const);
      return { kind, target, operation, count: random.int(0, 20) };
    }
    case "diskFull":
      return { kind, target, freeBytes: random.int(0, 2000), durationMs };
    case "rot":
      return { kind, target, downMs };
    case "wipe":
      return { kind, target };
    case "member": {
      const change = random.pick(
        [
          "addVoter",
          "addVoter",
          "addNonvoter",
          "demoteVoter",
          "removeServer",
          "replace",
          "replace",
          "changeConfiguration",
        ] as const,
      );
      return { kind, change, seed };
    }
    case "transfer":
      return { kind, seed };
    case "snapshot":
    case "verify":
    case "barrier":
      return { kind, target };
    case "reload":
      return { kind, target, seed };
    case "visit":
      return { kind, client: random.int(0, scenario.clients - 1), seed };
  }
}

/** Often the leader: it has most to lose. */
function drawTarget(random: Prng): Target {
  return random.chance(0.4) ? "leader" : random.int(0, 59);
}
