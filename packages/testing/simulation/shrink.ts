/**
 * Makes a list that fails short: takes out as much as it can while it still fails (delta debugging: Zeller and Hildebrandt,
 * "Simplifying and isolating failure-inducing input", 2002).
 *
 * @module
 */

/**
 * The shortest list that was found in which `fails` still holds; `items` itself must fail. No single item can be taken out of
 * the result unless `isOver` has ended the search before.
 */
export async function shrink<Item>(
  items: readonly Item[],
  fails: (items: readonly Item[]) => Promise<boolean>,
  isOver: () => boolean = () => false,
): Promise<readonly Item[]> {
  let present = items;
  let size = Math.ceil(present.length / 2);
  while (present.length > 0) {
    let isShorter = false;
    for (let at = 0; at < present.length && !isOver();) {
      const without = [...present.slice(0, at), ...present.slice(at + size)];
      if (await fails(without)) {
        present = without;
        isShorter = true;
      } else at += size;
    }
    if (isOver() || (size === 1 && !isShorter)) break;
    // What was taken out may have made other things unnecessary.
    if (!isShorter || size > 1) size = Math.ceil(size / 2);
  }
  return present;
}
