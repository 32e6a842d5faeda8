/**
 * Names of nodes and clusters.
 *
 * @module
 */

/** What a name looks like. */
export const NAME_PATTERN: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The same in words; ends the sentence "… is X; allowed is". */
export const NAME_ALLOWED: string =
  "1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit";
