/**
 * What is said of paths at which there is not what was wanted.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { directoryProblem, namedPath, pathProblem, systemText } from "./path_problem.ts";

/** What is said when `open` fails, which it must. */
function problemOf(open: () => unknown): string | undefined {
  return pathProblem(assertThrows(open));
}

Deno.test("what the system says of a path is put in words, without its number", async () => {
  const dir = await Deno.makeTempDir({ prefix: "coracle-path-" });
  try {
    const file = `${dir}/file`;
    Deno.writeTextFileSync(file, "");
    assertEquals(problemOf(() => Deno.readTextFileSync(`${dir}/none`)), "it does not exist");
    assertEquals(problemOf(() => Deno.readTextFileSync(dir)), "it is a directory");
    assertEquals(problemOf(() => Deno.readTextFileSync(`${file}/x`)), "it leads through a file");
    assertEquals(problemOf(() => Deno.mkdirSync(file)), "it is a file");
    assertEquals(
      problemOf(() => Deno.readTextFileSync(`${dir}/${"x".repeat(300)}`)),
      "file name too long",
    );
    assertEquals(pathProblem(new Deno.errors.PermissionDenied("")), "this user may not");
    assertEquals(pathProblem(new TypeError("a bug")), undefined);
    const special = 'Requires all access to "/dev/stdin", run again with the --allow-all flag';
    assertEquals(
      pathProblem(new Deno.errors.NotCapable(special)),
      "this process may not without --allow-all",
    );
    assertEquals(pathProblem(new Deno.errors.NotCapable("")), "this process may not");

    const error = assertThrows(() => Deno.readDirSync(file).next());
    assertEquals(systemText(error), `Not a directory: readdir '${file}'`);
    assertEquals(systemText(new TypeError("a bug")), undefined);

    assertEquals(namedPath(error), file);
    const moved = assertThrows(() => Deno.renameSync(`${dir}/none`, `${dir}/other`));
    assertEquals(namedPath(moved), `${dir}/none`);
    assertEquals(
      namedPath(new Deno.errors.IsADirectory("Is a directory (os error 21)")),
      undefined,
    );

    assertEquals(directoryProblem(dir), undefined);
    assertEquals(directoryProblem(`${dir}/none`), undefined);
    assertEquals(directoryProblem(file), "it is a file");
    assertEquals(directoryProblem(`${file}/x`), "it leads through a file");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
