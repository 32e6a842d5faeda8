/**
 * What is said of directories in which no store can be opened.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { StorageError } from "@coracle/core";
import { FsLogStore } from "@coracle/store-fs";
import { EXIT } from "./exit.ts";
import { storeProblem } from "./store_directory.ts";

/** What is said of `error`, with the exit code, for `dataDir` and for an argument. */
function said(dir: string, error: unknown): unknown[] {
  return [storeProblem(dir, error, "dataDir"), storeProblem(dir, error)]
    .map((problem) => problem && [problem.exitCode, problem.message]);
}

function expected(dir: string, path: string, problem: string): unknown[] {
  const inside = path === dir ? problem : `${path}: ${problem}`;
  return [
    [
      EXIT.usage,
      `dataDir is ${JSON.stringify(dir)} (${inside}); ` +
      "allowed is a directory that this user may change, or what can become one",
    ],
    [
      EXIT.usage,
      `${path} cannot be used: ${problem}; allowed is a node's directory that this user may change`,
    ],
  ];
}

Deno.test("what the system has against a path of a store is said without its number", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-store-" });
  const opened = (directory: string) =>
    assertRejects(() => FsLogStore.open({ directory }), StorageError);
  try {
    const [file, lock] = [`${dir}/a`, `${dir}/b`];
    await Deno.mkdir(file);
    await Deno.writeTextFile(`${file}/log`, "");
    assertEquals(
      said(file, await opened(file)),
      expected(file, `${file}/log`, "it is a file"),
    );
    await Deno.mkdir(`${lock}/lock`, { recursive: true });
    assertEquals(
      said(lock, await opened(lock)),
      expected(lock, `${lock}/lock`, "it is a directory"),
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a user who may not, and a file system that may not be written, are named", () => {
  const failed = (code: string, cause: Error) =>
    new StorageError(`cannot open the store in /d: ${cause.message}`, {
      cause: Object.assign(cause, { code }),
    });
  const denied = new Deno.errors.PermissionDenied(
    "Permission denied (os error 13): open '/d/lock'",
  );
  const readOnly = new Error("Read-only file system (os error 30): mkdir '/d'");
  assertEquals(
    said("/d", failed("EACCES", denied)),
    expected("/d", "/d/lock", "this user may not"),
  );
  assertEquals(
    said("/d", failed("EROFS", readOnly)),
    expected("/d", "/d", "read-only file system"),
  );
});

Deno.test("what may pass, and what is no problem of a path, is left to others", () => {
  const full = Object.assign(new Error("No space left on device (os error 28): mkdir '/d'"), {
    code: "ENOSPC",
  });
  assertEquals(said("/d", new StorageError("x", { cause: full })), [undefined, undefined]);
  assertEquals(said("/d", new StorageError("x")), [undefined, undefined]);
  assertEquals(said("/d", new Deno.errors.PermissionDenied("x")), [undefined, undefined]);
});
