/**
 * Texts that tools for hashicorp/raft read.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  AbortedByRestoreError,
  CannotBootstrapError,
  ConfigurationChangedError,
  EnqueueTimeoutError,
  InvalidConfigurationError,
  LeadershipLostError,
  NothingNewToSnapshotError,
  NotLeaderError,
  type RaftError,
  ShutdownError,
  toIndex,
  TransferFailedError,
  TransferInProgressError,
} from "@coracle/core";
import { durationText, hashicorpMessage } from "./hashicorp.ts";

Deno.test("errors have hashicorp/raft's words where it has the error", () => {
  const words: readonly [RaftError, string][] = [
    [new NotLeaderError({ id: "n2", address: "127.0.0.1:7002" }), "node is not the leader"],
    [new LeadershipLostError(), "leadership lost while committing log"],
    [new ShutdownError("unknown"), "raft is already shutdown"],
    [new EnqueueTimeoutError(5), "timed out enqueuing operation"],
    [new TransferInProgressError(), "leadership transfer in progress"],
    [new AbortedByRestoreError("failed"), "snapshot restored while committing log"],
    [new NothingNewToSnapshotError(toIndex(3)), "nothing new to snapshot"],
    [new CannotBootstrapError(toIndex(3), 1), "bootstrap only works on new clusters"],
    [
      new ConfigurationChangedError(toIndex(1), toIndex(9)),
      "configuration changed since 1 (latest is 9)",
    ],
    [
      new TransferFailedError("cannot transfer leadership to itself"),
      "cannot transfer leadership to itself",
    ],
    [new InvalidConfigurationError('"n9" is not a member'), '"n9" is not a member'],
  ];
  for (const [error, expected] of words) assertEquals(hashicorpMessage(error), expected);
});

Deno.test("durations are as Go prints them", () => {
  const texts: readonly [number, string][] = [
    [0, "0s"],
    [0.000_25, "250ns"],
    [0.25, "250µs"],
    [12.345_678, "12.345678ms"],
    [999.999_999, "999.999999ms"],
    [1000, "1s"],
    [1500, "1.5s"],
    [62_500, "1m2.5s"],
    [3_600_000, "1h0m0s"],
    [26 * 3_600_000 + 61_000, "26h1m1s"],
  ];
  for (const [ms, expected] of texts) assertEquals(durationText(ms), expected);
});
