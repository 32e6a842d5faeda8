import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  AbortedError,
  BackupRefusedError,
  CannotBootstrapError,
  CommandTooLargeError,
  CommitTimeoutError,
  EnqueueTimeoutError,
  FsmFailedError,
  InvalidConfigError,
  InvalidConfigurationError,
  LeadershipLostError,
  NothingToRecoverError,
  NotLeaderError,
  OverloadedError,
  RaftError,
  ShutdownError,
  ShutdownTimeoutError,
  StorageError,
  StoreLockedError,
  TransportError,
} from "./errors.ts";
import { toIndex } from "./numbers.ts";

/** One of each, with the code that programs compare and what it says about the write. */
const ERRORS: [RaftError, string, string][] = [
  [new NotLeaderError(undefined), "not-leader", "not-written"],
  [new LeadershipLostError(), "leadership-lost", "unknown"],
  [new LeadershipLostError("not-written"), "leadership-lost", "not-written"],
  [new ShutdownError("unknown"), "shutdown", "unknown"],
  [new ShutdownTimeoutError(10, ["the log"]), "shutdown-timeout", "not-written"],
  [new BackupRefusedError("why"), "backup-refused", "failed"],
  [new EnqueueTimeoutError(10), "enqueue-timeout", "not-written"],
  [new CommitTimeoutError(10), "commit-timeout", "unknown"],
  [new CommitTimeoutError(10, "not-written"), "commit-timeout", "not-written"],
  [new AbortedError("unknown", "why"), "aborted", "unknown"],
  [new OverloadedError("pendingCallsMax", 5), "overloaded", "not-written"],
  [new CommandTooLargeError(11, 10), "command-too-large", "not-written"],
  [new CannotBootstrapError(toIndex(4), 2), "cannot-bootstrap", "not-written"],
  [new NothingToRecoverError(0), "nothing-to-recover", "not-written"],
  [new InvalidConfigurationError("no voter"), "invalid-configuration", "not-written"],
  [new InvalidConfigError("field", 1, "2 to 3"), "invalid-config", "not-written"],
  [new StorageError("broken"), "storage", "unknown"],
  [new StoreLockedError("/data"), "store-locked", "not-written"],
  [new FsmFailedError(toIndex(3), "why"), "fsm-failed", "unknown"],
  [new TransportError("in use"), "transport", "not-written"],
];

Deno.test("every error has a stable code, an outcome, its class's name and a message", () => {
  for (const [error, code, outcome] of ERRORS) {
    assert(error instanceof RaftError);
    assertStrictEquals(error.code, code as RaftError["code"]);
    assertStrictEquals(error.outcome, outcome as RaftError["outcome"]);
    assertStrictEquals(error.name, error.constructor.name);
    assert(error.message.length > 5, error.message);
  }
});

Deno.test("errors say what was given and what is allowed", () => {
  const leader = { id: "b", address: "b:1" };
  assertEquals(
    [
      new NotLeaderError(leader),
      new NotLeaderError(undefined),
      new OverloadedError("pendingCallsMax", 5),
      new CommandTooLargeError(11, 10),
      new CannotBootstrapError(toIndex(4), 2),
      new InvalidConfigError("field", 1, "2 to 3"),
      new StoreLockedError("/data"),
      new EnqueueTimeoutError(250),
    ].map((error) => error.message),
    [
      "node is not the leader; that is b at b:1",
      "node is not the leader, and knows of none",
      "the limit pendingCallsMax of 5 is reached",
      "a command of 11 bytes is larger than the limit of 10 bytes",
      "bootstrap only works on new clusters; this node is in term 2 with a log up to 4",
      "field is 1; allowed is 2 to 3",
      "the store in /data is open already, in this process or another",
      "timed out after 250 ms before the entry was appended",
    ],
  );
});

Deno.test("an error that has a cause names it", () => {
  const cause = new Error("disk on fire");
  for (
    const error of [
      new ShutdownError("unknown", cause),
      new AbortedError("unknown", cause),
      new FsmFailedError(toIndex(1), cause),
      new StorageError("broken", { cause }),
      new TransportError("broken", { cause }),
    ]
  ) assertStrictEquals(error.cause, cause);
  assertStrictEquals(new ShutdownError("unknown").cause, undefined);
});
