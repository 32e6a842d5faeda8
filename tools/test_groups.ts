/**
 * Tests that run together, and which of them are wanted.
 *
 * @module
 */

/** Tests that run in one process with one set of permissions. */
export interface TestGroup {
  /** Heading in the output. */
  readonly name: string;
  /** Files and folders, from the root. */
  readonly paths: readonly string[];
  /** Files and folders below them that belong to another group. */
  readonly except?: readonly string[];
  /** Permission flags and others. */
  readonly flags: readonly string[];
}

/** The group with only those of its paths that `wanted` names or lies in. */
export function narrowed(group: TestGroup, wanted: readonly string[]): TestGroup {
  const { except = [] } = group;
  const isOurs = (path: string) =>
    group.paths.some((folder) => isWithin(path, folder)) &&
    !except.some((folder) => isWithin(path, folder));
  const paths = wanted.flatMap((path) =>
    isOurs(path) ? [path] : group.paths.filter((folder) => isWithin(folder, path))
  );
  return { ...group, paths };
}

function isWithin(path: string, folder: string): boolean {
  return `${path}/`.startsWith(`${folder}/`);
}
